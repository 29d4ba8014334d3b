// Multipart uploads: each is completed or aborted once, whatever comes at the same time and whoever dies in between; no part is
// lost that an object owns, and none stays that nobody owns.
import { describe, expect, it } from 'vitest';
import type { CompletedPart, PartInfo, WriteConditions } from '../../node/cluster/object-store.ts';
import { currentVersion, readObject, versionBlobs } from '../../node/core/object-record.ts';
import type { CommandName } from '../../node/format/object-command-formats.ts';
import { body, bytesOf, etagOf, get, NO_CONDITIONS, NO_METADATA, put, readAll } from '../cluster-fakes/bodies.ts';
import { ObjectCluster } from '../cluster-fakes/object-cluster.ts';

const failure = (code: string) => expect.objectContaining({ name: 'StoreError', code });

async function clusterWithUpload(limits = {}) {
  const cluster = new ObjectCluster(undefined, { limits });
  await cluster.run(cluster.store.createBucket('bucket'));
  const { uploadId } = await cluster.run(cluster.store.createUpload('bucket', 'key', NO_METADATA, null));
  const upload = new Upload(cluster, uploadId);
  return { cluster, upload, run: <T>(work: Promise<T>) => cluster.run(work) };
}

class Upload {
  readonly cluster: ObjectCluster;
  readonly uploadId: string;

  constructor(cluster: ObjectCluster, uploadId: string) {
    this.cluster = cluster;
    this.uploadId = uploadId;
  }

  putPart(partNumber: number, bytes: Buffer, node = 0): Promise<PartInfo> {
    return this.cluster.nodes[node]!.store.putPart('bucket', 'key', this.uploadId, partNumber, body(bytes));
  }

  complete(
    parts: readonly CompletedPart[],
    { node = 0, minPartBytes = 0, conditions = NO_CONDITIONS as WriteConditions } = {},
  ) {
    const seal = (chosen: readonly PartInfo[]) => ({
      etag: `${etagOf(Buffer.from(chosen.map(({ etag }) => etag).join()))}-${chosen.length}`,
      checksums: {},
    });
    const { store } = this.cluster.nodes[node]!;
    return store.completeUpload('bucket', 'key', this.uploadId, parts, minPartBytes, seal, conditions);
  }

  abort(node = 0): Promise<void> {
    return this.cluster.nodes[node]!.store.abortUpload('bucket', 'key', this.uploadId);
  }

  listParts() {
    return this.cluster.store.listParts('bucket', 'key', this.uploadId, 0, 1000);
  }
}

/** Only the shards of blobs that objects own, and no register of an upload. */
function expectOnlyObjects(cluster: ObjectCluster): void {
  const records = cluster.registers.keysOf('o').map((key) => readObject(cluster.registers.states.get(key)!));
  const blobs = records.flatMap((record) => versionBlobs(currentVersion(record)));
  expect(cluster.shards().sort()).toEqual(blobs.flatMap(({ blobId }) => cluster.rightPlaces(blobId)).sort());
  expect(records.flatMap(({ uploads, condemned }) => [...uploads, ...condemned])).toEqual([]);
  expect([...cluster.registers.keysOf('p'), ...cluster.registers.keysOf('u')]).toEqual([]);
}

const A = bytesOf(1_500_000, 'a');
const B = bytesOf(300_000, 'b');
const SMALL = bytesOf(100, 'small');

