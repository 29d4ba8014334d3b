// DELETE /bucket/key?uploadId=ID. https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
import { S3Error } from '../errors.ts';
import { uploadIdOf } from '../multipart.ts';
import { emptyReply, type Operation } from '../operation.ts';

export const abortMultipartUpload: Operation = {
  name: 'AbortMultipartUpload',
  method: 'DELETE',
  scope: 'object',
  queries: ['uploadId'],
  note: 'Takes all parts with it.',
  async handle(request, { store }) {
    if (request.headers.has('x-amz-if-match-initiated-time')) {
      throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-if-match-initiated-time' });
    }
    await store.abortUpload(request.bucket, request.key, uploadIdOf(request));
    return emptyReply(204);
  },
};
