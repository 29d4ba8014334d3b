// Buckets and objects through the whole object layer: what is put is got, conditions are exact, and a bucket's deletion and a
// write to it never both succeed.
import { describe, expect, it } from 'vitest';
import { objectKey } from '../../node/core/keys.ts';
import { body, bytesOf, etagOf, get, NO_CONDITIONS, NO_METADATA, put, readAll } from '../cluster-fakes/bodies.ts';
import { ObjectCluster } from '../cluster-fakes/object-cluster.ts';

async function clusterWithBucket(limits = {}): Promise<ObjectCluster> {
  const cluster = new ObjectCluster(undefined, { limits });
  await cluster.run(cluster.store.createBucket('bucket'));
  return cluster;
}

const failure = (code: string) => expect.objectContaining({ name: 'StoreError', code });

describe('objects', () => {
  it.each([0, 1, 8_192, 8_193, 262_144, 1_048_576, 1_048_577, 3_500_000])(
    'of %i bytes are got as they were put, from every node',
    async (sizeBytes) => {
      const cluster = await clusterWithBucket();
      const bytes = bytesOf(sizeBytes);
      const info = await cluster.run(put(cluster.store, 'key', bytes));
      expect(info).toMatchObject({ key: 'key', sizeBytes, etag: etagOf(bytes), parts: [] });
      for (const { store } of cluster.nodes) expect((await cluster.run(get(store, 'key'))).equals(bytes)).toBe(true);
    },
  );

  it('keep their metadata, checksums and time', async () => {
    const cluster = await clusterWithBucket();
    const metadata = { headers: { 'content-type': 'text/plain' }, user: { colour: 'blue' } };
    const sealed = { ...body(bytesOf(10)), seal: () => ({ etag: 'tag', checksums: { crc32: 'AAAA' } }) };
    const put = await cluster.run(cluster.store.putObject('bucket', 'key', sealed, metadata, NO_CONDITIONS));
    const { info } = await cluster.run(cluster.store.getObject('bucket', 'key'));
    expect(info).toEqual(put);
    expect(info).toMatchObject({ metadata, checksums: { crc32: 'AAAA' }, checksumType: 'FULL_OBJECT', etag: 'tag' });
  });

  it('of up to 8 KiB lie in their register, larger ones on k+m drives', async () => {
    const cluster = await clusterWithBucket();
    await cluster.run(put(cluster.store, 'small', bytesOf(8_192)));
    expect(cluster.shards()).toEqual([]);
    await cluster.run(put(cluster.store, 'large', bytesOf(8_193)));
    const [blobId] = cluster.blobIds();
    expect(cluster.shards().sort()).toEqual(cluster.rightPlaces(blobId!).sort());
  });

  it('are replaced as a whole', async () => {
    const cluster = await clusterWithBucket();
    await cluster.run(put(cluster.store, 'key', bytesOf(2_000_000, 'old')));
    await cluster.run(put(cluster.store, 'key', bytesOf(1_500_000, 'new')));
    expect((await cluster.run(get(cluster.store, 'key'))).equals(bytesOf(1_500_000, 'new'))).toBe(true);
  });

  it('are gone once deleted, and deleting them again is fine', async () => {
    const cluster = await clusterWithBucket();
    await cluster.run(put(cluster.store, 'key', bytesOf(100_000)));
    await cluster.run(cluster.store.deleteObject('bucket', 'key', NO_CONDITIONS));
    await expect(cluster.run(cluster.store.getObject('bucket', 'key'))).rejects.toEqual(failure('NoSuchKey'));
    await cluster.run(cluster.store.deleteObject('bucket', 'key', NO_CONDITIONS));
  });

  it('are neither put nor got nor deleted nor listed in a bucket that is not there', async () => {
    const { store, run } = bound(new ObjectCluster());
    await expect(run(put(store, 'key', bytesOf(1)))).rejects.toEqual(failure('NoSuchBucket'));
    await expect(run(store.getObject('bucket', 'key'))).rejects.toEqual(failure('NoSuchBucket'));
    await expect(run(store.deleteObject('bucket', 'key', NO_CONDITIONS))).rejects.toEqual(failure('NoSuchBucket'));
    const request = { prefix: '', delimiter: '', after: '', limit: 10 };
    await expect(run(store.listObjects('bucket', request))).rejects.toEqual(failure('NoSuchBucket'));
  });

  it.each([
    ['a range within a block', 100, 200],
    ['the border between two blocks', 262_143, 262_144],
    ['the border between two stripes', 1_048_575, 1_048_576],
    ['three stripes', 1_000_000, 2_500_000],
    ['the last byte', 2_999_999, 2_999_999],
  ])('give %s', async (_, first, last) => {
    const cluster = await clusterWithBucket();
    const bytes = bytesOf(3_000_000);
    await cluster.run(put(cluster.store, 'key', bytes));
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    expect((await cluster.run(readAll(object, { first, last }))).equals(bytes.subarray(first, last + 1))).toBe(true);
  });

  it('ask only for the blocks that a range needs', async () => {
    const cluster = await clusterWithBucket();
    await cluster.run(put(cluster.store, 'key', bytesOf(3_000_000)));
    const calls = cluster.recordCalls();
    const object = await cluster.run(cluster.store.getObject('bucket', 'key'));
    await cluster.run(readAll(object, { first: 1_100_000, last: 1_100_010 }));
    expect(calls.map(({ operation, position }) => `${operation} ${position}`)).toEqual(['read 0']);
  });

  it('are written by one request per drive when they fit one stripe', async () => {
    const cluster = await clusterWithBucket();
    const calls = cluster.recordCalls();
    await cluster.run(put(cluster.store, 'key', bytesOf(1_048_576)));
    expect(calls.map(({ operation, position }) => `${operation} ${position}`).sort()).toEqual(
      [0, 1, 2, 3, 4, 5].map((position) => `put ${position}`),
    );
  });
});

