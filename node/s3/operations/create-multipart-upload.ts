// POST /bucket/key?uploads. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
import { uploadChecksum } from '../body/checksums.ts';
import { metadataOf } from '../metadata.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { requireOnlyVersion } from '../version-id.ts';
import { element, xmlDocument } from '../xml.ts';

export const createMultipartUpload: Operation = {
  name: 'CreateMultipartUpload',
  method: 'POST',
  scope: 'object',
  queries: ['uploads'],
  note: 'x-amz-checksum-algorithm and x-amz-checksum-type (COMPOSITE or FULL_OBJECT) as AWS.',
  async handle({ bucket, key, headers, query }, { store }) {
    requireOnlyVersion(query);
    const checksum = uploadChecksum(headers);
    const upload = await store.createUpload(bucket, key, metadataOf(headers), checksum);
    const checksumReply: Record<string, string> = {};
    if (checksum !== null) {
      checksumReply['x-amz-checksum-algorithm'] = checksum.algorithm.toUpperCase();
      checksumReply['x-amz-checksum-type'] = checksum.type;
    }
    return xmlReply(
      xmlDocument(
        'InitiateMultipartUploadResult',
        element('Bucket', bucket) + element('Key', key) + element('UploadId', upload.uploadId),
      ),
      checksumReply,
    );
  },
};
