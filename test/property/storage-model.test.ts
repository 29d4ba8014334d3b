// A drive against a plain map: any sequence of commits, shards, checkpoints, restarts and power cuts leaves both the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DriveStore, StoreOperation } from '../../node/storage/drive-store.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { type DrivePlace, format, openFormatted, placeOn, realPlace } from '../support/drives.ts';
import { ManualClock } from '../support/manual-clock.ts';

const CHECKPOINT_MS = 1_000;
const TUNING = {
  memtableBytes: 20_000,
  checkpointLogBytes: 60_000,
  checkpointIntervalMs: CHECKPOINT_MS,
  recordFileBytes: 25_000,
  indexTransactionEntries: 3,
};

const key = fc.integer({ min: 0, max: 12 }).map((n) => `key-${n}`);
/** Lengths on both sides of every limit that decides where data go. */
const length = fc.constantFrom(0, 1, 900, 1_024, 1_025, 4_000, 9_000);
const operation = fc.record({ key, length: fc.option(length), fill: fc.integer({ min: 0, max: 255 }) });
const shard = fc.record({
  blob: fc.integer({ min: 0, max: 3 }),
  length: fc.option(fc.constantFrom(0, 500, 2_000, 65_536, 65_537, 150_000)),
  fill: fc.integer({ min: 0, max: 255 }),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('commits' as const),
      batches: fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shard' as const), shard }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('power cut' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('range' as const),
      from: key,
      to: fc.option(key),
      limit: fc.integer({ min: 1, max: 15 }),
    }),
  },
);

type Value<A> = A extends fc.Arbitrary<infer T> ? T : never;

interface World {
  readonly place: DrivePlace;
  /** null where the power cannot be cut. */
  readonly sim: SimDisk | null;
}

class Run {
  readonly #world: World;
  readonly #values = new Map<string, Buffer>();
  readonly #shards = new Map<number, Buffer>();
  #clock = new ManualClock();
  #store: DriveStore | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  async take(next: Value<typeof step>): Promise<void> {
    const store = await this.#open();
    switch (next.kind) {
      case 'commits':
        return this.#commit(store, next.batches);
      case 'shard':
        return this.#shard(store, next.shard);
      case 'time':
        return this.#clock.advance(CHECKPOINT_MS);
      case 'range':
        return this.#range(store, next.from, next.to ?? '', next.limit);
      case 'power cut':
        if (this.#world.sim === null) return this.close();
        this.#world.sim.crash();
        this.#store = null;
        return;
      case 'restart':
        return this.close();
    }
  }

  async check(): Promise<void> {
    const store = await this.#open();
    await this.#range(store, '', '', 1_000);
    for (const [name, value] of this.#values) expect(Buffer.from((await store.get(name))!).equals(value)).toBe(true);
    const listed = await store.listShards(null, 100);
    expect(listed.map(({ blobId }) => blobId)).toEqual(
      [...this.#shards.keys()].sort().map((blob) => `0${blob}`.repeat(16)),
    );
    for (const [blob, data] of this.#shards) {
      const read = await store.readShard({ blobId: `0${blob}`.repeat(16), position: 0 }, 0, data.length + 1);
      expect(Buffer.from(read!).equals(data)).toBe(true);
    }
    const shardBytes = [...this.#shards.values()].reduce((sum, data) => sum + data.length, 0);
    expect(await store.status()).toMatchObject({ shardCount: this.#shards.size, shardBytes, failure: null });
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  async #open(): Promise<DriveStore> {
    if (this.#store !== null) return this.#store;
    this.#clock = new ManualClock();
    this.#store = (await openFormatted(this.#world.place, { tuning: TUNING, clock: this.#clock })).store;
    return this.#store;
  }

  async #commit(store: DriveStore, batches: Value<typeof operation>[][]): Promise<void> {
    const commits = batches.map((batch) =>
      store.commit(
        batch.map((change): StoreOperation => {
          if (change.length === null) {
            this.#values.delete(change.key);
            return { kind: 'delete', key: change.key };
          }
          const value = Buffer.alloc(change.length, change.fill);
          this.#values.set(change.key, value);
          return { kind: 'put', key: change.key, value };
        }),
      ),
    );
    await Promise.all(commits);
  }

  async #shard(store: DriveStore, change: Value<typeof shard>): Promise<void> {
    const name = { blobId: `0${change.blob}`.repeat(16), position: 0 };
    if (change.length === null) {
      this.#shards.delete(change.blob);
      await store.deleteShard(name);
      return;
    }
    const data = Buffer.alloc(change.length, change.fill);
    this.#shards.set(change.blob, data);
    await store.putShard(name, Buffer.from('attributes'), data);
  }

  async #range(store: DriveStore, from: string, to: string, limit: number): Promise<void> {
    const expected = [...this.#values.keys()].filter((name) => name >= from && (to === '' || name < to)).sort();
    const found = await store.range(from, to, limit);
    expect(found.map((entry) => entry.key)).toEqual(expected.slice(0, limit));
    for (const entry of found) expect(Buffer.from(entry.value).equals(this.#values.get(entry.key)!)).toBe(true);
  }
}

async function follow(world: World, steps: readonly Value<typeof step>[]): Promise<void> {
  await format(world.place);
  const run = new Run(world);
  try {
    for (const next of steps) await run.take(next);
    await run.check();
  } finally {
    await run.close();
    await world.place.release();
  }
}

describe('a drive does what a map does', () => {
  it('on the simulated disk, through power cuts', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const sim = new SimDisk({ name: 'd1', random: new SimRandom(seed) });
      await follow({ place: placeOn(sim), sim }, steps);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('on the real disk with the real index, through restarts', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await follow({ place: await realPlace(), sim: null }, steps);
    });
    await fc.assert(property, { numRuns: 25 });
  });
});
