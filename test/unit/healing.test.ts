// The healer: after whatever happened to drives, every shard is back on its own drive, nothing lies anywhere else, and the report
// says so no earlier.
import { describe, expect, it } from 'vitest';
import { currentVersion, readObject, versionBlobs } from '../../node/core/object-record.ts';
import { bytesOf, get, NO_CONDITIONS, NO_METADATA, put } from '../cluster-fakes/bodies.ts';
import { DEFAULT_SHAPE, ObjectCluster, type ObjectClusterShape } from '../cluster-fakes/object-cluster.ts';

const SIZES = [20_000, 300_000, 2_500_000];

async function clusterWithObjects(shape: ObjectClusterShape = DEFAULT_SHAPE, limits = {}) {
  const cluster = new ObjectCluster(shape, { limits });
  await cluster.run(cluster.store.createBucket('bucket'));
  for (const sizeBytes of SIZES) await cluster.run(put(cluster.store, `key${sizeBytes}`, bytesOf(sizeBytes)));
  return cluster;
}

function ownedBlobs(cluster: ObjectCluster) {
  const records = cluster.registers.keysOf('o').map((key) => readObject(cluster.registers.states.get(key)!));
  return records.flatMap((record) => versionBlobs(currentVersion(record)));
}

/** Every blob that a register owns has all its shards in their places; there is no other shard, and no record notes one. */
function expectAllInPlace(cluster: ObjectCluster): void {
  const blobs = ownedBlobs(cluster);
  expect(cluster.shards().sort()).toEqual(blobs.flatMap(({ blobId }) => cluster.rightPlaces(blobId)).sort());
  expect(blobs.flatMap(({ displaced }) => displaced)).toEqual([]);
}

async function expectAllReadable(cluster: ObjectCluster): Promise<void> {
  for (const sizeBytes of SIZES) {
    for (const { store } of cluster.nodes) {
      expect((await cluster.run(get(store, `key${sizeBytes}`))).equals(bytesOf(sizeBytes))).toBe(true);
    }
  }
}

const isHealed = (cluster: ObjectCluster) =>
  cluster.nodes.every(({ healer }) => {
    const { pending, comparedSinceMapChange, failures } = healer.report();
    return pending === 0 && comparedSinceMapChange && failures.length === 0;
  });

async function untilHealed(cluster: ObjectCluster): Promise<void> {
  await cluster.scheduler.runUntil('everything is healed', () => isHealed(cluster), 600_000);
}

describe('a comparison', () => {
  it('rebuilds what wiped drives held, whichever two they are', async () => {
    const slots = new ObjectCluster().slots;
    for (const [first, second] of slots.flatMap((a, at) => slots.slice(at + 1).map((b) => [a, b] as const))) {
      const cluster = await clusterWithObjects();
      cluster.wipe(first);
      cluster.wipe(second);
      cluster.startHealers();
      await untilHealed(cluster);
      expectAllInPlace(cluster);
    }
  });

  it('rebuilds truncated shards', async () => {
    const cluster = await clusterWithObjects();
    const [slot, drive] = [...cluster.drives].find(([, { shards }]) => shards.size > 0)!;
    for (const shard of drive.shards.values()) shard.data = shard.data.subarray(0, 100);
    cluster.startHealers();
    await untilHealed(cluster);
    expectAllInPlace(cluster);
    for (const { data } of cluster.drive(slot).shards.values()) expect(data.length).toBeGreaterThan(100);
  });

  it('is not said to have ended while a drive that is up in the map does not answer', async () => {
    const cluster = await clusterWithObjects();
    cluster.setFate(({ slot }) => (slot === 'c1/d1' ? 'fail' : 'work'));
    cluster.startHealers();
    await cluster.pass(60_000);
    expect(cluster.nodes.some(({ healer }) => !healer.report().comparedSinceMapChange)).toBe(true);
    expect(cluster.nodes.flatMap(({ healer }) => healer.report().failures).join()).toContain('c1/d1');
    cluster.setFate(() => 'work');
    await untilHealed(cluster);
  });

  it('runs again after every change of the map', async () => {
    const cluster = await clusterWithObjects();
    cluster.startHealers();
    await untilHealed(cluster);
    cluster.setState(['b1/d1'], 'down');
    expect(cluster.nodes.some(({ healer }) => healer.report().comparedSinceMapChange)).toBe(false);
    cluster.wipe('b1/d1');
    await untilHealed(cluster);
    cluster.setState(['b1/d1'], 'up');
    await untilHealed(cluster);
    expectAllInPlace(cluster);
  });

  it('keeps within the rate it is given', async () => {
    const cluster = await clusterWithObjects(DEFAULT_SHAPE, { healBytesPerSecond: 100_000 });
    const largest = ownedBlobs(cluster).find(({ sizeBytes }) => sizeBytes === SIZES[2])!;
    cluster.wipe(cluster.rightPlaces(largest.blobId)[0]!.split(' ')[0]!);
    const startMs = cluster.scheduler.nowMs;
    cluster.startHealers();
    await untilHealed(cluster);
    expectAllInPlace(cluster);
    // Two whole stripes of 1 MiB are paid for before the last one is begun.
    expect(cluster.scheduler.nowMs - startMs).toBeGreaterThan(20_000);
  });
});

