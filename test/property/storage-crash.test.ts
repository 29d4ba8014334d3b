// The power fails at every single point of a workload that does everything a drive can do: commits alone and together,
// checkpoints, small and large shards, replacements, deletions. What was acknowledged is there afterwards, what was not is
// there wholly or not at all, nothing is out of order, and the drive goes on working and leaves no garbage.
import { describe, expect, it } from 'vitest';
import type { DriveStore } from '../../node/storage/drive-store.ts';
import { checkIndex } from '../../node/storage/index-check.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { CrashPoint } from '../support/crash-points.ts';
import { BUSY_TUNING, checkPromises, Expectations, workload } from '../support/drive-history.ts';
import { IDENTITY } from '../support/drives.ts';
import { stillClock } from '../support/still-clock.ts';

const CRASHES_PER_POINT = 2;

type Machine = { drive: SimDisk; log: SimDisk | null };
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
  const opened = await openDrive({ ...options, ...(logDisk && { log: logDisk }), tuning: BUSY_TUNING });
  if (opened.kind === 'formatted') return opened.store;
  if (opened.kind === 'refused') throw new Error(opened.reason);
  await formatDrive({ disk, ...(logDisk && { log: logDisk }), identity: IDENTITY, random: new SimRandom('log id') });
  return boot({ drive, log }, point);
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
  await checkPromises(store, expected.now);
  // Life goes on, and a clean restart finds everything again.
  await store.commit([{ kind: 'put', key: 'zz', value: Buffer.from('after') }]);
  await store.close();
  const again = await boot(place, quiet);
  expect(Buffer.from((await again.get('zz'))!).toString()).toBe('after');
  await again.commit([{ kind: 'delete', key: 'zz' }]);
  await checkPromises(again, expected.now);
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
