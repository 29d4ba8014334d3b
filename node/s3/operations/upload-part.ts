// PUT /bucket/key?partNumber=N&uploadId=ID. https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
import { algorithmOf, partNumberOf, uploadIdOf } from '../multipart.ts';
import { checksumHeaders } from '../object-headers.ts';
import { emptyReply, type Operation } from '../operation.ts';

export const uploadPart: Operation = {
  name: 'UploadPart',
  method: 'PUT',
  scope: 'object',
  queries: ['uploadId', 'partNumber'],
  copies: false,
  note: 'Up to 5 GiB. A checksum must be of the upload’s algorithm; when the client sends none, it is computed.',
  async handle(request, { store }) {
    const { bucket, key } = request;
    const uploadId = uploadIdOf(request);
    const partNumber = partNumberOf(request);
    const computeChecksum = algorithmOf(await store.getUpload(bucket, key, uploadId));
    const part = await store.putPart(bucket, key, uploadId, partNumber, request.openBody({ computeChecksum }));
    return emptyReply(200, { ETag: `"${part.etag}"`, ...checksumHeaders(part.checksums, null) });
  },
};
