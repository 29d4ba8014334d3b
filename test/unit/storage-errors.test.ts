// What a drive does when its disk fails, is full, or returns other bytes than were written. On the simulated disk, where
// each of these can be had.
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskError, type DiskErrorKind } from '../../node/io/disk.ts';
import { CorruptionError, type DriveStore, type StoreOperation } from '../../node/storage/drive-store.ts';
import { checkIndex } from '../../node/storage/index-check.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { IDENTITY } from '../support/drives.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SHARD = { blobId: 'ab'.repeat(16), position: 1 };
const NONE = Buffer.alloc(0);
const put = (key: string, value: string): StoreOperation => ({ kind: 'put', key, value: Buffer.from(value) });
const del = (key: string): StoreOperation => ({ kind: 'delete', key });
const isLog = (path: string) => path.startsWith('log/');
const isShard = (path: string) => path.startsWith('shards/');

let sim: SimDisk;
let clock: ManualClock;
let store: DriveStore;

async function start(capacityBytes = 2 ** 30): Promise<void> {
  sim = new SimDisk({ name: 'd1', random: new SimRandom(3), capacityBytes });
  await formatDrive({ disk: sim.mount(), identity: IDENTITY, random: new SimRandom(4) });
  store = await open();
}

async function open(): Promise<DriveStore> {
  const disk = sim.mount();
  clock = new ManualClock();
  const tuning = { checkpointIntervalMs: 1_000, recordFileBytes: 100_000, indexTransactionEntries: 8 };
  const opened = await openDrive({ disk, index: simIndex(disk), clock, random: new SimRandom(5), tuning });
  if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
  return opened.store;
}

const text = async (key: string) => {
  const value = await store.get(key);
  return value === null ? null : Buffer.from(value).toString();
};

async function kindOf(promise: Promise<unknown>): Promise<DiskErrorKind | 'corrupt' | 'none'> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    if (error instanceof CorruptionError) return 'corrupt';
    if (error instanceof DiskError) return error.kind;
    throw error;
  }
}

/** A checkpoint, and what follows from it. */
async function checkpoint(): Promise<void> {
  clock.advance(1_000);
  const syncs = (await store.status()).driveSyncs;
  for (let turn = 0; turn < 10_000; turn++) await Promise.resolve();
  expect((await store.status()).driveSyncs).toBeGreaterThanOrEqual(syncs);
}

