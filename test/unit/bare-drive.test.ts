// Drives at rest, read without a node: the index file, and everything that a killed engine left, from whichever of
// its files are still right.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { type BareDrive, openBareDrive } from '../../node/storage/bare-drive.ts';
import { checkDrive } from '../../node/storage/drive-check.ts';
import { readersLock } from '../../node/storage/drive-lock.ts';
import { CorruptionError, type DriveStore } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { openIndexFile } from '../../node/storage/index-file.ts';
import type { IndexEntry } from '../../node/storage/index-port.ts';
import { formatDrive, INDEX_DIRECTORY, openDrive } from '../../node/storage/open.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { IDENTITY } from '../support/drives.ts';
import { ManualClock } from '../support/manual-clock.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ashlar-bare-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

describe('the index file, read at rest', () => {
  const random = new SimRandom('index file');
  const bytesKey = () => {
    const length = random.pick([1, 3, 20, 20, 200, 1_200]);
    return `v${random.bytes(length).toString('latin1')}`;
  };

  /** Several transactions of puts and removals; gives what the index holds then. */
  async function filled(directory: string, keys: number): Promise<IndexEntry[]> {
    const index = await diskIndex(directory)();
    const known: string[] = [];
    for (let transaction = 0; transaction < 6; transaction++) {
      const changes = new Map<string, Buffer | null>();
      for (let i = 0; i < keys / 6; i++) {
        const key = bytesKey();
        known.push(key);
        changes.set(key, random.bytes(random.pick([0, 1, 100, 1_000, 3_000, 9_000])));
        if (i % 5 === 0) changes.set(random.pick(known), null);
      }
      await index.apply(
        [...changes].map(([key, value]) => ({ key, value })),
        Buffer.from(`state ${transaction}`),
      );
    }
    const entries = index.range('', '', 1_000_000).map(({ key, value }) => ({ key, value: Buffer.from(value) }));
    await index.close();
    return entries;
  }

  it('gives what the index gives: every entry, every range, every key', async () => {
    const entries = await filled(place, 1_200);
    expect(entries.length).toBeGreaterThan(600);
    const file = openIndexFile(place);
    expect(file.range('', '', 1_000_000)).toEqual(entries);
    expect(file.state()!.toString()).toBe('state 5');
    for (let i = 0; i < 200; i++) {
      const from = random.below(entries.length);
      const limit = 1 + random.below(20);
      expect(file.range(entries[from]!.key, '', limit)).toEqual(entries.slice(from, from + limit));
      const to = Math.min(entries.length - 1, from + random.below(50));
      expect(file.range(`${entries[from]!.key}\0`, entries[to]!.key, 1_000)).toEqual(entries.slice(from + 1, to));
      expect(file.get(entries[from]!.key)).toEqual(entries[from]!.value);
      expect(file.get(`${entries[from]!.key}\0no`)).toBeNull();
    }
    expect(file.damage).toEqual([]);
    await file.close();
  });

  it('is empty where the index is', async () => {
    await (await diskIndex(place)()).close();
    const file = openIndexFile(place);
    expect([file.range('', '', 10), file.state(), file.get('v')]).toEqual([[], null, null]);
    await file.close();
  });

  it.each([
    ['zeros', 8_192],
    ['a first transaction without heads', 40_000],
    ['nothing at all', 0],
  ])('is new when a power cut left %s', async (_what, sizeBytes) => {
    await writeFile(
      join(place, 'tree'),
      Buffer.alloc(sizeBytes, 'never synced').fill(0, 0, Math.min(sizeBytes, 8_192)),
    );
    const index = await diskIndex(place)();
    expect(index.state()).toBeNull();
    await index.apply([{ key: 'va', value: Buffer.from('1') }], Buffer.from('state'));
    expect(index.get('va')!.toString()).toBe('1');
    await index.close();
  });

  it.each([0, 4_096])(
    'is what one of its last two transactions left when its head at byte %i is garbage',
    async (offset) => {
      const entries = await filled(place, 60);
      const content = await readFile(join(place, 'tree'));
      await writeFile(join(place, 'tree'), content.fill(0x5a, offset, offset + 200));
      const newest = offset === 0 ? 'state 4' : 'state 5';
      const file = openIndexFile(place);
      expect(file.damage).toEqual([expect.stringContaining('head')]);
      expect(file.state()!.toString()).toBe(newest);
      if (newest === 'state 5') expect(file.range('', '', 1_000)).toEqual(entries);
      await file.close();
      const index = await diskIndex(place)();
      expect(index.state()!.toString()).toBe(newest);
      await index.close();
    },
  );

  it('is refused when both its heads are garbage', async () => {
    await filled(place, 60);
    const content = await readFile(join(place, 'tree'));
    await writeFile(join(place, 'tree'), content.fill(0x5a, 0, 200).fill(0x5a, 4_096, 4_300));
    await expect(diskIndex(place)()).rejects.toThrow(CorruptionError);
    expect(() => openIndexFile(place)).toThrow('its heads are damaged');
  });

  it('survives any damage: it ends, and tells of entries that it cannot give in order', async () => {
    const entries = await filled(place, 300);
    const path = join(place, 'tree');
    const right = await readFile(path);
    for (let round = 0; round < 90; round++) {
      const wrong = Buffer.from(right);
      const at = random.below(wrong.length);
      if (round % 3 === 0) wrong.fill(random.pick([0, 0xff, 0x5a]), at, at + 4096);
      else wrong[at] = random.below(256);
      await writeFile(path, round % 50 === 7 ? wrong.subarray(0, at) : wrong);
      let file: ReturnType<typeof openIndexFile>;
      try {
        file = openIndexFile(place);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'io' });
        continue;
      }
      const found = file.range('', '', 1_000_000);
      expect(found.length).toBeLessThanOrEqual(entries.length * 2);
      const wasLost = found.length < entries.length && file.state()?.toString() === 'state 5';
      if (wasLost) expect(file.damage.length).toBeGreaterThan(0);
      await file.close();
    }
  });
});

