// GET /bucket/key. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
import type { Operation } from '../operation.ts';
import { describeRead } from '../read-object.ts';

export const getObject: Operation = {
  name: 'GetObject',
  method: 'GET',
  scope: 'object',
  queries: [],
  note:
    'Range (one range; several are answered with the whole object), partNumber, If-* conditions, response-* overrides, ' +
    'x-amz-checksum-mode.',
  async handle(request, { store }) {
    const object = await store.getObject(request.bucket, request.key);
    const { status, headers, sizeBytes, range } = describeRead(request, object.info);
    if (status === 304) return { status, headers, body: null };
    return { status, headers, body: { sizeBytes, stream: object.read(range) } };
  },
};
