// What a write does when drives fail: it is acknowledged only with all shards durable, on stand-ins where need be, and leaves
// nothing behind when it is not acknowledged.
import { describe, expect, it } from 'vitest';
import { currentVersion, readObject, versionBlobs } from '../../node/core/object-record.ts';
import type { BlobRef } from '../../node/format/object-formats.ts';
import { body, bytesOf, get, NO_CONDITIONS, NO_METADATA, put } from '../cluster-fakes/bodies.ts';
import type { Fate, ShardCall } from '../cluster-fakes/faulty-drive.ts';
import { ObjectCluster, type ObjectClusterShape } from '../cluster-fakes/object-cluster.ts';

const SINGLE_STRIPE = 300_000;
/** Four stripes and a bit at 4+2. */
const STREAM = 4_500_000;
const SIX_DRIVES: ObjectClusterShape = { zones: { a: 2, b: 2, c: 2 }, drivesPerNode: 1, scheme: '4+2' };
const TWELVE_DRIVES: ObjectClusterShape = { zones: { a: 2, b: 2, c: 2 }, drivesPerNode: 2, scheme: '4+2' };

async function clusterWithBucket(shape?: ObjectClusterShape, limits = {}): Promise<ObjectCluster> {
  const cluster = new ObjectCluster(shape, { limits });
  await cluster.run(cluster.store.createBucket('bucket'));
  return cluster;
}

const failure = (code: string) => expect.objectContaining({ name: 'StoreError', code });

function onlyBlob(cluster: ObjectCluster): BlobRef {
  const [key] = cluster.registers.keysOf('o');
  return versionBlobs(currentVersion(readObject(cluster.registers.states.get(key!)!)))[0]!;
}

/** Where the record says that the shards are. */
function recordedPlaces(cluster: ObjectCluster, { blobId, displaced }: BlobRef): string[] {
  const places = cluster.rightPlaces(blobId);
  for (const { position, handOffSlot } of displaced) places[position] = `${handOffSlot} ${blobId} ${position}`;
  return places.filter((place) => !place.startsWith('null'));
}

/** Lets the nth call of this operation on any one drive, and everything after it there, have this fate. */
function failNth(cluster: ObjectCluster, operation: ShardCall['operation'], nth: number, fate: Fate) {
  let count = 0;
  let victim: string | null = null;
  cluster.setFate((call) => {
    if (victim === null && call.operation === operation && ++count === nth) victim = call.slot;
    return call.slot === victim && call.operation !== 'delete' ? fate : 'work';
  });
  return () => victim;
}

