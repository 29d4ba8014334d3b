// What clients get from a node that has not joined its cluster yet.
import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../node/cluster/object-store.ts';
import { deferredStore } from '../../node/deferred-store.ts';
import type { Clock } from '../../node/io/clock.ts';

const store = { listBuckets: async () => ['photos'] } as unknown as ObjectStore;

/** Its timers go off when they are told to. */
function handClock() {
  const timers: { readonly delayMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    wallMs: () => 0,
    monotonicMs: () => 0,
    setTimer: (delayMs, callback) => {
      const timer = { delayMs, callback };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  return { clock, timers };
}

function starting() {
  const { clock, timers } = handClock();
  const joined = Promise.withResolvers<void>();
  let current: ObjectStore | null = null;
  const deferred = deferredStore({ current: () => current, joined: joined.promise, clock });
  const join = () => {
    current = store;
    joined.resolve();
  };
  return { deferred, timers, joined, join };
}

describe('a call to a node that has not joined its cluster', () => {
  test('waits, and is answered when the node has joined', async () => {
    const { deferred, timers, join } = starting();
    const answer = deferred.listBuckets();
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([5_000]);
    join();
    expect(await answer).toEqual(['photos']);
    expect(timers).toEqual([]);
  });

  test('is refused as unavailable when that takes too long', async () => {
    const { deferred, timers } = starting();
    const answer = deferred.listBuckets();
    timers[0]!.callback();
    await expect(answer).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('not joined') });
  });

  test('is refused as unavailable when it cannot join', async () => {
    const { deferred, timers, joined } = starting();
    const answer = deferred.listBuckets();
    joined.reject(new Error('no such drive'));
    await expect(answer).rejects.toMatchObject({ code: 'Unavailable' });
    expect(timers).toEqual([]);
  });

  test('does not wait once it has', async () => {
    const { deferred, timers, join } = starting();
    join();
    expect(await deferred.listBuckets()).toEqual(['photos']);
    expect(timers).toEqual([]);
  });
});