describe('conditions', () => {
  const put = (cluster: ObjectCluster, conditions: object) =>
    cluster.store.putObject('bucket', 'key', body(bytesOf(20_000, 'new')), NO_METADATA, {
      ...NO_CONDITIONS,
      ...conditions,
    });

  it('If-None-Match: * lets exactly one of many writers make the object', async () => {
    const cluster = await clusterWithBucket();
    const writers = cluster.nodes.map(({ store }, at) =>
      store.putObject('bucket', 'key', body(bytesOf(10_000, at)), NO_METADATA, { ifMatch: [], ifNoneMatch: ['*'] }),
    );
    const results = await cluster.run(Promise.allSettled(writers));
    const won = results.flatMap((result, at) => (result.status === 'fulfilled' ? [at] : []));
    expect(won).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toEqual(failure('PreconditionFailed'));
    }
    expect((await cluster.run(get(cluster.store, 'key'))).equals(bytesOf(10_000, won[0]))).toBe(true);
  });

  it('If-Match fails with NoSuchKey where there is no object, with PreconditionFailed where it is another one', async () => {
    const cluster = await clusterWithBucket();
    await expect(cluster.run(put(cluster, { ifMatch: ['x'] }))).rejects.toEqual(failure('NoSuchKey'));
    const { etag } = await cluster.run(put(cluster, {}));
    await expect(cluster.run(put(cluster, { ifMatch: ['x'] }))).rejects.toEqual(failure('PreconditionFailed'));
    await cluster.run(put(cluster, { ifMatch: ['x', etag] }));
    await expect(
      cluster.run(cluster.store.deleteObject('bucket', 'key', { ifMatch: ['x'], ifNoneMatch: [] })),
    ).rejects.toEqual(failure('PreconditionFailed'));
    await cluster.run(cluster.store.deleteObject('bucket', 'key', { ifMatch: [etag], ifNoneMatch: [] }));
    await expect(
      cluster.run(cluster.store.deleteObject('bucket', 'key', { ifMatch: ['*'], ifNoneMatch: [] })),
    ).rejects.toEqual(failure('NoSuchKey'));
  });

  it('that fail leave no shard behind', async () => {
    const cluster = await clusterWithBucket();
    await cluster.run(put(cluster, {}));
    const before = cluster.shards();
    await expect(cluster.run(put(cluster, { ifNoneMatch: ['*'] }))).rejects.toEqual(failure('PreconditionFailed'));
    await cluster.run(cluster.nodes[0]!.context.background.idle());
    expect(cluster.shards()).toEqual(before);
  });
});

