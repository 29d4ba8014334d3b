// What the S3 front end (and nothing else) asks of the cluster. Object keys and bucket names are checked by the caller
// against S3's rules; the store answers with values or throws StoreError.

export type StoreErrorCode =
  | 'NoSuchBucket'
  | 'BucketAlreadyExists'
  | 'BucketNotEmpty'
  | 'NoSuchKey'
  | 'NoSuchUpload'
  | 'InvalidPart'
  | 'InvalidPartOrder'
  | 'EntityTooSmall'
  | 'PreconditionFailed'
  /** No quorum, or the outcome is unknown: the client must ask again. HTTP 503. */
  | 'Unavailable'
  /** Buffers are full. HTTP 503 SlowDown. */
  | 'SlowDown'
  /** Not enough intact shards to answer. HTTP 500. */
  | 'DataLost'
  | 'NoSpace';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface BucketInfo {
  readonly name: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly createdMs: number;
}

/** What a client stores with an object besides the body; returned exactly as given. */
export interface ObjectMetadata {
  /** System headers by lower-case name: content-type, cache-control, content-disposition, content-encoding, content-language, expires. */
  readonly headers: Readonly<Record<string, string>>;
  /** x-amz-meta-*, without the prefix, lower-case names. */
  readonly user: Readonly<Record<string, string>>;
}

/** By lower-case algorithm ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"): the base64 value, with "-N" for composites. */
export type Checksums = Readonly<Record<string, string>>;

/** What is known only when the last byte of a body has been seen. */
export interface BodyDigest {
  /** Without quotes. */
  readonly etag: string;
  readonly checksums: Checksums;
}

export interface Body {
  /** The bytes, in pieces of any size, read once. Each piece is the store's to keep. Throws what the client did wrong. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Length when the client declared it, else null. */
  readonly sizeBytes: number | null;
  /**
   * Called once, after the stream has ended and before anything becomes visible. Throws when the body is not what the
   * client said (length, digest, signature); the write is then undone.
   */
  seal(): BodyDigest;
}

/**
 * Entity tags without quotes, or '*'. Empty means no condition. Evaluated atomically with the write: ifMatch on a key that
 * does not exist is NoSuchKey, every other failure PreconditionFailed.
 */
export interface WriteConditions {
  readonly ifMatch: readonly string[];
  readonly ifNoneMatch: readonly string[];
}

export interface PartInfo {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksums: Checksums;
  readonly modifiedMs: number;
}

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksums: Checksums;
  /** 'COMPOSITE' or 'FULL_OBJECT', as the client asked; null without checksums. */
  readonly checksumType: 'COMPOSITE' | 'FULL_OBJECT' | null;
  readonly modifiedMs: number;
  readonly metadata: ObjectMetadata;
  /** Of a multipart object, in order; empty for one written by a single PUT. */
  readonly parts: readonly PartInfo[];
}

/** An inclusive byte range within the object. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface ReadObject {
  readonly info: ObjectInfo;
  /**
   * The verified bytes of the range (of the whole object when range was null). Every piece was checked before it is
   * yielded; when the data cannot be had the iteration throws and the response must be cut short. Ending the iteration
   * early releases everything.
   */
  read(range: ByteRange | null): AsyncIterable<Uint8Array>;
}

export interface ListRequest {
  readonly prefix: string;
  /** '' for none. */
  readonly delimiter: string;
  /**
   * Keys and common prefixes that sort strictly after this string (by their UTF-8 bytes), so after a common prefix nothing
   * below it comes again. '' from the start.
   */
  readonly after: string;
  /** Entries and common prefixes together; at least 1. */
  readonly limit: number;
}

export interface ListPage<T> {
  readonly entries: readonly T[];
  readonly commonPrefixes: readonly string[];
  /** Pass as `after` for the next page; null when this was the last. */
  readonly next: string | null;
}

export interface UploadInfo {
  readonly key: string;
  readonly uploadId: string;
  readonly startedMs: number;
  readonly metadata: ObjectMetadata;
  /** Lower-case algorithm that the parts' checksums must have, or null. */
  readonly checksumAlgorithm: string | null;
  readonly checksumType: 'COMPOSITE' | 'FULL_OBJECT' | null;
}

export interface CompletedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksums: Checksums;
}

export interface ObjectStore {
  createBucket(name: string): Promise<BucketInfo>;
  headBucket(name: string): Promise<BucketInfo>;
  deleteBucket(name: string): Promise<void>;
  listBuckets(): Promise<BucketInfo[]>;

  putObject(
    bucket: string,
    key: string,
    body: Body,
    metadata: ObjectMetadata,
    conditions: WriteConditions,
  ): Promise<ObjectInfo>;
  /** Metadata is enough for HEAD; bodies are read through the result, of exactly the version that info describes. */
  getObject(bucket: string, key: string): Promise<ReadObject>;
  /** Deleting what is absent is fine. */
  deleteObject(bucket: string, key: string, conditions: WriteConditions): Promise<void>;
  listObjects(bucket: string, request: ListRequest): Promise<ListPage<ObjectInfo>>;

  createUpload(
    bucket: string,
    key: string,
    metadata: ObjectMetadata,
    checksum: { algorithm: string; type: 'COMPOSITE' | 'FULL_OBJECT' } | null,
  ): Promise<UploadInfo>;
  getUpload(bucket: string, key: string, uploadId: string): Promise<UploadInfo>;
  putPart(bucket: string, key: string, uploadId: string, partNumber: number, body: Body): Promise<PartInfo>;
  /** Parts after this number, ascending. */
  listParts(
    bucket: string,
    key: string,
    uploadId: string,
    afterPartNumber: number,
    limit: number,
  ): Promise<{ parts: PartInfo[]; truncated: boolean }>;
  /**
   * Joins the parts. The parts must be the uploaded ones (InvalidPart), ascending (InvalidPartOrder), and all but the last at
   * least minPartBytes (EntityTooSmall). seal gets the chosen parts in order and gives the object's tag and checksums.
   */
  completeUpload(
    bucket: string,
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    minPartBytes: number,
    seal: (parts: readonly PartInfo[], upload: UploadInfo) => BodyDigest,
    conditions: WriteConditions,
  ): Promise<ObjectInfo>;
  abortUpload(bucket: string, key: string, uploadId: string): Promise<void>;
  /** after: "key" (then no upload of that key comes) or "key\0uploadId"; next is a common prefix or "key\0uploadId". */
  listUploads(bucket: string, request: ListRequest): Promise<ListPage<UploadInfo>>;
}
