// A store in memory with one method replaced by what a test needs: errors, bodies that break, bodies that never end.
import type { ObjectInfo, ObjectStore, ReadObject } from '../../node/cluster/object-store.ts';
import { systemClock } from '../../node/io/clock.ts';
import { systemRandom } from '../../node/io/random.ts';
import { MemoryStore } from './memory-store.ts';

export function storeWith(replaced: Partial<ObjectStore>): ObjectStore {
  return Object.assign(new MemoryStore(systemClock(), systemRandom()), replaced);
}

export function objectInfo(sizeBytes: number): ObjectInfo {
  return {
    key: 'k',
    sizeBytes,
    etag: '0123456789abcdef0123456789abcdef',
    checksums: {},
    checksumType: null,
    modifiedMs: 0,
    metadata: { headers: {}, user: {} },
    parts: [],
  };
}

/** A store whose every object has these bytes, and that counts what was asked of it. */
export function readingStore(sizeBytes: number, pieces: () => AsyncIterable<Uint8Array>) {
  const counts = { pulled: 0, opened: 0, closed: 0 };
  async function* counted(): AsyncGenerator<Uint8Array> {
    counts.opened++;
    try {
      for await (const piece of pieces()) {
        counts.pulled++;
        yield piece;
      }
    } finally {
      counts.closed++;
    }
  }
  const object: ReadObject = { info: objectInfo(sizeBytes), read: () => counted() };
  return { counts, store: storeWith({ getObject: async () => object }) };
}