describe('an upload', () => {
  it('becomes one object of its parts, large and inline, with ranges across them', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    const parts = [await run(upload.putPart(2, B, 1)), await run(upload.putPart(7, SMALL, 2))];
    parts.unshift(await run(upload.putPart(1, A)));
    const info = await run(upload.complete(parts, { node: 3 }));
    expect(info).toMatchObject({ sizeBytes: A.length + B.length + 100, parts });
    const whole = Buffer.concat([A, B, SMALL]);
    expect((await run(get(cluster.store, 'key'))).equals(whole)).toBe(true);
    const object = await run(cluster.store.getObject('bucket', 'key'));
    for (const [first, last] of [
      [A.length - 5, A.length + 5],
      [whole.length - 150, whole.length - 50],
      [10, whole.length - 10],
    ] as const) {
      expect((await run(readAll(object, { first, last }))).equals(whole.subarray(first, last + 1))).toBe(true);
    }
    await cluster.pass(100_000);
    expectOnlyObjects(cluster);
    expect((await run(get(cluster.store, 'key'))).equals(whole)).toBe(true);
  });

  it('completed twice gives the same answer, before and after it is cleaned up', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    const parts = [await run(upload.putPart(1, A)), await run(upload.putPart(2, SMALL))];
    const [first, second] = await run(Promise.all([upload.complete(parts), upload.complete(parts, { node: 1 })]));
    expect(second).toEqual(first);
    await cluster.pass(100_000);
    expect(await run(upload.complete(parts, { node: 2 }))).toEqual(first);
    await expect(run(upload.complete(parts.slice(1), { node: 2 }))).rejects.toEqual(failure('NoSuchUpload'));
    expectOnlyObjects(cluster);
  });

  it('completed with a condition that fails stays open', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    await run(put(cluster.store, 'key', SMALL));
    const parts = [await run(upload.putPart(1, A))];
    const conditions = { ifMatch: [], ifNoneMatch: ['*'] };
    await expect(run(upload.complete(parts, { conditions }))).rejects.toEqual(failure('PreconditionFailed'));
    await cluster.pass(100_000);
    expect((await run(upload.listParts())).parts).toEqual(parts);
    await run(upload.complete(parts));
    expect((await run(get(cluster.store, 'key'))).equals(A)).toBe(true);
  });

  it('is refused with what is wrong about its parts, and stays open', async () => {
    const { upload, run } = await clusterWithUpload();
    const [one, two] = [await run(upload.putPart(1, SMALL)), await run(upload.putPart(2, SMALL))];
    const other = { ...two, etag: 'other' };
    const checked = { ...two, checksums: { crc32: 'AAAA' } };
    await expect(run(upload.complete([two, one]))).rejects.toEqual(failure('InvalidPartOrder'));
    await expect(run(upload.complete([one, one]))).rejects.toEqual(failure('InvalidPartOrder'));
    await expect(run(upload.complete([one, other]))).rejects.toEqual(failure('InvalidPart'));
    await expect(run(upload.complete([one, checked]))).rejects.toEqual(failure('InvalidPart'));
    await expect(run(upload.complete([one, { ...two, partNumber: 3 }]))).rejects.toEqual(failure('InvalidPart'));
    await expect(run(upload.complete([]))).rejects.toEqual(failure('InvalidPart'));
    await expect(run(upload.complete([one, two], { minPartBytes: 101 }))).rejects.toEqual(failure('EntityTooSmall'));
    expect(await run(upload.complete([one, two], { minPartBytes: 100 }))).toMatchObject({ sizeBytes: 200 });
  });

  it('that is aborted leaves nothing, and takes no more parts', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    const part = await run(upload.putPart(1, A));
    await run(upload.putPart(2, SMALL));
    await run(upload.abort(1));
    await expect(run(upload.putPart(3, B, 2))).rejects.toEqual(failure('NoSuchUpload'));
    await expect(run(upload.complete([part]))).rejects.toEqual(failure('NoSuchUpload'));
    await expect(run(upload.abort())).rejects.toEqual(failure('NoSuchUpload'));
    await expect(run(upload.listParts())).rejects.toEqual(failure('NoSuchUpload'));
    await cluster.pass(100_000);
    expect(cluster.registers.keysOf('o')).toEqual([]);
    expectOnlyObjects(cluster);
  });

  it('that is unknown is so for every operation', async () => {
    const { cluster, run } = await clusterWithUpload();
    for (const uploadId of ['f'.repeat(32), 'no id at all']) {
      const upload = new Upload(cluster, uploadId);
      await expect(run(upload.putPart(1, SMALL))).rejects.toEqual(failure('NoSuchUpload'));
      await expect(run(upload.abort())).rejects.toEqual(failure('NoSuchUpload'));
      await expect(run(upload.listParts())).rejects.toEqual(failure('NoSuchUpload'));
    }
  });

  it('lists its parts in pages, the newest of each number', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    await run(upload.putPart(3, SMALL));
    for (const partNumber of [300, 1, 3]) await run(upload.putPart(partNumber, bytesOf(partNumber)));
    const { store } = cluster;
    const page = await run(store.listParts('bucket', 'key', upload.uploadId, 0, 2));
    expect(page.parts.map(({ partNumber, sizeBytes }) => [partNumber, sizeBytes])).toEqual([
      [1, 1],
      [3, 3],
    ]);
    expect(page.truncated).toBe(true);
    const rest = await run(store.listParts('bucket', 'key', upload.uploadId, 3, 2));
    expect(rest.parts.map(({ partNumber }) => partNumber)).toEqual([300]);
    expect(rest.truncated).toBe(false);
  });

  it('keeps the bytes of the part that was chosen, though it is uploaded again meanwhile', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    const chosen = await run(upload.putPart(1, A));
    let again: Promise<unknown> = Promise.resolve();
    cluster.registers.before = async (name) => {
      if (name !== 'putObject') return;
      again = upload.putPart(1, B, 1).catch(() => null);
      await cluster.scheduler.sleep(50);
    };
    await run(upload.complete([chosen]));
    cluster.registers.before = async () => {};
    await run(again);
    await cluster.pass(200_000);
    expect((await run(get(cluster.store, 'key'))).equals(A)).toBe(true);
    expectOnlyObjects(cluster);
  });

  it('gives the space of parts that were replaced or not chosen back', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    await run(upload.putPart(1, B));
    const part = await run(upload.putPart(1, A));
    await run(upload.putPart(2, B));
    await run(upload.complete([part]));
    await cluster.pass(100_000);
    expectOnlyObjects(cluster);
    await run(cluster.store.deleteObject('bucket', 'key', NO_CONDITIONS));
    await cluster.pass(100_000);
    expect(cluster.shards()).toEqual([]);
  });
});