describe('a drive that fails while a body is written', () => {
  const POINTS = [
    ['put', 1, SINGLE_STRIPE],
    ['put', 6, SINGLE_STRIPE],
    ['begin', 1, STREAM],
    ['begin', 6, STREAM],
    ['append', 1, STREAM],
    ['append', 7, STREAM],
    ['append', 13, STREAM],
    ['append', 30, STREAM],
    ['commit', 1, STREAM],
    ['commit', 6, STREAM],
  ] as const;

  for (const fate of ['fail', 'hang', 'no-space'] as const) {
    it.each(POINTS)(
      `(${fate} at %s number %i of a body of %i bytes) is replaced by another one`,
      async (operation, nth, sizeBytes) => {
        const cluster = await clusterWithBucket();
        const victim = failNth(cluster, operation, nth, fate);
        const bytes = bytesOf(sizeBytes);
        await cluster.run(put(cluster.store, 'key', bytes));
        await cluster.run(cluster.nodes[0]!.context.background.idle());
        const blob = onlyBlob(cluster);
        expect(victim()).not.toBeNull();
        expect(blob.displaced).toHaveLength(1);
        expect(
          cluster
            .shards()
            .filter((shard) => !shard.startsWith(victim()!))
            .sort(),
        ).toEqual(recordedPlaces(cluster, blob).sort());
        expect((await cluster.run(get(cluster.nodes[3]!.store, 'key'))).equals(bytes)).toBe(true);
      },
    );
  }

  it('together with another one, at every pair of blocks: both are replaced', async () => {
    for (let first = 1; first <= 30; first += 7) {
      const cluster = await clusterWithBucket(TWELVE_DRIVES);
      let count = 0;
      const victims = new Set<string>();
      cluster.setFate(({ operation, slot }) => {
        if (operation === 'append') {
          count++;
          if (count === first || count === first + 4) victims.add(slot);
        }
        return victims.has(slot) ? 'fail' : 'work';
      });
      const bytes = bytesOf(STREAM);
      await cluster.run(put(cluster.store, 'key', bytes));
      const blob = onlyBlob(cluster);
      expect(new Set(recordedPlaces(cluster, blob).map((place) => place.split(' ')[0])).size).toBe(6);
      for (const place of recordedPlaces(cluster, blob)) expect(cluster.shards()).toContain(place);
    }
  });

  it('is waited for when nobody may stand in for it, and takes the shard when it is back', async () => {
    const cluster = await clusterWithBucket(SIX_DRIVES);
    cluster.drive('b1/d1').fate = () => (cluster.scheduler.nowMs < 9_000 ? 'fail' : 'work');
    await cluster.run(put(cluster.store, 'key', bytesOf(SINGLE_STRIPE)));
    expect(cluster.scheduler.nowMs).toBeGreaterThanOrEqual(9_000);
    const blob = onlyBlob(cluster);
    expect(blob.displaced).toEqual([]);
    expect(cluster.shards().sort()).toEqual(cluster.rightPlaces(blob.blobId).sort());
  });

  it('is done without as soon as the map calls it down and nobody can stand in', async () => {
    for (const sizeBytes of [SINGLE_STRIPE, STREAM]) {
      const cluster = await clusterWithBucket(SIX_DRIVES);
      cluster.drive('b1/d1').fate = () => 'fail';
      const writing = put(cluster.store, 'key', bytesOf(sizeBytes));
      await cluster.pass(5_000);
      expect(cluster.registers.keysOf('o')).toEqual([]);
      cluster.setState(['b1/d1'], 'down');
      await cluster.run(writing);
      const blob = onlyBlob(cluster);
      expect(blob.displaced).toEqual([
        {
          position: cluster.rightPlaces(blob.blobId).findIndex((place) => place.startsWith('b1/d1')),
          handOffSlot: null,
        },
      ]);
      expect((await cluster.run(get(cluster.store, 'key'))).equals(bytesOf(sizeBytes))).toBe(true);
    }
  });

  it('and does not come back: the write is refused, and nothing stays on the others', async () => {
    for (const sizeBytes of [SINGLE_STRIPE, STREAM]) {
      const cluster = await clusterWithBucket(SIX_DRIVES);
      cluster.drive('b1/d1').fate = () => 'fail';
      await expect(cluster.run(put(cluster.store, 'key', bytesOf(sizeBytes)))).rejects.toEqual(failure('Unavailable'));
      await cluster.run(cluster.nodes[0]!.context.background.idle());
      expect(cluster.shards()).toEqual([]);
      expect(cluster.registers.keysOf('o')).toEqual([]);
      expect([...cluster.drives.values()].map((drive) => drive.uncommittedShards)).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  it('because all are full: the client is told that there is no space', async () => {
    const cluster = await clusterWithBucket();
    cluster.setFate(({ operation }) => (operation === 'put' ? 'no-space' : 'work'));
    await expect(cluster.run(put(cluster.store, 'key', bytesOf(SINGLE_STRIPE)))).rejects.toEqual(failure('NoSpace'));
  });
});

describe('a node that is gone', () => {
  it.each([SINGLE_STRIPE, STREAM])(
    'does not stop writes of %i bytes: stand-ins within the caps take its shards',
    async (sizeBytes) => {
      const cluster = await clusterWithBucket();
      cluster.silence('d1');
      const bytes = bytesOf(sizeBytes);
      for (let at = 0; at < 8; at++) {
        await cluster.run(put(cluster.store, `key${at}`, bytes));
        expect((await cluster.run(get(cluster.store, `key${at}`))).equals(bytes)).toBe(true);
      }
      for (const shard of cluster.shards()) expect(shard).not.toMatch(/^d1/);
      for (const blobId of cluster.blobIds()) {
        const slots = cluster.shards().flatMap((shard) => (shard.includes(blobId) ? [shard.split(' ')[0]!] : []));
        expect(new Set(slots).size).toBe(6);
        for (const node of ['a1', 'b1', 'c1']) expect(slots.filter((slot) => slot.startsWith(node))).toHaveLength(2);
      }
    },
  );

  it('vanishes in the middle of a stream: the write goes on and ends with all shards', async () => {
    const cluster = await clusterWithBucket();
    const bytes = bytesOf(STREAM);
    let pieces = 0;
    const onPiece = () => {
      if (++pieces === 40) cluster.silence('d1');
    };
    await cluster.run(put(cluster.store, 'key', bytes, { onPiece }));
    const blob = onlyBlob(cluster);
    for (const place of recordedPlaces(cluster, blob)) expect(cluster.shards()).toContain(place);
    expect((await cluster.run(get(cluster.store, 'key'))).equals(bytes)).toBe(true);
  });

  it('with two drives down in the map and no stand-ins: the write does without them, and all bytes can be read', async () => {
    const cluster = await clusterWithBucket(SIX_DRIVES);
    cluster.silence('c1');
    cluster.silence('c2');
    cluster.setState(['c1/d1', 'c2/d1'], 'down');
    const bytes = bytesOf(STREAM);
    await cluster.run(put(cluster.store, 'key', bytes));
    expect(onlyBlob(cluster).displaced.map(({ handOffSlot }) => handOffSlot)).toEqual([null, null]);
    expect((await cluster.run(get(cluster.nodes[1]!.store, 'key'))).equals(bytes)).toBe(true);
  });

  it('with more drives down than the parity makes up for: the write is refused', async () => {
    const cluster = await clusterWithBucket(SIX_DRIVES);
    const down = ['b2/d1', 'c1/d1', 'c2/d1'];
    cluster.setState(down, 'down');
    for (const sizeBytes of [SINGLE_STRIPE, STREAM]) {
      await expect(cluster.run(put(cluster.store, 'key', bytesOf(sizeBytes)))).rejects.toEqual(failure('Unavailable'));
    }
    await cluster.run(cluster.nodes[0]!.context.background.idle());
    expect(cluster.shards()).toEqual([]);
  });
});

describe('a body that does not arrive whole', () => {
  it.each([
    ['within the inline limit', 5_000, 1_000],
    ['within one stripe', SINGLE_STRIPE, 100_000],
    ['after the first stripe', STREAM, 1_100_000],
    ['near its end', STREAM, 4_400_000],
  ])('and breaks off %s leaves no shard and no register', async (_, sizeBytes, breaksAt) => {
    const cluster = await clusterWithBucket();
    const pieceBytes = 1_000;
    const writing = put(cluster.store, 'key', bytesOf(sizeBytes), { breaksAt, pieceBytes });
    await expect(cluster.run(writing)).rejects.toThrow('the client has vanished');
    await cluster.run(cluster.nodes[0]!.context.background.idle());
    expect(cluster.shards()).toEqual([]);
    expect(cluster.registers.keysOf('o')).toEqual([]);
    expect([...cluster.drives.values()].every((drive) => drive.uncommittedShards === 0)).toBe(true);
    expect(cluster.nodes[0]!.context.writeBudget.usedBytes).toBe(0);
  });

  it.each([5_000, SINGLE_STRIPE, STREAM])(
    'of %i bytes is refused with what seal says, and leaves nothing',
    async (sizeBytes) => {
      const cluster = await clusterWithBucket();
      const sealError = new Error('BadDigest');
      await expect(cluster.run(put(cluster.store, 'key', bytesOf(sizeBytes), { sealError }))).rejects.toBe(sealError);
      await cluster.run(cluster.nodes[0]!.context.background.idle());
      expect(cluster.shards()).toEqual([]);
      expect(cluster.registers.keysOf('o')).toEqual([]);
    },
  );
});

describe('buffers', () => {
  it('are given back after every way in which writes and reads end', async () => {
    const cluster = await clusterWithBucket();
    const { writeBudget, readBudget } = cluster.nodes[0]!.context;
    const bytes = bytesOf(STREAM);
    await cluster.run(put(cluster.store, 'key', bytes));
    await cluster.run(get(cluster.store, 'key'));
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    const reading = object.read(null)[Symbol.asyncIterator]();
    await cluster.run(reading.next());
    expect(readBudget.usedBytes).toBeGreaterThan(0);
    await cluster.run(reading.return!());
    await cluster.run(cluster.nodes[0]!.context.background.idle());
    expect([writeBudget.usedBytes, readBudget.usedBytes]).toEqual([0, 0]);
  });

  it('that are all in use make further writes wait, and then slow down', async () => {
    const cluster = await clusterWithBucket(undefined, { writeBudgetBytes: 2_000_000 });
    let letGo = () => {};
    const stalled = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = {
      ...body(bytesOf(STREAM)),
      stream: (async function* () {
        yield bytesOf(STREAM).subarray(0, 1_000_000);
        await stalled;
        yield bytesOf(STREAM).subarray(1_000_000);
      })(),
    };
    const first = cluster.store.putObject('bucket', 'slow', slow, NO_METADATA, NO_CONDITIONS);
    await cluster.pass(100);
    await expect(cluster.run(put(cluster.store, 'other', bytesOf(STREAM)))).rejects.toEqual(failure('SlowDown'));
    const waiting = put(cluster.store, 'waiting', bytesOf(STREAM));
    await cluster.pass(100);
    letGo();
    await cluster.run(Promise.all([first, waiting]));
    expect((await cluster.run(get(cluster.store, 'slow'))).equals(bytesOf(STREAM))).toBe(true);
    expect((await cluster.run(get(cluster.store, 'waiting'))).equals(bytesOf(STREAM))).toBe(true);
  });
});
