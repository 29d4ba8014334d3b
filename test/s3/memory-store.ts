// The smallest ObjectStore that keeps every promise of node/cluster/object-store.ts: one process, everything in memory. Tests
// of the S3 front end run on it, and it says what the real store must do where the contract leaves room for doubt.
import {
  type Body,
  type BodyDigest,
  type BucketInfo,
  type ByteRange,
  type CompletedPart,
  type ListPage,
  type ListRequest,
  type ObjectInfo,
  type ObjectMetadata,
  type ObjectStore,
  type PartInfo,
  type ReadObject,
  StoreError,
  type UploadInfo,
  type WriteConditions,
} from '../../node/cluster/object-store.ts';
import type { Clock } from '../../node/io/clock.ts';
import type { Random } from '../../node/io/random.ts';
import { type Listed, pageOf } from './memory-listing.ts';

interface StoredObject {
  readonly info: ObjectInfo;
  readonly pieces: readonly Uint8Array[];
}

interface StoredPart {
  readonly info: PartInfo;
  readonly pieces: readonly Uint8Array[];
}

interface StoredUpload {
  readonly info: UploadInfo;
  readonly parts: Map<number, StoredPart>;
}

interface StoredBucket {
  readonly info: BucketInfo;
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, StoredUpload>;
}

