// The power fails at every single point of a workload that does everything a drive can do: commits alone and together,
// checkpoints, small and large shards, replacements, deletions. What was acknowledged is there afterwards, what was not is
// there wholly or not at all, nothing is out of order, and the drive goes on working and leaves no garbage.
import { describe, expect, it } from 'vitest';
import type { DriveStore, ShardName, StoreOperation } from '../../node/storage/drive-store.ts';
import { checkIndex } from '../../node/storage/index-check.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { CrashPoint } from '../support/crash-points.ts';
import { IDENTITY } from '../support/drives.ts';
import { stillClock } from '../support/still-clock.ts';

/** Small, so that checkpoints, new log files and compactions come often. */
const TUNING = {
  memtableBytes: 3_000,
  checkpointLogBytes: 20_000,
  checkpointIntervalMs: 1,
  recordFileBytes: 8_000,
  indexTransactionEntries: 4,
};
const CRASHES_PER_POINT = 2;

type Machine = { drive: SimDisk; log: SimDisk | null };
type Values = ReadonlyMap<string, string>;

/** What a run has been promised so far. */
class Expectations {
  /** State after every commit that was submitted; the first is the empty drive. */
  readonly states: Values[] = [new Map()];
  acknowledged = 0;
  /** For every shard, what it may be: the acknowledged content, and those under way. null is absent. */
  readonly shards = new Map<string, (string | null)[]>();

  async commit(store: DriveStore, operations: StoreOperation[]): Promise<void> {
    const next = new Map(this.states.at(-1));
    for (const operation of operations) {
      if (operation.kind === 'put') next.set(operation.key, Buffer.from(operation.value).toString());
      else next.delete(operation.key);
    }
    const number = this.states.push(next) - 1;
    await store.commit(operations);
    this.acknowledged = Math.max(this.acknowledged, number);
  }

  async shard(name: ShardName, content: string | null, change: () => Promise<void>): Promise<void> {
    const id = `${name.blobId}/${name.position}`;
    const before = this.shards.get(id) ?? [null];
    this.shards.set(id, [...before, content]);
    await change();
    this.shards.set(id, [content]);
  }
}

async function workload(store: DriveStore, expected: Expectations): Promise<void> {
  const put = (key: string, value: string): StoreOperation => ({ kind: 'put', key, value: Buffer.from(value) });
  const del = (key: string): StoreOperation => ({ kind: 'delete', key });
  const shard = (id: string, position: number): ShardName => ({ blobId: id.repeat(16), position });
  const putShard = (name: ShardName, content: string) =>
    expected.shard(name, content, () => store.putShard(name, Buffer.from('attr'), Buffer.from(content)));

  for (let i = 0; i < 4; i++) await expected.commit(store, [put(`a${i}`, `${i}`), put('both', `${i}`)]);
  await expected.commit(store, [put('long', 'L'.repeat(5_000)), del('a1')]);
  await putShard(shard('01', 0), 'small');
  await putShard(shard('02', 1), 'x'.repeat(70_000));
  await Promise.all([
    ...Array.from({ length: 12 }, (_, i) =>
      expected.commit(store, [put(`b${i % 5}`, `${i}`.repeat(300)), put('both', `b${i}`)]),
    ),
    putShard(shard('03', 2), 'y'.repeat(140_000)),
    putShard(shard('04', 2), 'z'.repeat(2_000)),
  ]);
  await putShard(shard('02', 1), 'X'.repeat(90_000));
  await expected.commit(store, [del('long'), put('b1', 'again'), put('c', 'C'.repeat(3_000))]);
  await expected.shard(shard('03', 2), null, () => store.deleteShard(shard('03', 2)));
  await expected.shard(shard('01', 0), null, () => store.deleteShard(shard('01', 0)));
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => expected.commit(store, [put(`d${i}`, 'd'.repeat(700)), del(`b${i}`)])),
  );
  await putShard(shard('01', 0), 'small again');
  const writer = await store.beginShard(shard('05', 0), Buffer.alloc(0));
  await writer.append(Buffer.alloc(100_000));
  await writer.abort();
  // Values that stay among values that are replaced: files to compact.
  for (let i = 0; i < 8; i++) {
    const replaced = [1, 2, 3].map((n) => put(`r${n}`, `${i}${n}`.repeat(800)));
    await expected.commit(store, [put(`stays${i}`, `${i}`.repeat(1_100)), ...replaced]);
  }
  for (let i = 0; i < 6; i++) await expected.commit(store, [put('last', `${i}`)]);
}

function machine(hasLog: boolean): Machine {
  const random = new SimRandom(hasLog ? 'with log device' : 'alone');
  return {
    drive: new SimDisk({ name: 'drive', random: random.split('drive') }),
    log: hasLog ? new SimDisk({ name: 'log', random: random.split('log') }) : null,
  };
}

