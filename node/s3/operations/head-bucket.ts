// HEAD /bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
import { emptyReply, type Operation } from '../operation.ts';

export const headBucket: Operation = {
  name: 'HeadBucket',
  method: 'HEAD',
  scope: 'bucket',
  queries: [],
  note: 'Says the region in x-amz-bucket-region.',
  async handle(request, { store, region }) {
    await store.headBucket(request.bucket);
    return emptyReply(200, { 'x-amz-bucket-region': region, 'x-amz-access-point-alias': 'false' });
  },
};
