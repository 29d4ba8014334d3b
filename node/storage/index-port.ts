// The ordered index of a drive as a port: what is true as of the newest checkpoint. Reads are synchronous (from the page
// cache or plain memory); a batch is applied in one synced transaction, whole or not at all, together with a state that says how far
// the log has been applied. The real adapter is index-disk.ts, the simulated one in test/simulation.

/** What a person has to do about an index that is damaged; nothing else on the drive can tell what was in it. */
export const INDEX_DAMAGE_REMEDY = 'the drive must be formatted anew and filled from its peers';

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

/** Rejects and throws with DiskError, and with CorruptionError where it is damaged: what cannot be read is never absent. */
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
