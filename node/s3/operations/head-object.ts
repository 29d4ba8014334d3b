// HEAD /bucket/key. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
import { emptyReply, type Operation } from '../operation.ts';
import { describeRead } from '../read-object.ts';

export const headObject: Operation = {
  name: 'HeadObject',
  method: 'HEAD',
  scope: 'object',
  queries: [],
  note: 'Like GetObject, without the bytes; errors have no body.',
  async handle(request, { store }) {
    const { info } = await store.getObject(request.bucket, request.key);
    const { status, headers, sizeBytes } = describeRead(request, info);
    return emptyReply(status, status === 304 ? headers : { ...headers, 'Content-Length': String(sizeBytes) });
  },
};
