// Puts the object layer together from its ports.
import { Buckets } from './buckets.ts';
import { Listing } from './listing.ts';
import type { ObjectStore } from './object-store.ts';
import { Objects } from './objects.ts';
import type { StoreContext } from './store-context.ts';
import { UploadCompletion } from './upload-completion.ts';
import { Uploads } from './uploads.ts';

export function createObjectStore(context: StoreContext): ObjectStore {
  const buckets = new Buckets(context);
  const objects = new Objects(context, buckets);
  const uploads = new Uploads(context, buckets);
  const completion = new UploadCompletion(context, buckets, uploads);
  const listing = new Listing(context, buckets);
  return {
    createBucket: (name) => buckets.create(name),
    headBucket: (name) => buckets.head(name),
    deleteBucket: (name) => buckets.delete(name),
    listBuckets: () => buckets.list(),
    putObject: (...call) => objects.put(...call),
    getObject: (...call) => objects.get(...call),
    deleteObject: (...call) => objects.delete(...call),
    listObjects: (...call) => listing.objects(...call),
    createUpload: (...call) => uploads.create(...call),
    getUpload: (...call) => uploads.get(...call),
    putPart: (...call) => uploads.putPart(...call),
    listParts: (...call) => uploads.listParts(...call),
    completeUpload: (bucket, key, uploadId, chosen, minPartBytes, seal, conditions) =>
      completion.complete(bucket, key, uploadId, { chosen, minPartBytes, seal, conditions }),
    abortUpload: (...call) => uploads.abort(...call),
    listUploads: (...call) => listing.uploads(...call),
  };
}
