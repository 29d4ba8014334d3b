// The object store as the S3 front end sees it from the first moment: until the node has joined its cluster every call says so,
// with the error that makes clients come again.
import { type ObjectStore, StoreError } from './cluster/object-store.ts';

export function deferredStore(current: () => ObjectStore | null): ObjectStore {
  return new Proxy({} as ObjectStore, {
    get: (_, name) => {
      const store = current();
      if (store !== null) return Reflect.get(store, name);
      return () => Promise.reject(new StoreError('Unavailable', 'this node has not joined its cluster yet'));
    },
  });
}