describe('a put whose register does not answer', () => {
  it('is not acknowledged, and its shards stay when the register took it over', async () => {
    const cluster = await clusterWithBucket();
    cluster.registers.fate = (name) => (name === 'putObject' ? 'lose-after' : 'work');
    const bytes = bytesOf(50_000);
    await expect(cluster.run(put(cluster.store, 'key', bytes))).rejects.toEqual(failure('Unavailable'));
    cluster.registers.fate = () => 'work';
    await cluster.pass(120_000);
    expect((await cluster.run(get(cluster.nodes[1]!.store, 'key'))).equals(bytes)).toBe(true);
  });

  it('leaves nothing behind when the register did not take it over', async () => {
    const cluster = await clusterWithBucket();
    cluster.registers.fate = (name) => (name === 'putObject' ? 'lose-before' : 'work');
    await expect(cluster.run(put(cluster.store, 'key', bytesOf(50_000)))).rejects.toEqual(failure('Unavailable'));
    expect(cluster.shards()).toHaveLength(6);
    await cluster.pass(120_000);
    expect(cluster.shards()).toEqual([]);
  });

  it('is never carried out once its shards are deleted, however late the message arrives', async () => {
    const cluster = await clusterWithBucket();
    cluster.registers.fate = (name) => (name === 'putObject' ? 'late' : 'work');
    await expect(cluster.run(put(cluster.store, 'key', bytesOf(50_000)))).rejects.toEqual(failure('Unavailable'));
    await cluster.pass(120_000);
    expect(cluster.shards()).toEqual([]);
    cluster.registers.runLate();
    await expect(cluster.run(cluster.store.getObject('bucket', 'key'))).rejects.toEqual(failure('NoSuchKey'));
  });

  it('counts as done when only the reply was lost', async () => {
    const cluster = await clusterWithBucket();
    cluster.registers.fate = () => 'lose-reply';
    const bytes = bytesOf(50_000);
    await cluster.run(put(cluster.store, 'key', bytes));
    await cluster.pass(120_000);
    expect((await cluster.run(get(cluster.store, 'key'))).equals(bytes)).toBe(true);
  });
});

