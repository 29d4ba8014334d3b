// PUT /bucket/key. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
import { writeConditions } from '../conditions.ts';
import { metadataOf } from '../metadata.ts';
import { checksumHeaders } from '../object-headers.ts';
import { emptyReply, type Operation } from '../operation.ts';
import { requireOnlyVersion } from '../version-id.ts';

export const putObject: Operation = {
  name: 'PutObject',
  method: 'PUT',
  scope: 'object',
  queries: [],
  copies: false,
  note: 'Up to 5 GiB. If-None-Match: * and If-Match are judged atomically with the write.',
  async handle(request, { store }) {
    requireOnlyVersion(request.query);
    const metadata = metadataOf(request.headers);
    const conditions = writeConditions(request.headers);
    const info = await store.putObject(request.bucket, request.key, request.openBody(), metadata, conditions);
    return emptyReply(200, { ETag: `"${info.etag}"`, ...checksumHeaders(info.checksums, info.checksumType) });
  },
};