const TUNING = {
  memtableBytes: 2 ** 30,
  checkpointIntervalMs: 1_000,
  recordFileBytes: 60_000,
  indexTransactionEntries: 50,
};
const contentOf = (i: number) => Buffer.alloc(i % 3 === 0 ? 40 : 3_000, `${i}`);
const shardOf = (i: number) => ({ blobId: i.toString(16).padStart(32, '0'), position: i % 6 });
const shardData = (i: number) => Buffer.alloc(i % 2 === 0 ? 500 : 90_000 + i, i);

describe.each([
  ['on the drive itself', false],
  ['on a log device', true],
])('a drive that was killed, its log %s', (_where, hasLog) => {
  const drivePath = () => join(place, 'drive');
  const logPath = () => join(place, 'log-device');
  let master: string;

  /** As much before a checkpoint as after it; then the process is gone. */
  async function used(): Promise<void> {
    const at = (...parts: string[]) => join(master, ...parts);
    for (const path of ['drive', 'log-device']) await mkdir(at('life', path), { recursive: true });
    const disk = await openRealDisk(at('life', 'drive'));
    const log = hasLog ? { log: await openRealDisk(at('life', 'log-device')) } : {};
    await formatDrive({ disk, ...log, identity: IDENTITY, random: systemRandom() });
    const start = async () => {
      const index = diskIndex(join(disk.name, INDEX_DIRECTORY));
      const clock = new ManualClock();
      const opened = await openDrive({ disk, ...log, index, clock, random: systemRandom(), tuning: TUNING });
      if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
      return opened.store;
    };
    const first = await start();
    await write(first, 0);
    await first.close();
    const killed = await start();
    await killed.commit([{ kind: 'delete', key: 'k3' }]);
    await write(killed, 100);
    await cp(at('life'), at('dead'), { recursive: true });
    await killed.close();
  }

  async function write(store: DriveStore, first: number): Promise<void> {
    for (let i = first; i < first + 100; i++) await store.commit([{ kind: 'put', key: `k${i}`, value: contentOf(i) }]);
    for (let i = first; i < first + 6; i++)
      await store.putShard(shardOf(i), Buffer.from(`attributes ${i}`), shardData(i));
  }

  async function open(withLog = hasLog): Promise<BareDrive> {
    const log = await openRealDisk(logPath());
    return openBareDrive({
      disk: await openRealDisk(drivePath()),
      logOf: (driveId) => (withLog && driveId === IDENTITY.driveId ? log : null),
      index: () => openIndexFile(join(drivePath(), INDEX_DIRECTORY)),
      lock: readersLock(drivePath()),
    });
  }

  async function keysOf(drive: BareDrive): Promise<number[]> {
    const found: number[] = [];
    for await (const { key, value } of drive.values('', '')) {
      if (value instanceof CorruptionError) continue;
      expect(Buffer.from(value).equals(contentOf(Number(key.slice(1))))).toBe(true);
      found.push(Number(key.slice(1)));
    }
    return found.sort((a, b) => a - b);
  }

  async function expectShards(drive: BareDrive, numbers: readonly number[]): Promise<void> {
    for (const i of numbers) {
      const attributes = Buffer.from(`attributes ${i}`);
      expect(drive.statShard(shardOf(i))).toEqual({ ...shardOf(i), attributes, sizeBytes: shardData(i).length });
      const data = await drive.readShard(shardOf(i), 0, 1_000_000);
      expect(data !== null && shardData(i).equals(data)).toBe(true);
    }
  }

  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const ALL = [...numbers(0, 3), ...numbers(4, 200)];
  const SHARDS = [...numbers(0, 6), ...numbers(100, 106)];

  beforeAll(async () => {
    master = await mkdtemp(join(tmpdir(), 'ashlar-killed-'));
    await used();
  });
  afterAll(() => rm(master, { recursive: true, force: true }));
  beforeEach(() => cp(join(master, 'dead'), place, { recursive: true }));

  it('is read whole, and not a byte of it changes', async () => {
    const fingerprint = async () => {
      const paths = (await readdir(place, { recursive: true })).sort();
      const stats = await Promise.all(paths.map((path) => stat(join(place, path))));
      return paths.map((path, i) => `${path} ${stats[i]!.size} ${stats[i]!.ctimeMs}`);
    };
    const before = await fingerprint();
    const drive = await open();
    expect(drive).toMatchObject({ identity: IDENTITY, findings: [], isSalvaged: false, logRecords: 107 });
    expect(await keysOf(drive)).toEqual(ALL);
    await expectShards(drive, SHARDS);
    const checked = await checkDrive(drive);
    expect(checked).toMatchObject({ values: 199, shards: 12, findings: [], strayFiles: [] });
    await drive.close();
    expect(await fingerprint()).toEqual(before);
  });

  it('is gathered from its log and shard files when its index is garbage', async () => {
    await writeFile(join(drivePath(), 'index', 'tree'), Buffer.alloc(30_000, 1));
    const drive = await open();
    expect(drive.isSalvaged).toBe(true);
    const found = await keysOf(drive);
    // What is short lies in the index alone once the log is past it; what is long lies where the index pointed.
    expect(found).toEqual(expect.arrayContaining(ALL.filter((i) => i >= 100 || i % 3 !== 0)));
    await expectShards(drive, [...SHARDS.filter((i) => i >= 100 || i % 2 === 1)]);
    await drive.close();
  });

  it('loses only what lies in the damaged places of its log', async () => {
    const directory = join(hasLog ? logPath() : drivePath(), 'log');
    const newest = join(directory, (await readdir(directory)).sort().at(-1)!);
    const bytes = await readFile(newest);
    bytes.fill(0, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 10);
    await writeFile(newest, bytes);
    const drive = await open();
    expect(drive.findings).toEqual([{ kind: 'corrupt', message: expect.stringContaining('is damaged at byte') }]);
    const found = await keysOf(drive);
    expect(ALL.filter((i) => !found.includes(i)).length).toBeLessThanOrEqual(1);
    await drive.close();
  });

  it('says that its identity is damaged, and is read all the same', async () => {
    const path = join(drivePath(), 'identity');
    const bytes = await readFile(path);
    bytes[30] = bytes[30]! ^ 1;
    await writeFile(path, bytes);
    const drive = await open();
    expect(drive.findings[0]).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('identity file') });
    expect(drive.identity).toEqual({ clusterId: '', driveId: IDENTITY.driveId, slot: '' });
    expect(await keysOf(drive)).toEqual(ALL);
    await drive.close();
  });

  it('has what its last checkpoint had when its log device is missing', async () => {
    if (!hasLog) return;
    const drive = await open(false);
    expect(drive.findings[0]).toEqual({
      kind: 'missing',
      message: 'its log device was not given: what was written last is on that one only',
    });
    expect(await keysOf(drive)).toEqual(numbers(0, 100));
    await expectShards(drive, numbers(0, 6));
    await drive.close();
  });
});
