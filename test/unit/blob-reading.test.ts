// What a read does when shards are missing, damaged, slow or on silent nodes: it gives the right bytes as long as any k shards are
// left, and fails otherwise; it never gives a wrong byte.
import { describe, expect, it } from 'vitest';
import { bytesOf, get, NO_CONDITIONS, put, readAll } from '../cluster-fakes/bodies.ts';
import { ObjectCluster } from '../cluster-fakes/object-cluster.ts';

const SINGLE_STRIPE = 300_000;
const STREAM = 3_500_000;
const WIDTH = 6;
const PAIRS = Array.from({ length: WIDTH }, (_, a) => Array.from({ length: WIDTH }, (_, b) => [a, b] as const))
  .flat()
  .filter(([a, b]) => a < b);

const failure = (code: string) => expect.objectContaining({ name: 'StoreError', code });

/** A cluster with one object; shards by position. */
async function clusterWithObject(sizeBytes: number, limits = {}) {
  const cluster = new ObjectCluster(undefined, { limits });
  await cluster.run(cluster.store.createBucket('bucket'));
  const bytes = bytesOf(sizeBytes);
  await cluster.run(put(cluster.store, 'key', bytes));
  const [blobId] = cluster.blobIds();
  const slots = cluster.rightPlaces(blobId!).map((place) => place.split(' ')[0]!);
  const lose = (position: number) => cluster.drive(slots[position]!).deleteShard({ blobId: blobId!, position });
  const damage = (position: number, at: number) =>
    cluster.drive(slots[position]!).damage({ blobId: blobId!, position }, at);
  const isWhole = async (name = 'a1') => (await cluster.run(get(cluster.node(name).store, 'key'))).equals(bytes);
  return { cluster, bytes, blobId: blobId!, slots, lose, damage, isWhole };
}