async function boot({ drive, log }: Machine, point: CrashPoint): Promise<DriveStore> {
  const disk = point.mount(drive);
  const logDisk = log === null ? null : point.mount(log);
  const options = { disk, index: simIndex(disk), clock: stillClock(), random: new SimRandom('generations') };
  const opened = await openDrive({ ...options, ...(logDisk && { log: logDisk }), tuning: TUNING });
  if (opened.kind === 'formatted') return opened.store;
  if (opened.kind === 'refused') throw new Error(opened.reason);
  await formatDrive({ disk, ...(logDisk && { log: logDisk }), identity: IDENTITY, random: new SimRandom('log id') });
  return boot({ drive, log }, point);
}

async function check(store: DriveStore, expected: Expectations): Promise<void> {
  const entries = await store.range('', '', 1_000);
  const found = JSON.stringify(entries.map(({ key, value }) => [key, Buffer.from(value).toString()]));
  const permitted = expected.states.slice(expected.acknowledged).map((state) => JSON.stringify([...state].sort()));
  expect(permitted).toContain(found);
  for (const { key, value } of entries) expect(Buffer.from((await store.get(key))!)).toEqual(Buffer.from(value));

  const listed = await store.listShards(null, 1_000);
  for (const [id, permittedContents] of expected.shards) {
    const [blobId, position] = [id.slice(0, 32), Number(id.slice(33))];
    const info = listed.find((shard) => shard.blobId === blobId && shard.position === position);
    const data = await store.readShard({ blobId, position }, 0, 1_000_000);
    expect(info?.sizeBytes).toBe(data?.length);
    expect(permittedContents).toContain(data === null ? null : Buffer.from(data).toString());
  }
  const status = await store.status();
  expect(status.shardCount).toBe(listed.length);
  expect(status.shardBytes).toBe(listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
}

async function countOperations(hasLog: boolean): Promise<number> {
  const place = machine(hasLog);
  const point = new CrashPoint([], Number.POSITIVE_INFINITY, new SimRandom(0));
  const store = await boot(place, point);
  await workload(store, new Expectations());
  await store.close();
  return point.count;
}

async function crashAt(at: number, seed: number, hasLog: boolean): Promise<void> {
  const place = machine(hasLog);
  const disks = [place.drive, ...(place.log === null ? [] : [place.log])];
  const point = new CrashPoint(disks, at, new SimRandom(`${at}/${seed}`));
  const expected = new Expectations();
  const life = async () => {
    const store = await boot(place, point);
    await workload(store, expected);
    await store.close();
  };
  await Promise.race([life(), point.crashed]);
  if (seed > 0) await crashWhileRecovering(place, disks, new SimRandom(`again ${at}/${seed}`));

  const quiet = new CrashPoint([], Number.POSITIVE_INFINITY, new SimRandom(0));
  const store = await boot(place, quiet);
  await check(store, expected);
  // Life goes on, and a clean restart finds everything again.
  await store.commit([{ kind: 'put', key: 'zz', value: Buffer.from('after') }]);
  await store.close();
  const again = await boot(place, quiet);
  expect(Buffer.from((await again.get('zz'))!).toString()).toBe('after');
  await again.commit([{ kind: 'delete', key: 'zz' }]);
  await check(again, expected);
  await expectNoGarbage(place, again);
  await again.close();
  const index = await simIndex(place.drive.mount())();
  expect(checkIndex(index, 'drive')).toMatchObject({ damagedKeys: [], isComplete: true });
}

async function crashWhileRecovering(place: Machine, disks: SimDisk[], random: SimRandom): Promise<void> {
  const point = new CrashPoint(disks, 1 + random.below(12), random);
  const life = async () => (await boot(place, point)).close();
  await Promise.race([life(), point.crashed]);
}

async function expectNoGarbage({ drive }: Machine, store: DriveStore): Promise<void> {
  const large = (await store.listShards(null, 1_000)).filter(({ sizeBytes }) => sizeBytes > 65_536);
  const files = drive.medium.files().filter((path) => path.startsWith('shards/'));
  expect(files).toHaveLength(large.length);
}

describe.each([
  ['with its log on itself', false],
  ['with a log device', true],
])('a drive %s', (_what, hasLog) => {
  it('meets compaction in the workload', async () => {
    const place = machine(hasLog);
    const store = await boot(place, new CrashPoint([], Number.POSITIVE_INFINITY, new SimRandom(0)));
    await workload(store, new Expectations());
    await store.close();
    const records = place.drive.medium.files().filter((path) => path.endsWith('.log'));
    const bytes = records.reduce((sum, path) => sum + place.drive.medium.file(path).volatile.sizeBytes, 0);
    expect(place.drive.counters.writtenBytes).toBeGreaterThan(4 * bytes);
    expect(Math.max(...records.map((path) => Number.parseInt(path.slice(-10, -4), 16)))).toBeGreaterThan(
      records.length,
    );
  });

  it('keeps every promise when the power fails at any point', async () => {
    const operations = await countOperations(hasLog);
    expect(operations).toBeGreaterThan(100);
    for (let at = 1; at <= operations; at++) {
      for (let seed = 0; seed < CRASHES_PER_POINT; seed++) {
        try {
          await crashAt(at, seed, hasLog);
        } catch (error) {
          throw new Error(`power cut at operation ${at} of ${operations}, seed ${seed}`, { cause: error });
        }
      }
    }
  });
});
