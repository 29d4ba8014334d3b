// The object store as the S3 front end sees it from the first moment. A call that comes before the node has joined its cluster waits
// for that a little: an error at once would make the node the fastest of all, and a balancer that counts connections, or a
// client that tries again at once, would send it everything until its attempts are used up.
import { type ObjectStore, StoreError } from './cluster/object-store.ts';
import { type Clock, sleep } from './io/clock.ts';

export interface DeferredStoreProps {
  /** null: not yet. */
  readonly current: () => ObjectStore | null;
  /** Settles when there is one, or when there will be none. */
  readonly joined: Promise<unknown>;
  readonly clock: Clock;
}

/** Starting takes one to four seconds; the patience of clients is longer than this. */
const JOIN_WAIT_MS = 5_000;

/** Its calls reject with StoreError 'Unavailable', which makes clients come again, when the node does not join in time. */
export function deferredStore({ current, joined, clock }: DeferredStoreProps): ObjectStore {
  return new Proxy({} as ObjectStore, {
    get: (_, name) => {
      const store = current();
      if (store !== null) return Reflect.get(store, name);
      return async (...args: unknown[]) => {
        await settledWithin(joined, JOIN_WAIT_MS, clock);
        const late = current();
        if (late === null) throw new StoreError('Unavailable', 'this node has not joined its cluster yet');
        return Reflect.apply(Reflect.get(late, name), late, args);
      };
    },
  });
}

/** Resolves when the work has ended, however it did, or when the time is over. */
async function settledWithin(work: Promise<unknown>, limitMs: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  const waiting = sleep(clock, limitMs, over.signal);
  await Promise.allSettled([Promise.race([work, waiting])]);
  over.abort();
  // Cut short, it rejects.
  await waiting.catch(() => {});
}
