// A program: makes a drive, and then, again and again, lets a sector of a copy of it rot, at rest or while it is in use, opens it,
// reads everything, writes some, and closes it. Every answer must be right or say that it is not to be had. Prints what came of each
// round; its exit code is 0 when all rounds ended. In a process of its own, so that to die of a bad sector counts as what it is.
import assert from 'node:assert/strict';
import { closeSync, cpSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../node/io/clock.ts';
import { DiskError } from '../../node/io/disk.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { CorruptionError, type DriveStore } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { formatDrive, INDEX_DIRECTORY, type OpenedDrive, openDrive } from '../../node/storage/open.ts';
import { SimRandom } from '../simulation/sim-random.ts';

const [directory, firstSeed, rounds] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const SECTOR_BYTES = [512, 4_096];
const VALUES = 1_500;
const SHARDS = 20;
/**
 * What is in the newest frames of a log that nobody closed: rotten, they look torn, and are lost. Longer than a sector each, so that
 * nothing else is in them.
 */
const NEWEST_KEYS = ['last but one', 'last'];
const NEWEST_BYTES = 10_000;
/** Long keys that begin alike make a tree of four levels of so few. */
const keyOf = (i: number) => `${'k'.repeat(300)}${((i * 2654435761) % 2 ** 32).toString(16).padStart(8, '0')}`;
const contentOf = (i: number) => Buffer.alloc(i % 10 === 0 ? 3_000 : 60, i & 0xff);
const headOf = (i: number) => Buffer.alloc(i % 97 === 0 ? 9_000 : 20, i & 0xff);
const shardOf = (i: number) => ({ blobId: (i * 7_919).toString(16).padStart(32, '0'), position: i % 6 });
const shardData = (i: number) => Buffer.alloc(i % 2 === 0 ? 500 : 150_000, i);

const identity = { clusterId: 'c1'.repeat(16), driveId: 'd1'.repeat(16), slot: 'a1/d1' };
const clock = systemClock();
const tuning = { recordFileBytes: 200_000, indexTransactionEntries: 400 };

async function open(path: string): Promise<OpenedDrive> {
  const disk = await openRealDisk(path);
  const index = diskIndex(join(path, INDEX_DIRECTORY));
  return openDrive({ disk, index, clock, random: systemRandom(), tuning });
}

/** Half of it in the index and half in the log alone, as a killed process leaves it; and after a clean stop. */
async function make(killed: string, closed: string): Promise<void> {
  const life = join(directory, 'life');
  mkdirSync(life);
  await formatDrive({ disk: await openRealDisk(life), identity, random: systemRandom() });
  for (const [from, to] of [
    [0, 0.7],
    [0.7, 1],
  ] as const) {
    const opened = await open(life);
    assert(opened.kind === 'formatted');
    const { store } = opened;
    const numbers = Array.from({ length: VALUES }, (_, i) => i).slice(from * VALUES, to * VALUES);
    await Promise.all(numbers.map((i) => store.commit([put(keyOf(i), contentOf(i), headOf(i))])));
    for (let i = from * SHARDS; i < to * SHARDS; i++) await store.putShard(shardOf(i), Buffer.from('a'), shardData(i));
    for (const key of NEWEST_KEYS) await store.commit([put(key, Buffer.alloc(NEWEST_BYTES), Buffer.alloc(0))]);
    if (to === 1) cpSync(life, killed, { recursive: true });
    await store.close();
  }
  cpSync(life, closed, { recursive: true });
}

const put = (key: string, value: Buffer, head: Buffer) => ({ kind: 'put' as const, key, value, head });

/** In the index every other time, as there is most to break. */
function rot(drive: string, random: SimRandom): string {
  const files = readdirSync(drive, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'lock')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const index = files.filter((file) => file.includes(`/${INDEX_DIRECTORY}/`));
  const file = random.pick(random.below(2) === 0 ? index : files);
  const sectorBytes = random.pick(SECTOR_BYTES);
  const descriptor = openSync(file, 'r+');
  const sectors = Math.ceil(fstatSync(descriptor).size / sectorBytes);
  const offset = sectorBytes * random.below(Math.max(1, sectors));
  writeSync(descriptor, random.bytes(sectorBytes), 0, sectorBytes, offset);
  closeSync(descriptor);
  return `${sectorBytes} bytes at ${offset} of ${file.slice(drive.length + 1)}`;
}

/** null where the drive says that it does not know. */
async function told<T>(answer: Promise<T>): Promise<{ readonly value: T } | null> {
  try {
    return { value: await answer };
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof DiskError) return null;
    throw error;
  }
}

interface Findings {
  refused: number;
}

async function readAll(store: DriveStore, found: Findings): Promise<void> {
  for (let i = 0; i < VALUES; i++) {
    const value = await told(store.get(keyOf(i)));
    const head = await told(store.head(keyOf(i)));
    if (value === null || head === null) found.refused++;
    if (value !== null) assert(value.value !== null && contentOf(i).equals(value.value), `value ${i} is wrong or gone`);
    if (head !== null) assert(head.value?.head && headOf(i).equals(head.value.head), `head ${i} is wrong or gone`);
  }
  const absent = await told(store.get('absent'));
  assert(absent === null || absent.value === null, 'something that was never written is there');
  for (let i = 0; i < SHARDS; i++) {
    const data = await told(store.readShard(shardOf(i), 0, 1_000_000));
    if (data === null) found.refused++;
    else assert(data.value !== null && shardData(i).equals(data.value), `shard ${i} is wrong or gone`);
  }
  const keys = await told(store.heads('k', 'l', 10 * VALUES));
  if (keys === null) found.refused++;
  else assert.equal(keys.value.length, VALUES, 'a range leaves something out');
}

async function writeSome(store: DriveStore, found: Findings): Promise<void> {
  for (let i = 0; i < VALUES; i += 100) {
    const done = await told(
      store.commit([put(keyOf(i), contentOf(i), headOf(i)), put(`new ${i}`, contentOf(i), headOf(i))]),
    );
    if (done === null) found.refused++;
  }
  await told(store.deleteShard(shardOf(0)).then(() => store.putShard(shardOf(0), Buffer.from('a'), shardData(0))));
}

async function round(seed: number, master: string): Promise<string> {
  const random = new SimRandom(`rot ${seed}`);
  const drive = join(directory, 'drive');
  cpSync(master, drive, { recursive: true });
  const isInUse = random.below(3) === 0;
  let what = isInUse ? '' : rot(drive, random);
  const found: Findings = { refused: 0 };
  let outcome = 'right';
  for (const life of [1, 2]) {
    const opened = await open(drive);
    if (opened.kind !== 'formatted') {
      assert(opened.kind === 'refused', 'a drive with data is taken for a blank one');
      outcome = `drive refused (${opened.code})`;
      break;
    }
    const { store } = opened;
    if (isInUse && life === 1) {
      if (random.below(2) === 0) await readAll(store, found);
      what = `${rot(drive, random)} in use`;
    }
    await readAll(store, found);
    await writeSome(store, found);
    await readAll(store, found);
    await store.close();
    const { failure } = await store.status();
    if (failure !== null) outcome = `${found.refused} answers refused, drive failing`;
    else if (found.refused > 0) outcome = `${found.refused} answers refused`;
    if (failure !== null) assert.match(failure, /formatted anew|index|log/);
  }
  rmSync(drive, { recursive: true });
  return `${seed}: ${what}: ${outcome}`;
}

const masters = [join(directory, 'killed'), join(directory, 'closed')];
await make(masters[0]!, masters[1]!);
for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
  console.log(await round(seed, masters[seed % masters.length]!));
}
