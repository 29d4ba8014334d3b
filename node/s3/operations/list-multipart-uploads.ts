// GET /bucket?uploads. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
import type { ListPage, UploadInfo } from '../../cluster/object-store.ts';
import { commonPrefixesXml, type ListParameters, listParameters, withoutNul } from '../listing.ts';
import { checkUploadId } from '../names.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, type S3Context, xmlReply } from '../operation.ts';
import { ownerXml } from '../owner.ts';
import type { S3Request } from '../request.ts';
import { element, group, optional, xmlDocument } from '../xml.ts';

export const listMultipartUploads: Operation = {
  name: 'ListMultipartUploads',
  method: 'GET',
  scope: 'bucket',
  queries: ['uploads'],
  note: 'prefix, delimiter, key-marker, upload-id-marker, max-uploads (at most 1,000 come), encoding-type.',
  async handle(request, context) {
    const { bucket, query } = request;
    const parameters = listParameters(query, 'max-uploads');
    const { prefix, delimiter, limit, encode, encodingType } = parameters;
    const keyMarker = withoutNul(query, 'key-marker');
    // Without a key the upload id means nothing, and AWS looks past it too.
    const uploadIdMarker = keyMarker === '' ? '' : (query.get('upload-id-marker') ?? '');
    const after = uploadIdMarker === '' ? keyMarker : `${keyMarker}\0${checkUploadId(uploadIdMarker)}`;
    const page = await uploadsPage(request, context, parameters, after);
    const [nextKey, nextUploadId] = page.next?.split('\0') ?? [];
    return xmlReply(
      xmlDocument(
        'ListMultipartUploadsResult',
        element('Bucket', bucket) +
          element('KeyMarker', encode(keyMarker)) +
          element('UploadIdMarker', uploadIdMarker) +
          element('NextKeyMarker', encode(nextKey ?? '')) +
          element('NextUploadIdMarker', nextUploadId ?? '') +
          optional('Delimiter', delimiter === '' ? null : encode(delimiter)) +
          element('Prefix', encode(prefix)) +
          element('MaxUploads', limit) +
          optional('EncodingType', encodingType) +
          element('IsTruncated', page.next !== null) +
          page.entries.map((upload) => uploadXml(upload, parameters)).join('') +
          commonPrefixesXml(page.commonPrefixes, parameters),
      ),
    );
  },
};

async function uploadsPage(
  { bucket }: S3Request,
  { store }: S3Context,
  { prefix, delimiter, limit }: ListParameters,
  after: string,
): Promise<ListPage<UploadInfo>> {
  if (limit > 0) return store.listUploads(bucket, { prefix, delimiter, after, limit });
  await store.headBucket(bucket);
  return { entries: [], commonPrefixes: [], next: null };
}

function uploadXml(upload: UploadInfo, parameters: ListParameters): string {
  return group(
    'Upload',
    element('Key', parameters.encode(upload.key)) +
      element('UploadId', upload.uploadId) +
      ownerXml('Initiator') +
      ownerXml('Owner') +
      element('StorageClass', 'STANDARD') +
      element('Initiated', isoDate(upload.startedMs)) +
      optional('ChecksumAlgorithm', upload.checksumAlgorithm?.toUpperCase()) +
      optional('ChecksumType', upload.checksumType),
  );
}
