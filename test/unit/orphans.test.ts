// Shards that a write left behind whose node died before the commit point: they are found and collected, and nothing else is.
import { describe, expect, it } from 'vitest';
import { currentVersion, readObject, versionBlobs } from '../../node/core/object-record.ts';
import { body, bytesOf, get, NO_CONDITIONS, NO_METADATA, put } from '../cluster-fakes/bodies.ts';
import { DEFAULT_SHAPE, ObjectCluster } from '../cluster-fakes/object-cluster.ts';

const LIMITS = { orphanIntervalMs: 60_000, orphanGraceMs: 30_000 };
/** Two searches, the grace, and the time that condemned blobs get. */
const LONG_MS = 400_000;

async function cluster() {
  const made = new ObjectCluster(DEFAULT_SHAPE, { limits: LIMITS });
  await made.run(made.store.createBucket('bucket'));
  await made.run(put(made.store, 'kept', bytesOf(100_000)));
  return made;
}

/** The node works, and what it knows of trouble is gone. */
const forgets = (made: ObjectCluster, name: string) => made.node(name).healer.stop();

function startOthers(made: ObjectCluster, dead: string): void {
  for (const { name, healer } of made.nodes) if (name !== dead) healer.start();
}

/** The shards of "kept" and nothing else. */
function expectOnlyKept(made: ObjectCluster): void {
  const [record] = made.registers.keysOf('o').filter((key) => key.endsWith('kept'));
  const [blob] = versionBlobs(currentVersion(readObject(made.registers.states.get(record!)!)));
  expect(made.shards().sort()).toEqual(made.rightPlaces(blob!.blobId).sort());
}

describe('what a cut-short write left behind', () => {
  it.each([20_000, 300_000, 2_500_000])('is collected by the others: a body of %i bytes', async (sizeBytes) => {
    const made = await cluster();
    forgets(made, 'a1');
    made.registers.fate = (name) => (name === 'putObject' ? 'lose-before' : 'work');
    await expect(made.run(put(made.store, 'cut', bytesOf(sizeBytes)))).rejects.toMatchObject({ code: 'Unavailable' });
    expect(made.shards()).toHaveLength(12);
    made.registers.fate = () => 'work';
    startOthers(made, 'a1');
    await made.pass(LONG_MS);
    expectOnlyKept(made);
  });

  it('is collected when only some of its shards were written, on stand-ins too', async () => {
    const made = await cluster();
    forgets(made, 'a1');
    const seen: string[] = [];
    made.setFate(({ slot, operation }) => {
      if (operation === 'put' && seen.length < 3) seen.push(slot);
      return operation === 'put' && seen.length >= 3 && !seen.includes(slot) ? 'fail' : 'work';
    });
    await expect(made.run(put(made.store, 'cut', bytesOf(50_000)))).rejects.toThrow();
    made.setFate(() => 'work');
    startOthers(made, 'a1');
    await made.pass(LONG_MS);
    expectOnlyKept(made);
  });

  it('of a multipart upload is collected, and what the upload still owns is not', async () => {
    const made = await cluster();
    const { uploadId } = await made.run(made.store.createUpload('bucket', 'big', NO_METADATA, null));
    const putPart = (partNumber: number) =>
      made.store.putPart('bucket', 'big', uploadId, partNumber, body(bytesOf(50_000, partNumber)));
    const part = await made.run(putPart(1));
    forgets(made, 'a1');
    made.registers.fate = (name) => (name === 'putPart' ? 'lose-before' : 'work');
    await expect(made.run(putPart(2))).rejects.toMatchObject({ code: 'Unavailable' });
    made.registers.fate = () => 'work';
    expect(made.shards()).toHaveLength(18);
    startOthers(made, 'a1');
    await made.pass(LONG_MS);
    expect(made.shards()).toHaveLength(12);
    const seal = () => ({ etag: 'whole', checksums: {} });
    await made.run(made.store.completeUpload('bucket', 'big', uploadId, [part], 0, seal, NO_CONDITIONS));
    await made.pass(LONG_MS);
    expect((await made.run(get(made.store, 'big'))).equals(bytesOf(50_000, 1))).toBe(true);
    expect(made.shards()).toHaveLength(12);
  });
});

describe('a write that is still under way', () => {
  it('is left alone: an object that is owned before the grace is over stays', async () => {
    const made = await cluster();
    forgets(made, 'a1');
    made.registers.fate = (name) => (name === 'putObject' ? 'late' : 'work');
    await expect(made.run(put(made.store, 'late', bytesOf(50_000)))).rejects.toThrow();
    made.registers.fate = () => 'work';
    startOthers(made, 'a1');
    await made.pass(LIMITS.orphanGraceMs / 2);
    made.registers.runLate();
    await made.pass(LONG_MS);
    expect((await made.run(get(made.store, 'late'))).equals(bytesOf(50_000))).toBe(true);
    expect(made.shards()).toHaveLength(12);
  });

  it('and comes after the collection is refused, so that no object ever lacks its shards', async () => {
    const made = await cluster();
    forgets(made, 'a1');
    made.registers.fate = (name) => (name === 'putObject' ? 'late' : 'work');
    await expect(made.run(put(made.store, 'late', bytesOf(50_000)))).rejects.toThrow();
    made.registers.fate = () => 'work';
    startOthers(made, 'a1');
    await made.pass(LONG_MS);
    made.registers.runLate();
    await expect(made.run(get(made.store, 'late'))).rejects.toMatchObject({ code: 'NoSuchKey' });
    expectOnlyKept(made);
  });

  it('and comes at any moment in between ends as a whole object or as none', async () => {
    for (let lateMs = 0; lateMs < 120_000; lateMs += 3_100) {
      const made = await cluster();
      forgets(made, 'a1');
      made.registers.fate = (name) => (name === 'putObject' ? 'late' : 'work');
      await expect(made.run(put(made.store, 'late', bytesOf(20_000)))).rejects.toThrow();
      made.registers.fate = () => 'work';
      startOthers(made, 'a1');
      await made.pass(lateMs);
      made.registers.runLate();
      await made.pass(LONG_MS);
      const found = await made.run(get(made.store, 'late')).catch((error: { code: string }) => error.code);
      if (typeof found === 'string') expectOnlyKept(made);
      else expect(found.equals(bytesOf(20_000)) && made.shards().length === 12).toBe(true);
    }
  });
});

it('nothing that a register owns is ever taken for an orphan', async () => {
  const made = await cluster();
  for (let at = 0; at < 20; at++) await made.run(put(made.store, `object${at}`, bytesOf(20_000, at)));
  const before = made.shards();
  for (const { healer } of made.nodes) healer.start();
  await made.pass(LONG_MS);
  expect(made.shards()).toEqual(before);
  for (const key of made.registers.keysOf('o')) expect(readObject(made.registers.states.get(key)!).banned).toEqual([]);
});
