// Deletes and overwrites free space: the whole node, on simulated disks that count their bytes.
import { expect, it } from 'vitest';
import { body, bytesOf, NO_CONDITIONS, NO_METADATA } from '../cluster-fakes/bodies.ts';
import { SimCluster } from './cluster.ts';
import { NodeProgram } from './node-program.ts';

const SHAPE = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2', driveBytes: 2 ** 30 };
const OBJECTS = 24;

it('the space of deleted and overwritten objects is free again, on every drive', async () => {
  const cluster = new SimCluster(1, SHAPE, (surroundings) => new NodeProgram(surroundings));
  const { scheduler } = cluster;
  await cluster.startAll(60_000);
  const { store } = cluster.machine('a1').program!;
  const run = <T>(work: Promise<T>) => scheduler.runToEnd('a request', work, 60_000);
  const put = (at: number, bytes: Buffer) =>
    run(store.putObject('bucket', `key${at}`, body(bytes), NO_METADATA, NO_CONDITIONS));
  const statuses = () =>
    run(
      Promise.all(
        cluster.machines.flatMap(({ program }) => program!.member.drives.open().map((drive) => drive.status())),
      ),
    );
  const shardBytes = async () => (await statuses()).reduce((sum, status) => sum + status.shardBytes, 0);
  const usedBytes = async () =>
    (await statuses()).reduce((sum, { totalBytes, freeBytes }) => sum + totalBytes - freeBytes, 0);
  await run(store.createBucket('bucket'));
  const emptyBytes = await usedBytes();

  for (let at = 0; at < OBJECTS; at++) await put(at, bytesOf(400_000, at));
  const fullBytes = await usedBytes();
  expect(fullBytes - emptyBytes).toBeGreaterThan(OBJECTS * 400_000 * 1.5);
  for (let at = 0; at < OBJECTS / 2; at++) await put(at, bytesOf(5_000, at));
  await scheduler.runFor(60_000);
  const halfShardBytes = await shardBytes();
  expect(halfShardBytes).toBeGreaterThan((OBJECTS / 2) * 400_000 * 1.5);
  expect(halfShardBytes).toBeLessThan((OBJECTS / 2) * 400_000 * 1.55);

  for (let at = 0; at < OBJECTS; at++) await run(store.deleteObject('bucket', `key${at}`, NO_CONDITIONS));
  await scheduler.runFor(60_000);
  expect(await shardBytes()).toBe(0);
  // What is left are registers, and the log until it is trimmed.
  expect((await usedBytes()) - emptyBytes).toBeLessThan((fullBytes - emptyBytes) / 10);
});
