// The scrubber of a drive on virtual time: how fast it reads, where it goes on, and when it calls something repaired.
import { describe, expect, it } from 'vitest';
import { Scrubber } from '../../node/cluster/scrub.ts';
import { STORE_LIMITS } from '../../node/cluster/store-limits.ts';
import { shardAttributes } from '../../node/format/shard-formats.ts';
import type { Log } from '../../node/io/log.ts';
import { CorruptionError, type ShardName } from '../../node/storage/drive-store.ts';
import { MemoryDrive } from '../cluster-fakes/memory-drive.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimClock } from '../simulation/sim-clock.ts';
import { SimHost } from '../simulation/sim-host.ts';
import { SimRandom } from '../simulation/sim-random.ts';

const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT_LOG };
const OWNER = 'oowner';
const ATTRIBUTES = shardAttributes.encode({ owners: [OWNER], k: 4, m: 2, blockBytes: 262_144, writtenMs: 0 });
const SHARDS = 40;
const SHARD_BYTES = 100_000;
const RATE = 1_000_000;

/** Shards that are damaged cannot be read; those that were read are counted. */
class ScrubbedDrive extends MemoryDrive {
  readonly damaged = new Set<string>();
  readonly read: string[] = [];

  override async readShard(name: ShardName, offset: number, length: number): Promise<Uint8Array | null> {
    if (this.damaged.has(name.blobId)) throw new CorruptionError(`${name.blobId} is damaged, as the test says`);
    this.read.push(name.blobId);
    return super.readShard(name, offset, length);
  }
}

const blobId = (at: number) => at.toString(16).padStart(32, '0');

async function world(shards = SHARDS) {
  const drive = new ScrubbedDrive({ clusterId: 'c'.repeat(32), driveId: 'd'.repeat(32), slot: 'a1/d1' });
  for (let at = 0; at < shards; at++)
    await drive.putShard({ blobId: blobId(at), position: 0 }, ATTRIBUTES, Buffer.alloc(SHARD_BYTES));
  const scheduler = new Scheduler();
  const asked: string[] = [];
  const start = () => {
    const scrubber = new Scrubber({
      drives: { open: () => [drive] },
      clock: new SimClock(new SimHost('a1', scheduler)),
      random: new SimRandom('scrub'),
      limits: { ...STORE_LIMITS, scrubBytesPerSecond: RATE },
      log: SILENT_LOG,
      damaged: (owner, blob) => void asked.push(`${owner} ${blob}`),
      unreadable: () => {},
    });
    scrubber.start();
    return scrubber;
  };
  return { drive, scheduler, start, asked };
}

describe('a sample', () => {
  it('is drawn by chance from all shards, at once, whatever the rate of scrubbing', async () => {
    const { drive, scheduler, start } = await world();
    const scrubber = start();
    drive.read.length = 0;
    expect(await scheduler.runToEnd('sample', scrubber.sample(400), 1)).toEqual([]);
    // Ids in a test are not drawn by chance, so the first one gets most; in a cluster they are.
    expect(drive.read.length).toBeGreaterThanOrEqual(400);
  });

  it('names damaged shards, has them mended, and remembers them until they can be read', async () => {
    const { drive, scheduler, start, asked } = await world(1);
    const scrubber = start();
    await scheduler.runFor(60_000);
    drive.damaged.add(blobId(0));
    const [said, ...others] = await scheduler.runToEnd('sample', scrubber.sample(3), 1);
    expect(said).toContain(`shard ${blobId(0)}.0 on a1/d1 cannot be read`);
    expect(new Set(others)).toEqual(new Set([said]));
    expect(asked).toEqual([`${OWNER} ${blobId(0)}`]);
    expect(scrubber.report()[0]).toMatchObject({ errorsFound: 1, unrepaired: [said] });
    drive.damaged.clear();
    await scheduler.runFor(60_000);
    expect(scrubber.report()[0]).toMatchObject({ errorsRepaired: 1, unrepaired: [] });
  });

  it('of a drive without shards is fine', async () => {
    const { scheduler, start } = await world(0);
    expect(await scheduler.runToEnd('sample', start().sample(3), 1)).toEqual([]);
  });
});

