// Multipart uploads. The object's register knows the uploads to its key and completes or aborts each of them once; the upload's
// own register is what listings show; parts are registers with blobs of their own until the object takes them over.
//
// The order of writes is what keeps this right when a node dies in between: the entry in the object's register comes before the
// upload's register, and that before any part; it goes last, when all parts are settled. The healer finishes what is cut short.
import { afterPrefix, objectKey, parsePartKey, partKey, partPrefix, uploadKey } from '../core/keys.ts';
import type { Outcome } from '../format/object-command-formats.ts';
import { partSummary, type UploadRecord, uploadRecord } from '../format/object-formats.ts';
import { writeBody } from './blob-writer.ts';
import type { Buckets } from './buckets.ts';
import { FreshReads } from './fresh-reads.ts';
import {
  type Body,
  type BucketInfo,
  type ObjectMetadata,
  type PartInfo,
  StoreError,
  type UploadInfo,
} from './object-store.ts';
import { partInfo, refusal } from './objects.ts';
import { changeRegister, namingUnavailability, readRegister, type StoreContext } from './store-context.ts';

export interface FoundUpload {
  readonly bucket: BucketInfo;
  readonly record: UploadRecord;
}

export class Uploads {
  readonly #context: StoreContext;
  readonly #buckets: Buckets;
  readonly #isListed: FreshReads<boolean>;

  constructor(context: StoreContext, buckets: Buckets) {
    this.#context = context;
    this.#buckets = buckets;
    this.#isListed = new FreshReads(async (register) => (await readRegister(context, register)).live);
  }

  async create(
    bucketName: string,
    key: string,
    metadata: ObjectMetadata,
    checksum: { algorithm: string; type: 'COMPOSITE' | 'FULL_OBJECT' } | null,
  ): Promise<UploadInfo> {
    const { random, clock, background } = this.#context;
    const bucket = await this.#buckets.find(bucketName);
    const uploadId = random.bytes(16).toString('hex');
    const record: UploadRecord = {
      startedMs: clock.wallMs(),
      headers: { ...metadata.headers },
      user: { ...metadata.user },
      checksumAlgorithm: checksum?.algorithm ?? null,
      checksumType: checksum?.type ?? null,
    };
    const opened = await changeRegister(this.#context, objectKey(bucket.id, key), 'openUpload', {
      uploadId,
      startedMs: record.startedMs,
    });
    if (opened.outcome !== 'ok') throw refusal(opened.outcome, key);
    try {
      const command = { record: uploadRecord.encode(record) };
      await changeRegister(this.#context, uploadKey(bucket.id, key, uploadId), 'putUpload', command);
      await this.#buckets.confirm(bucket);
    } catch (error) {
      background.run(this.#abort(bucket, key, uploadId).then(() => {}));
      throw error;
    }
    return uploadInfo(key, uploadId, record);
  }

  async get(bucketName: string, key: string, uploadId: string): Promise<UploadInfo> {
    return uploadInfo(key, uploadId, (await this.find(bucketName, key, uploadId)).record);
  }

  /** The upload, as long as it is neither completed nor aborted. Rejects with StoreError 'NoSuchUpload'. */
  async find(bucketName: string, key: string, uploadId: string): Promise<FoundUpload> {
    const isId = /^[0-9a-f]{32}$/.test(uploadId);
    const found = await this.#buckets.lookUp(bucketName, async (bucket) => {
      if (!isId) return null;
      const { payload, live } = await readRegister(this.#context, uploadKey(bucket.id, key, uploadId));
      return live && payload !== null ? { bucket, record: uploadRecord.decode(payload) } : null;
    });
    if (found === null) throw noSuchUpload(key, uploadId);
    return found;
  }

  /** Takes an upload whose fate is settled out of the listings. The parts are cleaned up later. */
  async unlist({ id }: BucketInfo, key: string, uploadId: string): Promise<void> {
    await changeRegister(this.#context, uploadKey(id, key, uploadId), 'remove', {});
    this.#context.healing.unfinished(objectKey(id, key));
  }

  async putPart(bucketName: string, key: string, uploadId: string, partNumber: number, body: Body): Promise<PartInfo> {
    const { clock, healing, background } = this.#context;
    const { bucket } = await this.find(bucketName, key, uploadId);
    const register = partKey(bucket.id, uploadId, partNumber);
    const owners = [register, objectKey(bucket.id, key)];
    const written = await writeBody(this.#context, body, owners, background.run);
    const { content, sizeBytes, digest, discard } = written;
    const { etag, checksums } = digest;
    const part = { partNumber, sizeBytes, etag, checksums: { ...checksums }, modifiedMs: clock.wallMs(), content };
    let outcome: Outcome;
    try {
      ({ outcome } = await changeRegister(this.#context, register, 'putPart', { objectKey: key, part }));
    } catch (error) {
      if (content.blob !== null) healing.unsettled(register, key, content.blob);
      throw error;
    }
    if (outcome !== 'ok') {
      background.run(discard());
      throw refusal(outcome, key);
    }
    // Looked at again after the part was written: so either a completion or an abort sees the part, or this sees that it is late.
    if (!(await this.#isListed.read(uploadKey(bucket.id, key, uploadId)))) {
      healing.unfinished(register);
      throw noSuchUpload(key, uploadId);
    }
    if (content.blob !== null) healing.written(register, content.blob, written.world);
    return partInfo(part);
  }

  async listParts(
    bucketName: string,
    key: string,
    uploadId: string,
    afterPartNumber: number,
    limit: number,
  ): Promise<{ parts: PartInfo[]; truncated: boolean }> {
    const { bucket } = await this.find(bucketName, key, uploadId);
    const from = partKey(bucket.id, uploadId, afterPartNumber + 1);
    const to = afterPrefix(partPrefix(bucket.id, uploadId));
    const { entries } = await namingUnavailability(() => this.#context.registers.scan(from, to, limit + 1));
    const parts = entries.map(({ key: register, summary }) => ({
      partNumber: parsePartKey(register).partNumber,
      ...partSummary.decode(summary),
    }));
    return { parts: parts.slice(0, limit), truncated: parts.length > limit };
  }

  async abort(bucketName: string, key: string, uploadId: string): Promise<void> {
    const { bucket } = await this.find(bucketName, key, uploadId);
    const outcome = await this.#abort(bucket, key, uploadId);
    if (outcome === 'completed') throw noSuchUpload(key, uploadId);
  }

  async #abort(bucket: BucketInfo, key: string, uploadId: string): Promise<Outcome> {
    const register = objectKey(bucket.id, key);
    const { outcome } = await changeRegister(this.#context, register, 'abortUpload', { uploadId });
    await this.unlist(bucket, key, uploadId);
    return outcome;
  }
}

export function uploadInfo(key: string, uploadId: string, record: UploadRecord): UploadInfo {
  const { startedMs, headers, user, checksumAlgorithm, checksumType } = record;
  return { key, uploadId, startedMs, metadata: { headers, user }, checksumAlgorithm, checksumType };
}

export const noSuchUpload = (key: string, uploadId: string) =>
  new StoreError('NoSuchUpload', `there is no upload ${uploadId} to ${key}`);
