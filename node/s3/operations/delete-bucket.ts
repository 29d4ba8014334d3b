// DELETE /bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
import { emptyReply, type Operation } from '../operation.ts';

export const deleteBucket: Operation = {
  name: 'DeleteBucket',
  method: 'DELETE',
  scope: 'bucket',
  queries: [],
  note: 'Only an empty bucket (BucketNotEmpty).',
  async handle(request, { store }) {
    await store.deleteBucket(request.bucket);
    return emptyReply(204);
  },
};
