// PUT /bucket/key?partNumber=N&uploadId=ID with x-amz-copy-source.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
import type { ByteRange } from '../../cluster/object-store.ts';
import { checksumElements } from '../checksum-elements.ts';
import { copyBody, openCopySource, parseCopySource } from '../copy-source.ts';
import { S3Error } from '../errors.ts';
import { algorithmOf, partNumberOf, uploadIdOf } from '../multipart.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { element, xmlDocument } from '../xml.ts';

export const uploadPartCopy: Operation = {
  name: 'UploadPartCopy',
  method: 'PUT',
  scope: 'object',
  queries: ['uploadId', 'partNumber'],
  copies: true,
  note: 'With x-amz-copy-source-range (bytes=first-last within the source) and x-amz-copy-source-if-*.',
  async handle(request, context) {
    const { bucket, key, headers } = request;
    const uploadId = uploadIdOf(request);
    const partNumber = partNumberOf(request);
    const source = parseCopySource(headers.get('x-amz-copy-source')!);
    const algorithm = algorithmOf(await context.store.getUpload(bucket, key, uploadId));
    const object = await openCopySource(request, source, context);
    const range = copyRange(headers.get('x-amz-copy-source-range'), object.info.sizeBytes);
    const body = copyBody(object, range, algorithm);
    const part = await context.store.putPart(bucket, key, uploadId, partNumber, body);
    return xmlReply(
      xmlDocument(
        'CopyPartResult',
        element('LastModified', isoDate(part.modifiedMs)) +
          element('ETag', `"${part.etag}"`) +
          checksumElements(part.checksums),
      ),
    );
  },
};

/** Stricter than Range: a copy of other bytes than those asked for would go unnoticed. */
function copyRange(header: string | null, sizeBytes: number): ByteRange | null {
  if (header === null) return null;
  const match = /^bytes=([0-9]{1,16})-([0-9]{1,16})$/.exec(header);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  const problem =
    match === null || last < first
      ? 'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy'
      : last >= sizeBytes
        ? `Range specified is not valid for source object of size: ${sizeBytes}`
        : null;
  if (problem === null) return { first, last };
  throw new S3Error('InvalidArgument', problem, {
    ArgumentName: 'x-amz-copy-source-range',
    ArgumentValue: header,
  });
}