export class MemoryStore implements ObjectStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #buckets = new Map<string, StoredBucket>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  async createBucket(name: string): Promise<BucketInfo> {
    if (this.#buckets.has(name)) throw new StoreError('BucketAlreadyExists', `there is a bucket ${name}`);
    const info = { name, id: this.#random.bytes(8).toString('hex'), createdMs: this.#clock.wallMs() };
    this.#buckets.set(name, { info, objects: new Map(), uploads: new Map() });
    return info;
  }

  async headBucket(name: string): Promise<BucketInfo> {
    return this.#bucket(name).info;
  }

  /** Objects keep a bucket; uploads that nobody completed go with it. */
  async deleteBucket(name: string): Promise<void> {
    if (this.#bucket(name).objects.size > 0) throw new StoreError('BucketNotEmpty', `bucket ${name} is not empty`);
    this.#buckets.delete(name);
  }

  async listBuckets(): Promise<BucketInfo[]> {
    return [...this.#buckets.values()].map(({ info }) => info);
  }

  async putObject(
    bucketName: string,
    key: string,
    body: Body,
    metadata: ObjectMetadata,
    conditions: WriteConditions,
  ): Promise<ObjectInfo> {
    // What fails now is not worth reading the body for; what counts is the check after it.
    const bucket = this.#bucket(bucketName);
    checkConditions(bucket.objects.get(key), key, conditions);
    const { pieces, sizeBytes } = await readPieces(body);
    const { etag, checksums } = body.seal();
    this.#requireSame(bucket);
    checkConditions(bucket.objects.get(key), key, conditions);
    const info: ObjectInfo = {
      key,
      sizeBytes,
      etag,
      checksums,
      checksumType: Object.keys(checksums).length > 0 ? 'FULL_OBJECT' : null,
      modifiedMs: this.#clock.wallMs(),
      metadata,
      parts: [],
    };
    bucket.objects.set(key, { info, pieces });
    return info;
  }

  async getObject(bucketName: string, key: string): Promise<ReadObject> {
    const object = this.#bucket(bucketName).objects.get(key);
    if (object === undefined) throw new StoreError('NoSuchKey', `no object ${key}`);
    return { info: object.info, read: (range) => slices(object.pieces, range) };
  }

  async deleteObject(bucketName: string, key: string, conditions: WriteConditions): Promise<void> {
    const { objects } = this.#bucket(bucketName);
    checkConditions(objects.get(key), key, conditions);
    objects.delete(key);
  }

  async listObjects(bucketName: string, request: ListRequest): Promise<ListPage<ObjectInfo>> {
    const { objects } = this.#bucket(bucketName);
    const listed = [...objects.values()].map(
      ({ info }): Listed<ObjectInfo> => ({ key: info.key, place: info.key, info }),
    );
    return pageOf(listed, request, request.after);
  }

  async createUpload(
    bucketName: string,
    key: string,
    metadata: ObjectMetadata,
    checksum: { algorithm: string; type: 'COMPOSITE' | 'FULL_OBJECT' } | null,
  ): Promise<UploadInfo> {
    const bucket = this.#bucket(bucketName);
    const info: UploadInfo = {
      key,
      uploadId: this.#random.bytes(16).toString('hex'),
      startedMs: this.#clock.wallMs(),
      metadata,
      checksumAlgorithm: checksum?.algorithm ?? null,
      checksumType: checksum?.type ?? null,
    };
    bucket.uploads.set(info.uploadId, { info, parts: new Map() });
    return info;
  }

  async getUpload(bucketName: string, key: string, uploadId: string): Promise<UploadInfo> {
    return upload(this.#bucket(bucketName), key, uploadId).info;
  }

  async putPart(bucketName: string, key: string, uploadId: string, partNumber: number, body: Body): Promise<PartInfo> {
    const bucket = this.#bucket(bucketName);
    upload(bucket, key, uploadId);
    const { pieces, sizeBytes } = await readPieces(body);
    const { etag, checksums } = body.seal();
    this.#requireSame(bucket);
    const info: PartInfo = { partNumber, sizeBytes, etag, checksums, modifiedMs: this.#clock.wallMs() };
    upload(bucket, key, uploadId).parts.set(partNumber, { info, pieces });
    return info;
  }

  async listParts(
    bucketName: string,
    key: string,
    uploadId: string,
    afterPartNumber: number,
    limit: number,
  ): Promise<{ parts: PartInfo[]; truncated: boolean }> {
    const parts = [...upload(this.#bucket(bucketName), key, uploadId).parts.values()]
      .map(({ info }) => info)
      .filter(({ partNumber }) => partNumber > afterPartNumber)
      .sort((a, b) => a.partNumber - b.partNumber);
    return { parts: parts.slice(0, limit), truncated: parts.length > limit };
  }

  async completeUpload(
    bucketName: string,
    key: string,
    uploadId: string,
    wanted: readonly CompletedPart[],
    minPartBytes: number,
    seal: (parts: readonly PartInfo[], upload: UploadInfo) => BodyDigest,
    conditions: WriteConditions,
  ): Promise<ObjectInfo> {
    const bucket = this.#bucket(bucketName);
    const { info: uploadInfo, parts } = upload(bucket, key, uploadId);
    const chosen = choose(parts, wanted, minPartBytes);
    const infos = chosen.map(({ info }) => info);
    checkConditions(bucket.objects.get(key), key, conditions);
    const { etag, checksums } = seal(infos, uploadInfo);
    const info: ObjectInfo = {
      key,
      sizeBytes: infos.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      etag,
      checksums,
      checksumType: Object.keys(checksums).length > 0 ? uploadInfo.checksumType : null,
      modifiedMs: this.#clock.wallMs(),
      metadata: uploadInfo.metadata,
      parts: infos,
    };
    bucket.objects.set(key, { info, pieces: chosen.flatMap(({ pieces }) => pieces) });
    bucket.uploads.delete(uploadId);
    return info;
  }

  async abortUpload(bucketName: string, key: string, uploadId: string): Promise<void> {
    const bucket = this.#bucket(bucketName);
    upload(bucket, key, uploadId);
    bucket.uploads.delete(uploadId);
  }

  async listUploads(bucketName: string, request: ListRequest): Promise<ListPage<UploadInfo>> {
    const { uploads } = this.#bucket(bucketName);
    const listed = [...uploads.values()].map(
      ({ info }): Listed<UploadInfo> => ({ key: info.key, place: `${info.key}\0${info.uploadId}`, info }),
    );
    // Upload ids are digits and letters, so this stands after every upload of that key and before the next key.
    const after = request.after === '' || request.after.includes('\0') ? request.after : `${request.after}\0~`;
    return pageOf(listed, request, after);
  }

  #bucket(name: string): StoredBucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new StoreError('NoSuchBucket', `no bucket ${name}`);
    return bucket;
  }

  /** A bucket that was deleted while a body came in takes the write with it, even if there is one of that name again. */
  #requireSame(bucket: StoredBucket): void {
    if (this.#buckets.get(bucket.info.name) === bucket) return;
    throw new StoreError('NoSuchBucket', `bucket ${bucket.info.name} was deleted`);
  }
}

function upload(bucket: StoredBucket, key: string, uploadId: string): StoredUpload {
  const found = bucket.uploads.get(uploadId);
  if (found === undefined || found.info.key !== key) throw new StoreError('NoSuchUpload', `no upload ${uploadId}`);
  return found;
}

function checkConditions(object: StoredObject | undefined, key: string, conditions: WriteConditions): void {
  const { ifMatch, ifNoneMatch } = conditions;
  const matches = (tags: readonly string[]) =>
    object !== undefined && tags.some((t) => t === '*' || t === object.info.etag);
  if (ifMatch.length > 0) {
    if (object === undefined) throw new StoreError('NoSuchKey', `no object ${key}`);
    if (!matches(ifMatch)) throw new StoreError('PreconditionFailed', 'the tag is another one');
  }
  if (matches(ifNoneMatch)) throw new StoreError('PreconditionFailed', 'there is such an object');
}

function choose(
  parts: ReadonlyMap<number, StoredPart>,
  wanted: readonly CompletedPart[],
  minPartBytes: number,
): StoredPart[] {
  let last = 0;
  const chosen = wanted.map(({ partNumber, etag, checksums }) => {
    if (partNumber <= last) throw new StoreError('InvalidPartOrder', `part ${partNumber} follows part ${last}`);
    last = partNumber;
    const part = parts.get(partNumber);
    const differs = Object.entries(checksums).some(([name, value]) => part?.info.checksums[name] !== value);
    if (part?.info.etag !== etag || differs) throw new StoreError('InvalidPart', `part ${partNumber} is another one`);
    return part;
  });
  for (const { info } of chosen.slice(0, -1)) {
    if (info.sizeBytes < minPartBytes) {
      throw new StoreError('EntityTooSmall', `part ${info.partNumber} has ${info.sizeBytes} bytes`);
    }
  }
  return chosen;
}

async function readPieces(body: Body): Promise<{ pieces: Uint8Array[]; sizeBytes: number }> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of body.stream) {
    pieces.push(piece);
    sizeBytes += piece.length;
  }
  return { pieces, sizeBytes };
}

async function* slices(pieces: readonly Uint8Array[], range: ByteRange | null): AsyncGenerator<Uint8Array> {
  const { first, last } = range ?? { first: 0, last: Number.POSITIVE_INFINITY };
  let start = 0;
  for (const piece of pieces) {
    const slice = piece.subarray(Math.max(0, first - start), Math.max(0, last - start + 1));
    if (slice.length > 0) yield slice;
    start += piece.length;
  }
}
