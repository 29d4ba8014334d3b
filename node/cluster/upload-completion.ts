// Completing a multipart upload: the object's register takes over the blobs of the chosen parts in one flip, once. Completing
// again with the same parts gives the same answer.
import { objectKey, partKey } from '../core/keys.ts';
import { currentVersion, readObject, readPart } from '../core/object-record.ts';
import type { ObjectVersion, StoredPart, UploadRecord } from '../format/object-formats.ts';
import type { Buckets } from './buckets.ts';
import { inParallel } from './in-parallel.ts';
import {
  type BodyDigest,
  type BucketInfo,
  type CompletedPart,
  type ObjectInfo,
  type PartInfo,
  StoreError,
  type UploadInfo,
  type WriteConditions,
} from './object-store.ts';
import { copied, objectInfo, partInfo, refusal } from './objects.ts';
import { changeRegister, readRegister, type StoreContext } from './store-context.ts';
import { type Uploads, uploadInfo } from './uploads.ts';

/** Part registers that are read at a time. */
const PART_READS_MAX = 32;

export interface Completion {
  readonly chosen: readonly CompletedPart[];
  readonly minPartBytes: number;
  readonly seal: (parts: readonly PartInfo[], upload: UploadInfo) => BodyDigest;
  readonly conditions: WriteConditions;
}

export class UploadCompletion {
  readonly #context: StoreContext;
  readonly #buckets: Buckets;
  readonly #uploads: Uploads;

  constructor(context: StoreContext, buckets: Buckets, uploads: Uploads) {
    this.#context = context;
    this.#buckets = buckets;
    this.#uploads = uploads;
  }

  async complete(bucketName: string, key: string, uploadId: string, completion: Completion): Promise<ObjectInfo> {
    requireAscending(completion.chosen);
    try {
      return await this.#complete(bucketName, key, uploadId, completion);
    } catch (error) {
      // An earlier attempt may have completed it, and its parts may be cleaned up already.
      if (!(error instanceof StoreError) || !MAY_BE_COMPLETED.has(error.code)) throw error;
      const bucket = await this.#buckets.find(bucketName);
      const before = await this.#completedBefore(bucket, key, uploadId, completion.chosen);
      if (before === null) throw error;
      await this.#uploads.unlist(bucket, key, uploadId);
      return before;
    }
  }

  async #complete(
    bucketName: string,
    key: string,
    uploadId: string,
    { chosen, minPartBytes, seal, conditions }: Completion,
  ): Promise<ObjectInfo> {
    const { bucket, record } = await this.#uploads.find(bucketName, key, uploadId);
    const parts = await this.#readParts(bucket, uploadId, chosen);
    const small = parts.slice(0, -1).find(({ sizeBytes }) => sizeBytes < minPartBytes);
    if (small !== undefined) {
      throw new StoreError('EntityTooSmall', `part ${small.partNumber} has ${small.sizeBytes} bytes`);
    }
    const digest = seal(parts.map(partInfo), uploadInfo(key, uploadId, record));
    const version = this.#versionOf(uploadId, record, parts, digest);
    const command = { ...copied(conditions), version };
    const { outcome } = await changeRegister(this.#context, objectKey(bucket.id, key), 'putObject', command).finally(
      () => {
        // Whatever became of it: the parts' registers may not own these blobs any more.
        const isDisplaced = parts.some(({ content }) => content.blob !== null && content.blob.displaced.length > 0);
        if (isDisplaced) this.#context.healing.displaced(objectKey(bucket.id, key));
      },
    );
    if (outcome === 'condemned') throw new StoreError('InvalidPart', `a part of upload ${uploadId} has been deleted`);
    if (outcome !== 'ok') throw refusal(outcome, key);
    await this.#uploads.unlist(bucket, key, uploadId);
    return objectInfo(key, version);
  }

  /** The parts as they are now. Rejects with StoreError 'InvalidPart' when one is not what the client says. */
  async #readParts(bucket: BucketInfo, uploadId: string, chosen: readonly CompletedPart[]): Promise<StoredPart[]> {
    return inParallel(chosen, PART_READS_MAX, async (wanted) => {
      const state = await readRegister(this.#context, partKey(bucket.id, uploadId, wanted.partNumber));
      const part = readPart(state)?.part ?? null;
      if (part !== null && isSamePart(part, wanted)) return part;
      throw new StoreError('InvalidPart', `part ${wanted.partNumber} of upload ${uploadId} is not the uploaded one`);
    });
  }

  /** The object, when it is what completing the upload with these parts made of it. */
  async #completedBefore(
    bucket: BucketInfo,
    key: string,
    uploadId: string,
    chosen: readonly CompletedPart[],
  ): Promise<ObjectInfo | null> {
    const version = currentVersion(readObject(await readRegister(this.#context, objectKey(bucket.id, key))));
    if (version?.uploadId !== uploadId || version.parts.length !== chosen.length) return null;
    const isSame = version.parts.every((part, at) => {
      const wanted = chosen[at]!;
      return part.partNumber === wanted.partNumber && isSamePart(part, wanted);
    });
    return isSame ? objectInfo(key, version) : null;
  }

  #versionOf(
    uploadId: string,
    { headers, user, checksumType }: UploadRecord,
    parts: StoredPart[],
    { etag, checksums }: BodyDigest,
  ): ObjectVersion {
    return {
      versionId: this.#context.random.bytes(16).toString('hex'),
      modifiedMs: this.#context.clock.wallMs(),
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      etag,
      checksums: { ...checksums },
      checksumType,
      headers,
      user,
      uploadId,
      content: null,
      parts,
    };
  }
}

const MAY_BE_COMPLETED: ReadonlySet<string> = new Set(['NoSuchUpload', 'InvalidPart']);

function requireAscending(chosen: readonly CompletedPart[]): void {
  if (chosen.length === 0) throw new StoreError('InvalidPart', 'an upload is completed with one part at least');
  const isOutOfOrder = chosen.some((part, at) => at > 0 && part.partNumber <= chosen[at - 1]!.partNumber);
  if (isOutOfOrder) throw new StoreError('InvalidPartOrder', 'the parts are not in ascending order');
}

/** Checksums that the client names must be there and the same; those that it does not name do not matter. */
function isSamePart(part: StoredPart, { etag, checksums }: CompletedPart): boolean {
  return part.etag === etag && Object.entries(checksums).every(([name, value]) => part.checksums[name] === value);
}
