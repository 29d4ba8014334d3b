// The ordered index of a drive as a port: what is true as of the newest checkpoint. Reads are synchronous (a memory map or
// plain memory); a batch is applied in one synced transaction, whole or not at all, together with a state that says how far
// the log has been applied. The real adapter is index-lmdb.ts, the simulated one in test/simulation.

export interface IndexChange {
  /** Byte string, code units 0-255. */
  readonly key: string;
  /** null removes the key. */
  readonly value: Uint8Array | null;
}

export interface IndexEntry {
  readonly key: string;
  readonly value: Buffer;
}

export interface IndexSpace {
  /** What the entries take, the index's own structure included. */
  readonly usedBytes: number;
  /** What it holds besides, and can use again. */
  readonly spareBytes: number;
}

/** Values are opaque here and carry their own checksums. Rejects and throws with DiskError. */
export interface Index {
  get(key: string): Buffer | null;
  /** Up to limit entries with from ≤ key < to, ascending. */
  range(from: string, to: string, limit: number): IndexEntry[];
  /** The state given with the newest apply; null before the first. */
  state(): Buffer | null;
  /** Keys must be distinct. Durable and visible when resolved; after a rejection nothing of it is visible. */
  apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void>;
  /** As of the newest apply. */
  space(): IndexSpace;
  close(): Promise<void>;
}

/** Opens the index of one drive, or makes an empty one where there is none. */
export type IndexFactory = () => Promise<Index>;
