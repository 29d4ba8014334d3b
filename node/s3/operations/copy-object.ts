// PUT /bucket/key with x-amz-copy-source. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
import type { ObjectInfo, ObjectMetadata } from '../../cluster/object-store.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, uploadChecksum } from '../body/checksums.ts';
import { checksumElements } from '../checksum-elements.ts';
import { writeConditions } from '../conditions.ts';
import { copyBody, openCopySource, parseCopySource } from '../copy-source.ts';
import { S3Error } from '../errors.ts';
import { metadataOf } from '../metadata.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, xmlReply } from '../operation.ts';
import type { S3Request } from '../request.ts';
import { requireOnlyVersion } from '../version-id.ts';
import { element, optional, xmlDocument } from '../xml.ts';

export const copyObject: Operation = {
  name: 'CopyObject',
  method: 'PUT',
  scope: 'object',
  queries: [],
  copies: true,
  note: 'Up to 5 GiB, streamed inside the cluster. x-amz-metadata-directive, x-amz-copy-source-if-*, If-Match, If-None-Match: *.',
  async handle(request, context) {
    requireOnlyVersion(request.query);
    const conditions = writeConditions(request.headers);
    const source = parseCopySource(request.headers.get('x-amz-copy-source')!);
    const replacement = replacedMetadata(request);
    if (replacement === null && source.bucket === request.bucket && source.key === request.key) {
      throw new S3Error(
        'InvalidRequest',
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      );
    }
    const object = await openCopySource(request, source, context);
    const algorithm = uploadChecksum(request.headers)?.algorithm ?? compositeAlgorithm(object.info);
    const info = await context.store.putObject(
      request.bucket,
      request.key,
      copyBody(object, null, algorithm),
      replacement ?? object.info.metadata,
      conditions,
    );
    return xmlReply(
      xmlDocument(
        'CopyObjectResult',
        element('ETag', `"${info.etag}"`) +
          element('LastModified', isoDate(info.modifiedMs)) +
          checksumElements(info.checksums) +
          optional('ChecksumType', info.checksumType),
      ),
    );
  },
};

/** null: the source's metadata is kept. */
function replacedMetadata(request: S3Request): ObjectMetadata | null {
  const directive = request.headers.get('x-amz-metadata-directive') ?? 'COPY';
  if (directive === 'COPY') return null;
  if (directive === 'REPLACE') return metadataOf(request.headers);
  throw new S3Error('InvalidArgument', 'Unknown metadata directive.', {
    ArgumentName: 'x-amz-metadata-directive',
    ArgumentValue: directive,
  });
}

/** A checksum of parts means nothing for the copy, which has none: the same algorithm is then run over the whole. */
function compositeAlgorithm(info: ObjectInfo): ChecksumAlgorithm | null {
  return CHECKSUM_ALGORITHMS.find((algorithm) => Object.hasOwn(info.checksums, algorithm)) ?? null;
}
