// GET /bucket/key?uploadId=ID. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
import type { PartInfo } from '../../cluster/object-store.ts';
import { checksumElements } from '../checksum-elements.ts';
import { S3Error } from '../errors.ts';
import { listParameters } from '../listing.ts';
import { uploadIdOf } from '../multipart.ts';
import { PART_NUMBER_MAX } from '../names.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { ownerXml } from '../owner.ts';
import { element, group, optional, xmlDocument } from '../xml.ts';

export const listParts: Operation = {
  name: 'ListParts',
  method: 'GET',
  scope: 'object',
  queries: ['uploadId'],
  note: 'part-number-marker, max-parts (at most 1,000 come), encoding-type.',
  async handle(request, { store }) {
    const { bucket, key, query } = request;
    const uploadId = uploadIdOf(request);
    const { limit, encode, encodingType } = listParameters(query, 'max-parts');
    const marker = partNumberMarker(query.get('part-number-marker'));
    const upload = await store.getUpload(bucket, key, uploadId);
    const page =
      limit === 0 ? { parts: [], truncated: false } : await store.listParts(bucket, key, uploadId, marker, limit);
    return xmlReply(
      xmlDocument(
        'ListPartsResult',
        element('Bucket', bucket) +
          element('Key', encode(key)) +
          element('UploadId', uploadId) +
          element('PartNumberMarker', marker) +
          element('NextPartNumberMarker', page.parts.at(-1)?.partNumber ?? 0) +
          element('MaxParts', limit) +
          optional('EncodingType', encodingType) +
          element('IsTruncated', page.truncated) +
          page.parts.map(partXml).join('') +
          ownerXml('Initiator') +
          ownerXml('Owner') +
          element('StorageClass', 'STANDARD') +
          optional('ChecksumAlgorithm', upload.checksumAlgorithm?.toUpperCase()) +
          optional('ChecksumType', upload.checksumType),
      ),
    );
  },
};

function partXml(part: PartInfo): string {
  return group(
    'Part',
    element('PartNumber', part.partNumber) +
      element('LastModified', isoDate(part.modifiedMs)) +
      element('ETag', `"${part.etag}"`) +
      checksumElements(part.checksums) +
      element('Size', part.sizeBytes),
  );
}

function partNumberMarker(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 2147483647) return Math.min(value, PART_NUMBER_MAX);
  throw new S3Error('InvalidArgument', 'Argument part-number-marker must be an integer between 0 and 2147483647', {
    ArgumentName: 'part-number-marker',
    ArgumentValue: text,
  });
}