describe('buckets', () => {
  it('are made once, listed in order and deleted when they are empty', async () => {
    const { store, run } = bound(new ObjectCluster());
    const made = await run(store.createBucket('beta'));
    await run(store.createBucket('alpha'));
    await expect(run(store.createBucket('beta'))).rejects.toEqual(failure('BucketAlreadyExists'));
    expect(await run(store.headBucket('beta'))).toEqual(made);
    expect((await run(store.listBuckets())).map(({ name }) => name)).toEqual(['alpha', 'beta']);
    await run(store.deleteBucket('beta'));
    await expect(run(store.headBucket('beta'))).rejects.toEqual(failure('NoSuchBucket'));
    await expect(run(store.deleteBucket('beta'))).rejects.toEqual(failure('NoSuchBucket'));
  });

  it('are not deleted while they hold an object or an upload, and take writes afterwards', async () => {
    const { store, run } = bound(await clusterWithBucket());
    await run(put(store, 'key', bytesOf(1)));
    await expect(run(store.deleteBucket('bucket'))).rejects.toEqual(failure('BucketNotEmpty'));
    await run(store.deleteObject('bucket', 'key', NO_CONDITIONS));
    const { uploadId } = await run(store.createUpload('bucket', 'key', NO_METADATA, null));
    await expect(run(store.deleteBucket('bucket'))).rejects.toEqual(failure('BucketNotEmpty'));
    await run(put(store, 'other', bytesOf(1)));
    await run(store.deleteObject('bucket', 'other', NO_CONDITIONS));
    await run(store.abortUpload('bucket', 'key', uploadId));
    await run(store.deleteBucket('bucket'));
  });

  it('made again do not show what the old ones held, on nodes that remember the old ones neither', async () => {
    const cluster = await clusterWithBucket();
    const [first, second] = cluster.nodes;
    await cluster.run(put(second!.store, 'key', bytesOf(1)));
    await cluster.run(second!.store.deleteObject('bucket', 'key', NO_CONDITIONS));
    await cluster.run(first!.store.deleteBucket('bucket'));
    await cluster.run(first!.store.createBucket('bucket'));
    await cluster.run(put(first!.store, 'key', bytesOf(5)));
    expect(await cluster.run(get(second!.store, 'key'))).toEqual(bytesOf(5));
    const request = { prefix: '', delimiter: '', after: '', limit: 10 };
    expect((await cluster.run(second!.store.listObjects('bucket', request))).entries).toHaveLength(1);
  });

  it('that are gone refuse the write of a node that remembers them, and keep nothing of it', async () => {
    const cluster = await clusterWithBucket({ bucketCacheMs: 3_600_000 });
    const [first, second] = cluster.nodes;
    await cluster.run(second!.store.headBucket('bucket'));
    await cluster.run(first!.store.deleteBucket('bucket'));
    await expect(cluster.run(put(second!.store, 'key', bytesOf(30_000)))).rejects.toEqual(failure('NoSuchBucket'));
    await cluster.pass(120_000);
    expect(cluster.shards()).toEqual([]);
    expect(cluster.registers.keysOf('o')).toEqual([]);
  });

  it.each(['putObject', 'createUpload'] as const)(
    'deleted while a %s is under way: one of the two fails, at every interleaving',
    async (kind) => {
      const outcomes = new Set<string>();
      for (let leadMs = -8; leadMs < 8; leadMs += 0.5) {
        const cluster = await clusterWithBucket();
        const [writer, deleter] = cluster.nodes;
        await cluster.run(writer!.store.headBucket('bucket'));
        const write = cluster.scheduler
          .sleep(Math.max(0, -leadMs))
          .then(
            (): Promise<unknown> =>
              kind === 'putObject' ? put(writer!.store, 'key', bytesOf(10)) : createUpload(writer!.store),
          );
        const deletion = cluster.scheduler.sleep(Math.max(0, leadMs)).then(() => deleter!.store.deleteBucket('bucket'));
        const [written, deleted] = await cluster.run(Promise.allSettled([write, deletion]));
        outcomes.add(`${written.status} ${deleted.status}`);
        if (deleted.status === 'rejected') expect(['BucketNotEmpty', 'Unavailable']).toContain(deleted.reason.code);
        if (written.status === 'rejected') expect(written.reason.code).toBe('NoSuchBucket');
        await cluster.pass(200_000);
        const isThere = cluster.registers.keysOf('b').length === 1;
        expect(isThere).toBe(deleted.status === 'rejected');
        if (!isThere) expect([...cluster.registers.keysOf('o'), ...cluster.registers.keysOf('u')]).toEqual([]);
      }
      expect([...outcomes].sort()).toEqual(['fulfilled rejected', 'rejected fulfilled']);
    },
  );

  it('whose deletion was cut short take writes again', async () => {
    const { store, run, cluster } = bound(await clusterWithBucket());
    cluster.registers.fate = (name) => (name === 'removeBucket' ? 'lose-before' : 'work');
    await expect(run(store.deleteBucket('bucket'))).rejects.toEqual(failure('Unavailable'));
    await run(put(store, 'key', bytesOf(3)));
    cluster.registers.fate = () => 'work';
    await expect(run(store.deleteBucket('bucket'))).rejects.toEqual(failure('BucketNotEmpty'));
  });

  it('are read by a node one read after the other, however many writes they get', async () => {
    const cluster = await clusterWithBucket();
    let reads = 0;
    const { registers } = cluster.nodes[0]!.context;
    const { read } = registers;
    registers.read = (key) => {
      if (key.startsWith('b')) reads++;
      return read(key);
    };
    const writes = Array.from({ length: 200 }, (_, at) => put(cluster.store, `key${at}`, bytesOf(10)));
    await cluster.run(Promise.all(writes));
    expect(reads).toBeLessThan(10);
    expect(
      cluster.registers.states.has(objectKey((await cluster.run(cluster.store.headBucket('bucket'))).id, 'key7')),
    ).toBe(true);
  });
});

const createUpload = (store: ObjectCluster['store']) => store.createUpload('bucket', 'key', NO_METADATA, null);

function bound(cluster: ObjectCluster) {
  return { cluster, store: cluster.store, run: <T>(work: Promise<T>) => cluster.run(work) };
}