describe('scrubbing', () => {
  it('reads every shard once, not faster than it may, and again a week later', async () => {
    const { drive, scheduler, start } = await world();
    const scrubber = start();
    await scheduler.runFor(3_000);
    expect(scrubber.report()[0]).toMatchObject({ isRunning: true });
    expect(drive.read.length * SHARD_BYTES).toBeLessThanOrEqual(3 * RATE + 2 * SHARD_BYTES);
    await scheduler.runFor(5_000);
    expect(drive.read).toEqual(Array.from({ length: SHARDS }, (_, at) => blobId(at)));
    expect(scrubber.report()[0]).toMatchObject({ isRunning: false, errorsFound: 0, readBytes: SHARDS * SHARD_BYTES });
    await scheduler.runFor(STORE_LIMITS.scrubIntervalMs - 20_000);
    expect(drive.read).toHaveLength(SHARDS);
    await scheduler.runFor(40_000);
    expect(drive.read).toHaveLength(2 * SHARDS);
  });

  it('does not begin again after a restart when the last pass is recent, unless it is asked to', async () => {
    const { drive, scheduler, start } = await world();
    const first = start();
    await scheduler.runFor(20_000);
    first.stop();
    const second = start();
    await scheduler.runFor(20_000);
    expect(drive.read).toHaveLength(SHARDS);
    second.startNow();
    expect(second.report()[0]!.isRunning).toBe(true);
    await scheduler.runFor(20_000);
    expect(drive.read).toHaveLength(2 * SHARDS);
  });

  it('goes on after a restart about where it was', async () => {
    // 45 s of reading, and the position is kept at the ends of pages of 100 when half a minute has gone by.
    const { drive, scheduler, start } = await world(450);
    const first = start();
    await scheduler.runFor(36_000);
    const readByFirst = drive.read.length;
    expect(readByFirst).toBeGreaterThan(300);
    first.stop();
    const second = start();
    await scheduler.runFor(60_000);
    expect(second.report()[0]).toMatchObject({ isRunning: false, errorsFound: 0 });
    expect(new Set(drive.read).size).toBe(450);
    expect(drive.read.length).toBeLessThan(readByFirst + 200);
  });

  it('remembers over a restart what is not repaired, and looks at that first', async () => {
    const { drive, scheduler, start, asked } = await world();
    drive.damaged.add(blobId(7));
    drive.damaged.add(blobId(9));
    const first = start();
    await scheduler.runFor(20_000);
    expect(first.report()[0]!.unrepaired).toHaveLength(2);
    first.stop();
    drive.damaged.delete(blobId(9));
    asked.length = 0;
    const second = start();
    await scheduler.runFor(1_000);
    expect(second.report()[0]!.unrepaired).toEqual([expect.stringContaining(blobId(7))]);
    expect(asked).toEqual([`${OWNER} ${blobId(7)}`]);
    drive.damaged.clear();
    await scheduler.runFor(60_000);
    expect(second.report()[0]!.unrepaired).toEqual([]);
    second.stop();
    const third = start();
    await scheduler.runFor(1_000);
    expect(third.report()[0]!.unrepaired).toEqual([]);
  });

  it('tells the owner of a damaged shard, and calls it repaired when it has read it', async () => {
    const { drive, scheduler, start, asked } = await world();
    drive.damaged.add(blobId(7));
    const scrubber = start();
    await scheduler.runFor(60_000);
    expect(scrubber.report()[0]).toMatchObject({ errorsFound: 1, errorsRepaired: 0, isRunning: false });
    expect(scrubber.report()[0]!.unrepaired.join()).toContain(blobId(7));
    expect(new Set(asked)).toEqual(new Set([`${OWNER} ${blobId(7)}`]));
    // Asked again, and again less often.
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(8);
    drive.damaged.clear();
    await scheduler.runFor(10_000);
    expect(scrubber.report()[0]).toMatchObject({ errorsFound: 1, errorsRepaired: 1, unrepaired: [] });
  });
});