describe('shards that were written elsewhere', () => {
  it.each(SIZES)('return home when their node comes back: bodies of %i bytes', async (sizeBytes) => {
    const cluster = await clusterWithObjects();
    cluster.startHealers();
    cluster.silence('c1');
    await cluster.pass(100);
    cluster.setState(cluster.slotsOf('c1'), 'down');
    for (let at = 0; at < 6; at++) await cluster.run(put(cluster.store, `away${at}`, bytesOf(sizeBytes, at)));
    expect(ownedBlobs(cluster).flatMap(({ displaced }) => displaced).length).toBeGreaterThan(0);
    await untilHealed(cluster);
    cluster.hearAll();
    cluster.setState(cluster.slotsOf('c1'), 'up');
    await untilHealed(cluster);
    expectAllInPlace(cluster);
    for (let at = 0; at < 6; at++) {
      expect((await cluster.run(get(cluster.node('c1').store, `away${at}`))).equals(bytesOf(sizeBytes, at))).toBe(true);
    }
  });

  it('and whose writer died return home all the same', async () => {
    const cluster = await clusterWithObjects(DEFAULT_SHAPE, { strayIntervalMs: 30_000 });
    cluster.nodes.forEach(({ name, healer }) => {
      if (name !== 'a1') healer.start();
    });
    await cluster.pass(10_000);
    cluster.setFate(({ slot, operation }) => (slot === 'c1/d1' && operation === 'put' ? 'fail' : 'work'));
    for (let at = 0; at < 6; at++) await cluster.run(put(cluster.store, `away${at}`, bytesOf(50_000, at)));
    cluster.node('a1').healer.stop();
    cluster.setFate(() => 'work');
    expect(ownedBlobs(cluster).flatMap(({ displaced }) => displaced).length).toBeGreaterThan(0);
    const away = cluster.shards().filter((shard) => !cluster.rightPlaces(shard.split(' ')[1]!).includes(shard));
    await cluster.pass(120_000);
    const left = cluster.shards().filter((shard) => !cluster.rightPlaces(shard.split(' ')[1]!).includes(shard));
    expect(left).toEqual(away.filter((shard) => shard.startsWith('a1/')));
  });

  it('stay where they are while their own drive is down', async () => {
    const cluster = await clusterWithObjects();
    cluster.startHealers();
    cluster.setState(['c1/d1', 'c1/d2'], 'down');
    for (let at = 0; at < 4; at++) await cluster.run(put(cluster.store, `away${at}`, bytesOf(50_000, at)));
    const before = cluster.shards();
    await untilHealed(cluster);
    await cluster.pass(100_000);
    expect(cluster.shards()).toEqual(before);
  });
});

describe('damage that a read meets', () => {
  it('is repaired, without a comparison', async () => {
    for (const sizeBytes of SIZES) {
      const cluster = await clusterWithObjects();
      const blob = ownedBlobs(cluster).find((found) => found.sizeBytes === sizeBytes)!;
      const [first, second] = cluster.rightPlaces(blob.blobId).map((place) => place.split(' ')[0]!);
      cluster.drive(first!).damage({ blobId: blob.blobId, position: 0 }, 70);
      await cluster.drive(second!).deleteShard({ blobId: blob.blobId, position: 1 });
      await cluster.run(get(cluster.store, `key${sizeBytes}`));
      expect(cluster.nodes[0]!.healer.report().pending).toBe(1);
      await cluster.pass(30_000);
      expect(cluster.nodes[0]!.healer.report()).toMatchObject({ pending: 0, shardsHealed: 2 });
      expectAllInPlace(cluster);
      for (const victim of [2, 3]) {
        const slot = cluster.rightPlaces(blob.blobId)[victim]!.split(' ')[0]!;
        await cluster.drive(slot).deleteShard({ blobId: blob.blobId, position: victim });
      }
      expect((await cluster.run(get(cluster.store, `key${sizeBytes}`))).equals(bytesOf(sizeBytes))).toBe(true);
    }
  });

  it('beyond repair is reported for as long as the object is there', async () => {
    const cluster = await clusterWithObjects();
    cluster.startHealers();
    await untilHealed(cluster);
    const blob = ownedBlobs(cluster)[0]!;
    for (const position of [0, 1, 2]) {
      const [slot] = cluster.rightPlaces(blob.blobId)[position]!.split(' ');
      await cluster.drive(slot!).deleteShard({ blobId: blob.blobId, position });
    }
    await expect(cluster.run(get(cluster.store, `key${blob.sizeBytes}`))).rejects.toMatchObject({ code: 'DataLost' });
    await cluster.pass(30_000);
    const { pending, failures } = cluster.nodes[0]!.healer.report();
    expect(pending).toBe(1);
    expect(failures.join()).toContain(`key${blob.sizeBytes}`);
    await cluster.run(cluster.store.deleteObject('bucket', `key${blob.sizeBytes}`, NO_CONDITIONS));
    await cluster.pass(900_000);
    expect(cluster.nodes[0]!.healer.report()).toMatchObject({ pending: 0, failures: [] });
  });
});