describe('a drive whose disk fails', () => {
  beforeEach(() => start());

  it.each(['write', 'sync'] as const)('takes no more writes after an error on a %s of the log', async (operation) => {
    await store.commit([put('a', '1')]);
    sim.failNext(operation, 'io', isLog);
    expect(await kindOf(store.commit([put('a', '2')]))).toBe('io');
    expect(await kindOf(store.commit([put('b', '1')]))).toBe('read-only');
    expect(await kindOf(store.commit([del('a')]))).toBe('read-only');
    expect(await kindOf(store.putShard(SHARD, NONE, Buffer.from('x')))).toBe('read-only');
    expect(await kindOf(store.deleteShard(SHARD))).toBe('read-only');
    expect((await store.status()).failure).toContain(`injected: ${operation}`);
  });

  it('goes on reading after it has failed', async () => {
    await store.commit([put('a', '1'), put('long', 'L'.repeat(5_000))]);
    await store.putShard(SHARD, NONE, Buffer.alloc(100_000, 's'));
    sim.failNext('sync', 'io', isLog);
    expect(await kindOf(store.commit([put('a', '2')]))).toBe('io');
    expect(await text('a')).toBe('1');
    expect(await text('long')).toBe('L'.repeat(5_000));
    expect(await store.readShard(SHARD, 99_999, 5)).toEqual(Buffer.from('s'));
  });

  it('has everything acknowledged, and works again, after a new start', async () => {
    await store.commit([put('a', '1')]);
    sim.failNext('sync', 'io', isLog);
    expect(await kindOf(store.commit([put('b', '1')]))).toBe('io');
    sim.crash();
    store = await open();
    expect(await text('a')).toBe('1');
    await store.commit([put('c', '1')]);
    expect((await store.status()).failure).toBeNull();
  });

  it('keeps for ever what it shows after a start that followed a failed sync', async () => {
    await store.commit([put('a', '1')]);
    sim.failNext('sync', 'io', isLog);
    expect(await kindOf(store.commit([put('a', '2')]))).toBe('io');
    // The process ends and the machine lives on: the system shows what it has in memory, written back or not.
    sim.kill();
    store = await open();
    const shown = await text('a');
    sim.crash();
    store = await open();
    expect(await text('a')).toBe(shown);
  });

  it.each([
    ['open', isShard],
    ['write', isShard],
    ['sync', isShard],
    ['sync-directory', isShard],
  ] as const)('takes no more writes after an error on %s of a shard', async (operation, isMeant) => {
    sim.failNext(operation, 'io', isMeant);
    expect(await kindOf(store.putShard(SHARD, NONE, Buffer.alloc(100_000)))).toBe('io');
    expect(await kindOf(store.commit([put('a', '1')]))).toBe('read-only');
    expect(await store.statShard(SHARD)).toBeNull();
  });

  it('takes no more writes when the index cannot be written', async () => {
    await store.commit([put('a', '1')]);
    sim.failNext('sync', 'io', (path) => path.startsWith('index/'));
    await checkpoint();
    expect(await kindOf(store.commit([put('b', '1')]))).toBe('read-only');
    expect(await text('a')).toBe('1');
    sim.crash();
    store = await open();
    expect(await text('a')).toBe('1');
  });

  it('passes an error on a read on, and works on', async () => {
    await store.commit([put('long', 'L'.repeat(5_000))]);
    sim.failNext('read', 'io', isLog);
    expect(await kindOf(store.get('long'))).toBe('io');
    expect(await text('long')).toBe('L'.repeat(5_000));
    await store.commit([put('a', '1')]);
  });

  it('rejects everything that shares a sync with what failed', async () => {
    sim.failNext('sync', 'io', isLog);
    const outcomes = await Promise.all([1, 2, 3].map((i) => kindOf(store.commit([put(`k${i}`, 'x')]))));
    expect(outcomes).toEqual(['io', 'io', 'io']);
    expect(await store.range('', '', 10)).toEqual([]);
  });
});

describe('a drive without space', () => {
  beforeEach(() => start());

  it('rejects with no-space, forgets what it rejected, and goes on when there is space again', async () => {
    await store.commit([put('a', '1')]);
    sim.faults.full = true;
    expect(await kindOf(store.commit([put('a', '2'), put('b', 'B'.repeat(10_000))]))).toBe('no-space');
    expect(await kindOf(store.commit([put('b', '1')]))).toBe('no-space');
    expect(await text('a')).toBe('1');
    sim.faults.full = false;
    await store.commit([put('c', '1')]);
    sim.crash();
    store = await open();
    expect((await store.range('', '', 10)).map(({ key, value }) => `${key}=${Buffer.from(value)}`)).toEqual([
      'a=1',
      'c=1',
    ]);
  });

  it('leaves nothing behind of a shard that found no space, and does not fail', async () => {
    const writer = await store.beginShard(SHARD, NONE);
    await writer.append(Buffer.alloc(100_000));
    sim.faults.full = true;
    expect(await kindOf(writer.append(Buffer.alloc(100_000)))).toBe('no-space');
    await writer.abort();
    expect(sim.medium.files().filter(isShard)).toEqual([]);
    sim.faults.full = false;
    await store.putShard(SHARD, NONE, Buffer.alloc(100_000));
    expect((await store.status()).failure).toBeNull();
  });

  it('keeps the frozen entries when a checkpoint finds no space, and writes them later', async () => {
    await store.commit([put('a', '1')]);
    sim.faults.full = true;
    await checkpoint();
    expect(await text('a')).toBe('1');
    sim.faults.full = false;
    await checkpoint();
    await store.commit([put('b', '1')]);
    sim.crash();
    store = await open();
    expect(await text('a')).toBe('1');
    expect(await text('b')).toBe('1');
  });
});

