// Objects: put, get, delete. A put writes the body first and flips the object's register then: the flip is the commit point.
import { objectKey } from '../core/keys.ts';
import { currentVersion, readObject } from '../core/object-record.ts';
import type { Outcome } from '../format/object-command-formats.ts';
import type { ObjectVersion, StoredPart } from '../format/object-formats.ts';
import { writeBody } from './blob-writer.ts';
import type { Buckets } from './buckets.ts';
import { readVersion } from './object-reader.ts';
import {
  type Body,
  type ObjectInfo,
  type ObjectMetadata,
  type PartInfo,
  type ReadObject,
  StoreError,
  type WriteConditions,
} from './object-store.ts';
import { changeRegister, readRegister, type StoreContext } from './store-context.ts';

export class Objects {
  readonly #context: StoreContext;
  readonly #buckets: Buckets;

  constructor(context: StoreContext, buckets: Buckets) {
    this.#context = context;
    this.#buckets = buckets;
  }

  async put(
    bucketName: string,
    key: string,
    body: Body,
    metadata: ObjectMetadata,
    conditions: WriteConditions,
  ): Promise<ObjectInfo> {
    const { random, clock, healing, background } = this.#context;
    const bucket = await this.#buckets.find(bucketName);
    const register = objectKey(bucket.id, key);
    const written = await writeBody(this.#context, body, [register], background.run);
    const { content, sizeBytes, digest, discard } = written;
    const version: ObjectVersion = {
      versionId: random.bytes(16).toString('hex'),
      modifiedMs: clock.wallMs(),
      sizeBytes,
      etag: digest.etag,
      checksums: { ...digest.checksums },
      checksumType: Object.keys(digest.checksums).length > 0 ? 'FULL_OBJECT' : null,
      headers: { ...metadata.headers },
      user: { ...metadata.user },
      uploadId: null,
      content,
      parts: [],
    };
    let outcome: Outcome;
    try {
      ({ outcome } = await changeRegister(this.#context, register, 'putObject', { ...copied(conditions), version }));
    } catch (error) {
      // The register may own the blob, now or later, so its shards must stay until that is settled.
      if (content.blob !== null) healing.unsettled(register, key, content.blob);
      throw error;
    }
    if (outcome !== 'ok') background.run(discard());
    await this.#confirmOrTakeBack(bucket, register, version, outcome);
    if (outcome !== 'ok') throw refusal(outcome, key);
    if (content.blob !== null) healing.written(register, content.blob, written.world);
    return objectInfo(key, version);
  }

  async get(bucketName: string, key: string): Promise<ReadObject> {
    const found = await this.#buckets.lookUp(bucketName, async (bucket) => {
      const register = objectKey(bucket.id, key);
      const version = currentVersion(readObject(await readRegister(this.#context, register)));
      return version === null ? null : { register, version };
    });
    if (found === null) throw new StoreError('NoSuchKey', `there is no object ${key}`);
    return {
      info: objectInfo(key, found.version),
      read: (range) => readVersion(this.#context, found.register, found.version, range),
    };
  }

  async delete(bucketName: string, key: string, conditions: WriteConditions): Promise<void> {
    const bucket = await this.#buckets.find(bucketName);
    const command = { ...copied(conditions), onlyVersion: null };
    const { outcome } = await changeRegister(this.#context, objectKey(bucket.id, key), 'deleteObject', command);
    await this.#buckets.confirm(bucket);
    if (outcome !== 'ok') throw refusal(outcome, key);
  }

  /** What was written into a bucket that turns out to be gone is taken back, so that it does not lie there for ever. */
  async #confirmOrTakeBack(
    bucket: Parameters<Buckets['confirm']>[0],
    register: string,
    { versionId }: ObjectVersion,
    outcome: Outcome,
  ): Promise<void> {
    try {
      await this.#buckets.confirm(bucket);
    } catch (error) {
      if (outcome === 'ok' && error instanceof StoreError && error.code === 'NoSuchBucket') {
        const command = { ifMatch: [], ifNoneMatch: [], onlyVersion: versionId };
        this.#context.background.run(changeRegister(this.#context, register, 'deleteObject', command).then(() => {}));
      }
      throw error;
    }
  }
}

export const copied = ({ ifMatch, ifNoneMatch }: WriteConditions) => ({
  ifMatch: [...ifMatch],
  ifNoneMatch: [...ifNoneMatch],
});

/** What a refused write means to the client. */
export function refusal(outcome: Outcome, key: string): StoreError {
  switch (outcome) {
    case 'absent':
      return new StoreError('NoSuchKey', `there is no object ${key}`);
    case 'precondition-failed':
      return new StoreError('PreconditionFailed', `object ${key} does not meet the conditions`);
    case 'full':
      return new StoreError('SlowDown', `too much is still to be cleaned up after earlier writes to ${key}`);
    case 'not-open':
    case 'completed':
      return new StoreError('NoSuchUpload', `there is no such upload to ${key}`);
    default:
      return new StoreError('Unavailable', `the write to ${key} was refused (${outcome}); try again`);
  }
}

export function partInfo({ partNumber, sizeBytes, etag, checksums, modifiedMs }: StoredPart): PartInfo {
  return { partNumber, sizeBytes, etag, checksums, modifiedMs };
}

export function objectInfo(key: string, version: ObjectVersion): ObjectInfo {
  const { sizeBytes, etag, checksums, checksumType, modifiedMs, headers, user, parts } = version;
  const metadata = { headers, user };
  return { key, sizeBytes, etag, checksums, checksumType, modifiedMs, metadata, parts: parts.map(partInfo) };
}