describe('races', () => {
  it('of completing and aborting: one of the two wins, at every interleaving', async () => {
    const outcomes = new Set<string>();
    for (let leadMs = -8; leadMs <= 8; leadMs += 0.5) {
      const { cluster, upload, run } = await clusterWithUpload();
      const parts = [await run(upload.putPart(1, B)), await run(upload.putPart(2, SMALL))];
      const completing = cluster.scheduler.sleep(Math.max(0, -leadMs)).then(() => upload.complete(parts));
      const aborting = cluster.scheduler.sleep(Math.max(0, leadMs)).then(() => upload.abort(1));
      const [completed, aborted] = await run(Promise.allSettled([completing, aborting]));
      outcomes.add(`${completed.status} ${aborted.status}`);
      await cluster.pass(200_000);
      if (completed.status === 'fulfilled') expect((await run(get(cluster.store, 'key'))).length).toBe(B.length + 100);
      else await expect(run(cluster.store.getObject('bucket', 'key'))).rejects.toEqual(failure('NoSuchKey'));
      expectOnlyObjects(cluster);
    }
    expect([...outcomes].sort()).toEqual(['fulfilled rejected', 'rejected fulfilled']);
  });

  it('of completing and a late part: the part is refused or of no consequence, and nothing of it stays', async () => {
    for (let leadMs = -6; leadMs <= 6; leadMs += 0.5) {
      const { cluster, upload, run } = await clusterWithUpload();
      const parts = [await run(upload.putPart(1, B))];
      const completing = cluster.scheduler.sleep(Math.max(0, -leadMs)).then(() => upload.complete(parts));
      const late = cluster.scheduler.sleep(Math.max(0, leadMs)).then(() => upload.putPart(2, A, 1));
      const [completed, put] = await run(Promise.allSettled([completing, late]));
      expect(completed.status).toBe('fulfilled');
      if (put.status === 'rejected') expect(put.reason).toEqual(failure('NoSuchUpload'));
      await cluster.pass(200_000);
      expectOnlyObjects(cluster);
    }
  });

  it('of completing and overwriting: the parts are not taken over a second time after their deletion', async () => {
    const { cluster, upload, run } = await clusterWithUpload();
    const parts = [await run(upload.putPart(1, A))];
    cluster.registers.fate = (name) => (name === 'putObject' ? 'lose-after' : 'work');
    await expect(run(upload.complete(parts))).rejects.toEqual(failure('Unavailable'));
    cluster.registers.fate = () => 'work';
    await run(put(cluster.store, 'key', SMALL));
    await cluster.pass(200_000);
    await expect(run(upload.complete(parts))).rejects.toEqual(failure('NoSuchUpload'));
    expect((await run(get(cluster.store, 'key'))).equals(SMALL)).toBe(true);
    await cluster.pass(200_000);
    expectOnlyObjects(cluster);
  });
});

describe('whatever register change is lost', () => {
  const STEPS: readonly [CommandName, number][] = [
    ['openUpload', 1],
    ['putUpload', 1],
    ['putPart', 1],
    ['putPart', 2],
    ['putObject', 1],
    ['remove', 1],
    ['removePart', 1],
    ['removePart', 2],
    ['finishUpload', 1],
    ['abortUpload', 1],
    ['clearCondemned', 1],
  ];
  for (const fate of ['lose-before', 'lose-after', 'late'] as const) {
    it.each(STEPS)(
      `(${fate}: %s number %i) a client that tries again gets its object, and nothing else stays`,
      async (lost, nth) => {
        const cluster = new ObjectCluster(undefined, { limits: { hiddenUploadMs: 1_000 } });
        const run = <T>(work: Promise<T>) => cluster.run(work);
        await run(cluster.store.createBucket('bucket'));
        let count = 0;
        cluster.registers.fate = (name) => (name === lost && ++count === nth ? fate : 'work');
        const insist = async <T>(work: () => Promise<T>): Promise<T> => {
          try {
            return await run(work());
          } catch (error) {
            expect(error).toEqual(failure('Unavailable'));
            return run(work());
          }
        };
        const { uploadId } = await insist(() => cluster.store.createUpload('bucket', 'key', NO_METADATA, null));
        const upload = new Upload(cluster, uploadId);
        const parts = [await insist(() => upload.putPart(1, A)), await insist(() => upload.putPart(2, B))];
        await insist(() => upload.complete(parts));
        await cluster.pass(100_000);
        cluster.registers.runLate();
        // What nobody remembers is found by the comparison.
        for (const { store, healer } of cluster.nodes) {
          healer.start();
          expect((await run(get(store, 'key'))).equals(Buffer.concat([A, B]))).toBe(true);
        }
        await cluster.pass(100_000);
        const abandoned = await run(
          cluster.store.listUploads('bucket', { prefix: '', delimiter: '', after: '', limit: 9 }),
        );
        for (const entry of abandoned.entries) await run(cluster.store.abortUpload('bucket', 'key', entry.uploadId));
        for (const { healer } of cluster.nodes) healer.compareAgain();
        await cluster.pass(1_000_000);
        expect((await run(get(cluster.store, 'key'))).equals(Buffer.concat([A, B]))).toBe(true);
        expectOnlyObjects(cluster);
      },
    );
  }
});