describe('a small drive', () => {
  beforeEach(() => start(4 * 2 ** 20));

  const fill = async (): Promise<number> => {
    for (let i = 0; ; i++) {
      if ((await kindOf(store.commit([put(`k${i}`, 'v'.repeat(8_000))]))) === 'no-space') return i;
      if (i % 50 === 49) await checkpoint();
    }
  };

  it('can be filled, emptied by deletions, and filled as far again', async () => {
    const first = await fill();
    expect(first * 8_000).toBeGreaterThan(3 * 2 ** 20);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < first; i++) await store.commit([del(`k${i}`)]);
      await checkpoint();
      await checkpoint();
      expect(await fill()).toBeGreaterThan(first * 0.9);
    }
    expect((await store.status()).failure).toBeNull();
  });

  it('gives the space of half-empty files back', async () => {
    const count = await fill();
    for (let i = 0; i < count; i++) if (i % 4 !== 0) await store.commit([del(`k${i}`)]);
    await checkpoint();
    await checkpoint();
    const used = 4 * 2 ** 20 - sim.freeBytes();
    expect(used).toBeLessThan(count * 8_000 * 0.5);
    for (let i = 0; i < count; i += 4) expect(await text(`k${i}`)).toBe('v'.repeat(8_000));
    sim.crash();
    store = await open();
    for (let i = 0; i < count; i += 4) expect(await text(`k${i}`)).toBe('v'.repeat(8_000));
  });

  it('gives right values to those who read while files are compacted away under them', async () => {
    for (let i = 0; i < 80; i++) await store.commit([put(`k${i}`, `${i % 10}`.repeat(8_000))]);
    const filesBefore = sim.medium.files().filter(isLog);
    for (let i = 0; i < 80; i++) if (i % 4 !== 0) await store.commit([del(`k${i}`)]);
    clock.advance(1_000);
    let reads = 0;
    while (sim.medium.files().includes(filesBefore[0]!) && reads < 200) {
      const found = await Promise.all([0, 4, 8, 40, 76].map((i) => text(`k${i}`)));
      expect(found).toEqual([0, 4, 8, 0, 6].map((digit) => `${digit}`.repeat(8_000)));
      expect(await store.range('', '', 100)).toHaveLength(20);
      reads++;
    }
    expect(reads).toBeGreaterThan(3);
    expect(sim.medium.files()).not.toContain(filesBefore[0]);
  });

  it('never brings a value back that was replaced while it was being moved', async () => {
    for (let i = 0; i < 80; i++) await store.commit([put(`k${i}`, 'old'.repeat(2_700))]);
    const [oldest] = sim.medium.files().filter(isLog);
    for (let i = 0; i < 80; i++) if (i % 4 !== 0) await store.commit([del(`k${i}`)]);
    clock.advance(1_000);
    let replaced = 0;
    while (sim.medium.files().includes(oldest!) && replaced < 20) {
      await store.commit([put(`k${4 * replaced}`, `new ${replaced}`)]);
      replaced++;
    }
    expect(replaced).toBeGreaterThan(5);
    await checkpoint();
    for (let i = 0; i < replaced; i++) expect(await text(`k${4 * i}`)).toBe(`new ${i}`);
    sim.crash();
    store = await open();
    for (let i = 0; i < replaced; i++) expect(await text(`k${4 * i}`)).toBe(`new ${i}`);
  });

  it('refuses shards before it uses the reserve up', async () => {
    let stored = 0;
    for (let i = 0; i < 100; i++) {
      const kind = await kindOf(store.putShard({ ...SHARD, position: i }, NONE, Buffer.alloc(100_000)));
      if (kind === 'none') stored++;
      else expect(kind).toBe('no-space');
    }
    expect(stored).toBeGreaterThan(30);
    expect(sim.freeBytes()).toBeGreaterThan(50_000);
    for (let i = 0; i < 100; i++) await store.deleteShard({ ...SHARD, position: i });
    expect(await store.status()).toMatchObject({ shardCount: 0, shardBytes: 0, failure: null });
    expect(sim.medium.files().filter(isShard)).toEqual([]);
  });
});