describe('condemned blobs', () => {
  it('of replaced and deleted objects lose their shards, and their registers what they noted', async () => {
    const cluster = await clusterWithObjects();
    for (const sizeBytes of SIZES) {
      await cluster.run(put(cluster.nodes[1]!.store, `key${sizeBytes}`, bytesOf(10_000)));
      await cluster.run(cluster.nodes[2]!.store.deleteObject('bucket', `key${sizeBytes}`, NO_CONDITIONS));
    }
    expect(cluster.shards().length).toBe(6 * 6);
    await cluster.pass(100_000);
    expect(cluster.shards()).toEqual([]);
    expect(cluster.registers.keysOf('o')).toEqual([]);
  });

  it('are collected by another node when the one that condemned them died', async () => {
    const cluster = await clusterWithObjects();
    await cluster.run(cluster.store.deleteObject('bucket', `key${SIZES[0]}`, NO_CONDITIONS));
    cluster.node('a1').healer.stop();
    for (const { name, healer } of cluster.nodes) if (name !== 'a1') healer.start();
    cluster.setState(cluster.slotsOf('a1'), 'down');
    await cluster.pass(100_000);
    const isAway = (shard: string) => !shard.startsWith('a1/');
    const kept = ownedBlobs(cluster).flatMap(({ blobId }) => cluster.rightPlaces(blobId));
    expect(cluster.shards().filter(isAway).sort()).toEqual(kept.filter(isAway).sort());
  });

  it('keep their shards for the reads of other nodes for a while', async () => {
    const cluster = await clusterWithObjects();
    await cluster.run(cluster.store.deleteObject('bucket', `key${SIZES[2]}`, NO_CONDITIONS));
    await cluster.pass(cluster.nodes[0]!.context.limits.condemnedDelayMs);
    expect(cluster.shards()).toHaveLength(18);
  });

  it('are tried again when a drive did not answer, and forgotten only then', async () => {
    const cluster = await clusterWithObjects();
    const { blobId } = ownedBlobs(cluster).find(({ sizeBytes }) => sizeBytes === SIZES[0])!;
    const [victim] = cluster.rightPlaces(blobId)[0]!.split(' ');
    cluster.setFate(({ operation, slot }) => (operation === 'delete' && slot === victim ? 'fail' : 'work'));
    await cluster.run(cluster.store.deleteObject('bucket', `key${SIZES[0]}`, NO_CONDITIONS));
    await cluster.pass(100_000);
    expect(cluster.registers.keysOf('o')).toHaveLength(3);
    cluster.setFate(() => 'work');
    await cluster.pass(900_000);
    expect(cluster.registers.keysOf('o')).toHaveLength(2);
    expectAllInPlace(cluster);
  });

  it('of a key that is overwritten again and again do not pile up', async () => {
    const cluster = await clusterWithObjects();
    for (let at = 0; at < 600; at++) {
      await cluster.run(put(cluster.store, 'hot', bytesOf(9_000, at)));
      await cluster.pass(20);
    }
    const hot = cluster.registers.keysOf('o').find((key) => key.endsWith('hot'))!;
    expect(readObject(cluster.registers.states.get(hot)!).condemned.length).toBeLessThan(200);
    await cluster.pass(100_000);
    expectAllInPlace(cluster);
  });
});

describe('a mend that races with', () => {
  it('a deletion leaves no shard behind', async () => {
    for (let delayMs = 0; delayMs < 200; delayMs += 10) {
      const cluster = await clusterWithObjects(DEFAULT_SHAPE, { condemnedDelayMs: 5, healBytesPerSecond: 20_000_000 });
      for (const slot of cluster.slotsOf('a1')) cluster.wipe(slot);
      cluster.startHealers();
      await cluster.pass(delayMs);
      for (const sizeBytes of SIZES) {
        await cluster.run(cluster.nodes[1]!.store.deleteObject('bucket', `key${sizeBytes}`, NO_CONDITIONS));
      }
      await cluster.pass(1_000_000);
      expect(cluster.shards()).toEqual([]);
    }
  });

  it('itself on another node does no harm', async () => {
    const cluster = await clusterWithObjects();
    cluster.wipe('a1/d1');
    cluster.wipe('b1/d1');
    for (const { healer } of cluster.nodes) for (const key of cluster.registers.keysOf('o')) healer.displaced(key);
    await cluster.pass(60_000);
    expectAllInPlace(cluster);
    await expectAllReadable(cluster);
  });
});

it('nothing is healed that needs no healing', async () => {
  const cluster = await clusterWithObjects();
  await cluster.run(cluster.store.createUpload('bucket', 'key', NO_METADATA, null));
  const calls = cluster.recordCalls();
  cluster.startHealers();
  await untilHealed(cluster);
  expect(new Set(calls.map(({ operation }) => operation))).toEqual(new Set(['stat', 'list']));
});
