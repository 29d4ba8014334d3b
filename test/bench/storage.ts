// Measures one drive on the real disk: run with  node scripts/run.mjs test/bench/storage.ts [DIRECTORY]
// Prints durable commits per second, latencies of reads, bytes written per commit, cold start and memory.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../node/io/clock.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import type { DriveStore } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';

const VALUE_BYTES = 4_500;
const IN_FLIGHT = 32;
const COMMITS = Number(process.argv[3] ?? 100_000);
const MIB = Buffer.alloc(2 ** 20, 'm');
let slowestTurnMs = 0;

async function measure(directory: string): Promise<void> {
  const disk = await openRealDisk(directory);
  await formatDrive({
    disk,
    identity: { clusterId: '0'.repeat(32), driveId: '1'.repeat(32), slot: 'bench/d1' },
    random: systemRandom(),
  });
  let store = await open(directory);

  const before = await writtenBytes();
  const commits = await timed(() => inFlight(COMMITS, (i) => commit(store, i)));
  say(`${COMMITS} commits of ${VALUE_BYTES} bytes, ${IN_FLIGHT} in flight`, `${rate(COMMITS, commits)} commits/s`);
  const status = await store.status();
  say('syncs of the log', `${status.driveSyncs}, ${(COMMITS / status.driveSyncs).toFixed(1)} commits each`);
  say('  slowest event loop turn while committing', `${slowestTurnMs.toFixed(0)} ms`);
  say('memory', `${rssMiB()} MiB RSS`);

  const hot = await timed(async () => {
    for (let i = 0; i < 10_000; i++) await store.get(keyOf(COMMITS - 1 - i));
  });
  say('get of what is new, one at a time', `${((hot * 1000) / 10_000).toFixed(1)} us`);
  const cold = await timed(async () => {
    for (let i = 0; i < 10_000; i++) await store.get(keyOf((i * 7919) % COMMITS));
  });
  say('get of anything, one at a time', `${((cold * 1000) / 10_000).toFixed(1)} us`);
  const range = await timed(() => readAll(store));
  say('range over everything, 1,000 a page', `${rate(COMMITS, range)} entries/s`);
  await store.close();
  say('bytes written per commit, index and all', `${Math.round(((await writtenBytes()) - before) / COMMITS)}`);

  const start = await timed(async () => {
    store = await open(directory);
  });
  say('start after a clean stop', `${start.toFixed(0)} ms`);
  await inFlight(10_000, (i) => commit(store, i + COMMITS));
  // The store is left open, as a killed process leaves it.
  const recovery = await timed(async () => {
    store = await open(directory);
  });
  say('start after a kill, 10,000 commits later', `${recovery.toFixed(0)} ms`);
  const shards = await timed(() => inFlight(400, (i) => store.putShard(shardOf(i), Buffer.alloc(60), MIB)));
  say('shards of 1 MiB, 32 in flight', `${(400 / (shards / 1000)).toFixed(0)} MiB/s`);
  const reads = await timed(() => inFlight(400, async (i) => void (await store.readShard(shardOf(i), 0, MIB.length))));
  say('reading them', `${(400 / (reads / 1000)).toFixed(0)} MiB/s`);
  say('memory', `${rssMiB()} MiB RSS`);
  await store.close();
}

async function open(directory: string): Promise<DriveStore> {
  const opened = await openDrive({
    disk: await openRealDisk(directory),
    index: diskIndex(join(directory, INDEX_DIRECTORY)),
    clock: systemClock(),
    random: systemRandom(),
  });
  if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
  const { records, bytes, durationMs } = opened.recovery;
  say('recovery', `${records} records, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${durationMs.toFixed(0)} ms`);
  return opened.store;
}

function commit(store: DriveStore, i: number): Promise<void> {
  const value = Buffer.allocUnsafe(VALUE_BYTES).fill(i & 0xff);
  return store.commit([{ kind: 'put', key: keyOf(i), value }]);
}

/** As object keys of a bucket are: in no order. */
function keyOf(i: number): string {
  return `o12345678${((i * 2654435761) % 2 ** 32).toString(16).padStart(8, '0')}/object-${i}`;
}

const shardOf = (i: number) => ({
  blobId: ((i * 2654435761) % 2 ** 32).toString(16).padStart(32, '0'),
  position: i % 6,
});

async function inFlight(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await run(i);
  };
  let last = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    slowestTurnMs = Math.max(slowestTurnMs, now - last - 5);
    last = now;
  }, 5);
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  clearInterval(watch);
}

async function readAll(store: DriveStore): Promise<void> {
  let from = '';
  let count = 0;
  for (;;) {
    const page = await store.range(from, '', 1_000);
    count += page.length;
    if (page.length < 1_000) break;
    from = `${page.at(-1)!.key}\0`;
  }
  if (count !== COMMITS) throw new Error(`${count} entries where ${COMMITS} were committed`);
}

async function timed(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function writtenBytes(): Promise<number> {
  const io = await readFile('/proc/self/io', 'utf8');
  return Number(/^write_bytes: (\d+)$/m.exec(io)![1]);
}

const rate = (count: number, ms: number): string => Math.round(count / (ms / 1000)).toLocaleString('en');
const rssMiB = (): number => Math.round(process.memoryUsage().rss / 2 ** 20);

function say(what: string, value: string): void {
  console.log(`${what.padEnd(52)} ${value}`);
}

const base = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'ashlar-bench-'));
try {
  await measure(base);
} finally {
  await rm(base, { recursive: true, force: true });
}