describe('a drive with flipped bits', () => {
  beforeEach(() => start());

  it('never returns a value whose bytes have changed', async () => {
    await store.commit([put('long', 'L'.repeat(5_000)), put('other', 'O'.repeat(5_000))]);
    const [log] = sim.medium.files().filter(isLog);
    sim.flipBit(log!, 2_000, 3);
    expect(await kindOf(store.get('long'))).toBe('corrupt');
    expect(await kindOf(store.range('', '', 10))).toBe('corrupt');
    expect(await text('other')).toBe('O'.repeat(5_000));
    await store.commit([put('long', 'healed')]);
    expect(await text('long')).toBe('healed');
  });

  it('never returns a value that belongs to another key', async () => {
    await store.commit([put('a', 'A'.repeat(5_000))]);
    await checkpoint();
    const disk = sim.mount();
    const index = await simIndex(disk)();
    const stolen = index.get('va')!;
    await index.apply([{ key: 'vb', value: stolen }], index.state()!);
    await index.close();
    store = await open();
    expect(await text('a')).toBe('A'.repeat(5_000));
    expect(await kindOf(store.get('b'))).toBe('corrupt');
  });

  it('knows that an entry is missing from the index, or damaged in it', async () => {
    await store.commit([put('a', '1'), put('b', '2'), put('c', '3')]);
    await store.commit([del('b'), put('c', '4')]);
    await store.close();
    const index = await simIndex(sim.mount())();
    const state = index.state()!;
    expect(checkIndex(index, 'd1')).toEqual({ entries: 2, damagedKeys: [], isComplete: true });
    const value = index.get('va')!;
    await index.apply([{ key: 'va', value: null }], state);
    expect(checkIndex(index, 'd1')).toEqual({ entries: 1, damagedKeys: [], isComplete: false });
    value[6] = value[6]! ^ 1;
    await index.apply([{ key: 'va', value }], state);
    expect(checkIndex(index, 'd1')).toEqual({ entries: 2, damagedKeys: ['va'], isComplete: false });
  });

  it('verifies only the blocks of a shard that are read', async () => {
    const data = Buffer.alloc(200_000, 'd');
    await store.putShard(SHARD, NONE, data);
    const [path] = sim.medium.files().filter(isShard);
    sim.flipBit(path!, 4_096 + 70_000, 0);
    expect(await store.readShard(SHARD, 0, 65_536)).toEqual(data.subarray(0, 65_536));
    expect(await kindOf(store.readShard(SHARD, 65_530, 10))).toBe('corrupt');
    expect(await store.readShard(SHARD, 131_072, 100_000)).toEqual(data.subarray(131_072));
    await store.putShard(SHARD, NONE, data);
    expect(await store.readShard(SHARD, 0, 200_000)).toEqual(data);
  });

  it.each([
    ['header', 20],
    ['footer', 4_096 + 100_000 + 18],
  ])('finds a damaged %s of a shard', async (_part, offset) => {
    await store.putShard(SHARD, NONE, Buffer.alloc(100_000, 'd'));
    const [path] = sim.medium.files().filter(isShard);
    sim.flipBit(path!, offset, 0);
    expect(await kindOf(store.readShard(SHARD, 0, 10))).toBe('corrupt');
    await store.deleteShard(SHARD);
    expect(await store.readShard(SHARD, 0, 10)).toBeNull();
  });

  it('reports a shard whose file is gone as damaged', async () => {
    await store.putShard(SHARD, NONE, Buffer.alloc(100_000, 'd'));
    const [path] = sim.medium.files().filter(isShard);
    sim.medium.remove(path!);
    expect(await kindOf(store.readShard(SHARD, 0, 10))).toBe('corrupt');
    expect(await store.statShard(SHARD)).toMatchObject({ sizeBytes: 100_000 });
  });

  it('compacts around a damaged record and loses nothing else', async () => {
    for (let i = 0; i < 40; i++) await store.commit([put(`k${i}`, `${i % 10}`.repeat(8_000))]);
    const [log] = sim.medium.files().filter(isLog);
    // In the value of k4; k8 is behind it in the same file.
    sim.flipBit(log!, 4 * 8_100 + 1_000, 3);
    for (let i = 0; i < 40; i++) if (i % 4 !== 0) await store.commit([del(`k${i}`)]);
    await checkpoint();
    await checkpoint();
    expect(await kindOf(store.get('k4'))).toBe('corrupt');
    for (let i = 0; i < 40; i += 4) if (i !== 4) expect(await text(`k${i}`)).toBe(`${i % 10}`.repeat(8_000));
    expect(sim.medium.files().filter(isLog).length).toBeLessThan(4);
  });
});