describe('reading', () => {
  it.each([SINGLE_STRIPE, STREAM])('%i bytes succeeds without any two shards', async (sizeBytes) => {
    for (const [a, b] of PAIRS) {
      const { lose, isWhole } = await clusterWithObject(sizeBytes);
      await lose(a);
      await lose(b);
      expect(await isWhole()).toBe(true);
    }
  });

  it.each([SINGLE_STRIPE, STREAM])('%i bytes succeeds with any two shards damaged anywhere', async (sizeBytes) => {
    for (const [a, b] of PAIRS) {
      const { damage, isWhole, cluster } = await clusterWithObject(sizeBytes);
      damage(a, cluster.random.below(sizeBytes));
      damage(b, cluster.random.below(sizeBytes));
      expect(await isWhole()).toBe(true);
    }
  });

  it.each(PAIRS)('ranges succeeds without shards %i and %i', async (a, b) => {
    const { lose, damage, cluster, bytes } = await clusterWithObject(STREAM);
    await lose(a);
    damage(b, 1_000);
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    for (const [first, last] of [
      [0, 0],
      [262_000, 263_000],
      [1_048_000, 1_049_000],
      [STREAM - 10, STREAM - 1],
    ] as const) {
      const range = await cluster.run(readAll(object, { first, last }));
      expect(range.equals(bytes.subarray(first, last + 1))).toBe(true);
    }
  });

  it('with three of six shards gone fails with DataLost, and gives no byte of the stripe', async () => {
    const { lose, cluster } = await clusterWithObject(SINGLE_STRIPE);
    for (const position of [0, 2, 4]) await lose(position);
    await expect(cluster.run(get(cluster.store, 'key'))).rejects.toEqual(failure('DataLost'));
  });

  it('with three of six drives silent fails with Unavailable: what does not answer is not lost', async () => {
    const { cluster, slots } = await clusterWithObject(SINGLE_STRIPE);
    for (const position of [0, 2, 4]) cluster.drive(slots[position]!).fate = () => 'hang';
    await expect(cluster.run(get(cluster.store, 'key'))).rejects.toEqual(failure('Unavailable'));
  });

  it('gives whole stripes before a damaged one, and no byte of that', async () => {
    const { damage, cluster, bytes } = await clusterWithObject(STREAM);
    for (const position of [0, 1, 2]) damage(position, 2 * 262_148 + 77);
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    const pieces: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of object.read(null)) pieces.push(piece);
    })();
    await expect(cluster.run(reading)).rejects.toEqual(failure('DataLost'));
    expect(Buffer.concat(pieces).equals(bytes.subarray(0, 2 * 1_048_576))).toBe(true);
  });

  it('finds intact bytes in the wrong place to be wrong', async () => {
    const { cluster, slots, blobId, bytes } = await clusterWithObject(STREAM);
    const [first, second] = [cluster.drive(slots[0]!), cluster.drive(slots[1]!)];
    const stored = await second.readShard({ blobId, position: 1 }, 0, STREAM);
    await first.putShard({ blobId, position: 0 }, Buffer.alloc(0), stored!);
    expect((await cluster.run(get(cluster.store, 'key'))).equals(bytes)).toBe(true);
  });

  it('goes on with other drives when some hang, without waiting for them at every stripe', async () => {
    const { cluster, slots, isWhole } = await clusterWithObject(STREAM);
    for (const position of [1, 2]) cluster.drive(slots[position]!).fate = () => 'hang';
    const startMs = cluster.scheduler.nowMs;
    expect(await isWhole()).toBe(true);
    expect(cluster.scheduler.nowMs - startMs).toBeLessThan(2 * 300);
  });

  it('does not ask nodes that seem to be gone while there are others', async () => {
    const { cluster, isWhole } = await clusterWithObject(STREAM);
    cluster.silence('c1');
    const startMs = cluster.scheduler.nowMs;
    expect(await isWhole()).toBe(true);
    expect(cluster.scheduler.nowMs - startMs).toBeLessThan(300);
  });

  it('finds shards that lie where neither the record nor the map says', async () => {
    const { cluster, slots, blobId, isWhole, lose } = await clusterWithObject(STREAM);
    const strange = cluster.slots.filter((slot) => !slots.includes(slot));
    for (const [at, position] of [0, 3].entries()) {
      const data = await cluster.drive(slots[position]!).readShard({ blobId, position }, 0, STREAM);
      await cluster.drive(strange[at]!).putShard({ blobId, position }, Buffer.alloc(0), data!);
    }
    for (const position of [0, 1, 2, 3]) await lose(position);
    expect(await isWhole()).toBe(true);
  });

  it('that began before the object was replaced ends with the old bytes', async () => {
    const { cluster, bytes } = await clusterWithObject(STREAM);
    cluster.startHealers();
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    const reading = object.read(null)[Symbol.asyncIterator]();
    const pieces = [(await cluster.run(reading.next())).value as Uint8Array];
    await cluster.run(put(cluster.store, 'key', bytesOf(STREAM, 'new')));
    // On the node that reads, the old shards stay as long as the read takes.
    await cluster.pass(300_000);
    for (;;) {
      const { done, value } = await cluster.run(reading.next());
      if (done) break;
      pieces.push(value);
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    await cluster.pass(300_000);
    expect(cluster.blobIds()).toHaveLength(1);
  });

  it('of an object that was deleted under a reader on another node fails, and mixes nothing', async () => {
    const { cluster, bytes } = await clusterWithObject(STREAM);
    cluster.startHealers();
    const object = await cluster.run(cluster.node('b1').store.getObject('bucket', 'key'));
    const reading = object.read({ first: 0, last: STREAM - 1 })[Symbol.asyncIterator]();
    const pieces = [(await cluster.run(reading.next())).value as Uint8Array];
    await cluster.run(put(cluster.store, 'key', bytesOf(STREAM, 'new')));
    await cluster.pass(300_000);
    const rest = (async () => {
      for (;;) {
        const { done, value } = await reading.next();
        if (done) return;
        pieces.push(value);
      }
    })();
    await expect(cluster.run(rest)).rejects.toEqual(failure('Unavailable'));
    const got = Buffer.concat(pieces);
    expect(got.equals(bytes.subarray(0, got.length))).toBe(true);
  });

  it('on two nodes of an object that is deleted and put again gives the one or the other', async () => {
    const { cluster, bytes } = await clusterWithObject(SINGLE_STRIPE);
    const other = bytesOf(SINGLE_STRIPE, 'other');
    const reads = cluster.nodes.map(({ store }) => get(store, 'key').catch(() => null));
    const writes = (async () => {
      await cluster.store.deleteObject('bucket', 'key', NO_CONDITIONS);
      await put(cluster.store, 'key', other);
    })();
    await cluster.run(writes);
    for (const got of await cluster.run(Promise.all(reads))) {
      expect(got === null || got.equals(bytes) || got.equals(other)).toBe(true);
    }
  });
});
