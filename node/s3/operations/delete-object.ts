// DELETE /bucket/key. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
import { deleteConditions } from '../conditions.ts';
import { emptyReply, type Operation } from '../operation.ts';
import { requireOnlyVersion } from '../version-id.ts';

export const deleteObject: Operation = {
  name: 'DeleteObject',
  method: 'DELETE',
  scope: 'object',
  queries: [],
  note: '204 whether or not the object was there; If-Match (a tag or *) is judged atomically with the deletion.',
  async handle(request, { store }) {
    requireOnlyVersion(request.query);
    await store.deleteObject(request.bucket, request.key, deleteConditions(request.headers));
    return emptyReply(204);
  },
};
