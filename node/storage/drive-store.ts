// What one drive offers to the rest of the node: a durable ordered map with group commit, and shards of blobs. It knows
// nothing of quorums or objects. Nothing is acknowledged before it is durable; nothing is returned whose checksum fails.

/** Byte string, code units 0-255; sorted by byte. At most 1,200 units. */
export type StoreKey = string;

export type StoreOperation =
  | {
      readonly kind: 'put';
      readonly key: StoreKey;
      readonly value: Uint8Array;
      /** At most 64 KiB that head and heads give without reading the value: what is often asked of long values. */
      readonly head?: Uint8Array;
    }
  | { readonly kind: 'delete'; readonly key: StoreKey };

export interface StoreEntry {
  readonly key: StoreKey;
  readonly value: Uint8Array;
}

export interface StoreHead {
  readonly key: StoreKey;
  /** null when the value was put without one. */
  readonly head: Uint8Array | null;
}

/** Written to the drive when it is formatted; read before anything else at every start. */
export interface DriveIdentity {
  readonly clusterId: string;
  readonly driveId: string;
  readonly slot: string;
}

export interface ShardName {
  /** 32 hexadecimal digits. */
  readonly blobId: string;
  /** 0 … k+m−1. */
  readonly position: number;
}

export interface ShardInfo extends ShardName {
  /** What the creator wished to keep with it (owner, geometry); opaque here. */
  readonly attributes: Uint8Array;
  readonly sizeBytes: number;
}

/** Writes one shard front to back. Nothing of it is visible before commit; abort and a crash leave nothing behind. */
export interface ShardWriter {
  /** The data must not change until the promise settles. */
  append(data: Uint8Array): Promise<void>;
  /** Durable and visible when resolved. An existing shard of the same name is replaced. */
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export interface DriveStatus {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly shardCount: number;
  readonly shardBytes: number;
  /** fdatasync calls on the drive itself and on its log device since the start. */
  readonly driveSyncs: number;
  readonly logSyncs: number;
  /** Why the drive takes no more writes, or null. */
  readonly failure: string | null;
}

/**
 * Rejects with DiskError. After an IO error on a write or sync the drive refuses all writes ('read-only') and names the
 * error in its status; reads of what is durable go on where they can.
 */
export interface DriveStore {
  readonly identity: DriveIdentity;
  /**
   * All or nothing, in call order, durable when resolved; many calls share one sync. A commit is seen by get and range
   * only once it is durable, so that nothing that a crash could take back is ever told to anyone.
   */
  commit(operations: readonly StoreOperation[]): Promise<void>;
  get(key: StoreKey): Promise<Uint8Array | null>;
  /** Up to limit entries with from ≤ key < to, ascending; to = '' means no upper end. */
  range(from: StoreKey, to: StoreKey, limit: number): Promise<StoreEntry[]>;
  /** As get and range, but the heads only: never reads a value. null: no such key. */
  head(key: StoreKey): Promise<StoreHead | null>;
  heads(from: StoreKey, to: StoreKey, limit: number): Promise<StoreHead[]>;

  beginShard(name: ShardName, attributes: Uint8Array): Promise<ShardWriter>;
  /** Begin, append and commit of a whole shard in one step; the cheap way for small ones. */
  putShard(name: ShardName, attributes: Uint8Array, data: Uint8Array): Promise<void>;
  statShard(name: ShardName): Promise<ShardInfo | null>;
  /** null when there is no such shard; bytes beyond its end are left out. Rejects with kind 'corrupt' error when a checksum fails. */
  readShard(name: ShardName, offset: number, length: number): Promise<Uint8Array | null>;
  /** Deleting what is absent is fine. Durable when resolved. */
  deleteShard(name: ShardName): Promise<void>;
  /** Up to limit shards after the given one (null: from the start), in order of (blobId, position). */
  listShards(after: ShardName | null, limit: number): Promise<ShardInfo[]>;

  status(): Promise<DriveStatus>;
  close(): Promise<void>;
}

/** A stored byte failed its checksum: the thing is as good as missing here, and must be healed. */
export class CorruptionError extends Error {
  override readonly name = 'CorruptionError';
}
