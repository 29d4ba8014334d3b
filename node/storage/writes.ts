// Changes on their way: into the log, and, once that says they are durable, into the memtable, where they are seen. Keeps
// the counts of shards, and says who may still write when space is short.
import { crc32 } from 'node:zlib';
import { ownBytes } from '../core/own-bytes.ts';
import { DiskError } from '../io/disk.ts';
import type { Batch, CommitLog, FramePlace } from './commit-log.ts';
import { CorruptionError, type ShardName } from './drive-store.ts';
import { type Entry, entrySizeBytes, keyCrc, type Pointer } from './entry.ts';
import type { LogOperation, PlacedOperation } from './log-format.ts';
import { isShardKey, parseShardKey } from './names.ts';
import type { SpaceGuard } from './space.ts';
import type { Tables } from './tables.ts';

/** Shorter data lie in the index itself; longer ones would bloat its pages, and be written twice. */
const INLINE_BYTES_MAX = 1024;
/** One commit may hold so much; it becomes one write. */
const COMMIT_BYTES_MAX = 32 * 2 ** 20;
/** Deletions that wait in memory for space to write the index. */
const STARVED_MEMTABLE_BYTES_MAX = 64 * 2 ** 20;
/** What an operation costs in the log besides key and data, at most. */
const OPERATION_OVERHEAD_BYTES = 64;

export interface ShardCounts {
  readonly shardCount: number;
  readonly shardBytes: number;
}

export interface ShardFileName {
  readonly name: ShardName;
  readonly generation: string;
}

/** Data to be written again elsewhere, if it is still where it was. */
export interface Move {
  readonly operation: LogOperation;
  readonly file: number;
  readonly offset: number;
}

export interface WritesOptions {
  readonly tables: Tables;
  readonly space: SpaceGuard;
  readonly driveName: string;
  readonly counts: ShardCounts;
  /** The index cannot be written for lack of space. */
  readonly isStarved: () => boolean;
  readonly afterFrame: () => void;
}

export class Writes {
  readonly #options: WritesOptions;
  #shardCount: number;
  #shardBytes: number;

  constructor(options: WritesOptions) {
    this.#options = options;
    this.#shardCount = options.counts.shardCount;
    this.#shardBytes = options.counts.shardBytes;
  }

  get counts(): ShardCounts {
    return { shardCount: this.#shardCount, shardBytes: this.#shardBytes };
  }

  /** Durable and visible when resolved. Gives the shard files that nothing names any more. */
  async submit(log: CommitLog, operations: readonly LogOperation[], onApplied?: () => void): Promise<ShardFileName[]> {
    const sizeBytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    if (sizeBytes > COMMIT_BYTES_MAX)
      throw new RangeError(`a commit of ${sizeBytes} bytes; at most ${COMMIT_BYTES_MAX}`);
    let obsolete: ShardFileName[] = [];
    const batch: Batch = {
      sizeBytes,
      isAlone: false,
      prepare: () => {
        this.#admit(operations, sizeBytes);
        return operations;
      },
      apply: (placed, place) => {
        obsolete = this.apply(placed, place);
        onApplied?.();
        this.#options.afterFrame();
      },
    };
    try {
      await log.submit(batch);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'no-space') this.#options.space.expire();
      throw error;
    }
    return obsolete;
  }

  /** Writes again what is still where it was. May use the reserve, as it serves to give space back. */
  async move(log: CommitLog, moves: readonly Move[]): Promise<void> {
    await log.submit({
      sizeBytes: moves.reduce((sum, { operation }) => sum + operationBytes(operation), 0),
      isAlone: true,
      prepare: () => moves.filter((move) => this.isCurrent(move)).map(({ operation }) => operation),
      apply: (placed, place) => {
        this.apply(placed, place);
        this.#options.afterFrame();
      },
    });
  }

  isCurrent({ operation, file, offset }: Move): boolean {
    const pointer = this.#known(operation.key)?.pointer;
    return pointer?.file === file && pointer.offset === offset;
  }

  /** Makes durable operations visible. Gives the shard files that nothing names any more. */
  apply(operations: readonly PlacedOperation[], place: FramePlace): ShardFileName[] {
    const obsolete: ShardFileName[] = [];
    for (const operation of operations) {
      const { key } = operation;
      const entry = toEntry(operation, place);
      if (isShardKey(key)) {
        const before = this.#known(key);
        this.#count(before, -1);
        this.#count(entry, 1);
        const generation = before?.file?.generation ?? null;
        if (generation !== null) obsolete.push({ name: parseShardKey(key), generation });
      }
      this.#options.tables.active.set(key, entry);
    }
    return obsolete;
  }

  #count(entry: Entry | null, sign: 1 | -1): void {
    if (entry === null) return;
    this.#shardCount += sign;
    this.#shardBytes += sign * entrySizeBytes(entry);
  }

  /** A damaged entry may be replaced; what it stood for is not known, and its file is left to the sweep. */
  #known(key: string): Entry | null {
    try {
      return this.#options.tables.get(key);
    } catch (error) {
      if (error instanceof CorruptionError) return null;
      throw error;
    }
  }

  #admit(operations: readonly LogOperation[], sizeBytes: number): void {
    const { isStarved, tables, driveName, space } = this.#options;
    // Deletions live on the reserve, and on memory while the index cannot be written.
    const areDeletions = operations.every(isDeletion);
    if (isStarved() && (!areDeletions || tables.active.sizeBytes > STARVED_MEMTABLE_BYTES_MAX)) {
      throw new DiskError('no-space', `${driveName} is full: there is no space to write the index`);
    }
    if (!areDeletions) space.claim(sizeBytes);
  }
}

/** What an operation of the log means for its key. */
export function toEntry(operation: PlacedOperation, place: FramePlace): Entry | null {
  if (isDeletion(operation)) return null;
  const { key, data, file } = operation;
  // The buffers belong to the caller, or to a window on the log: what is kept is copied.
  const head = operation.head && ownBytes(operation.head);
  if (data === null) return { head, inline: null, pointer: null, file };
  if (data.length <= INLINE_BYTES_MAX) return { head, inline: ownBytes(data), pointer: null, file: null };
  const pointer: Pointer = {
    file: place.fileNumber,
    offset: place.frameOffset + operation.dataOffset,
    lengthBytes: data.length,
    crc: crc32(data, keyCrc(key)),
  };
  return { head, inline: null, pointer, file: null };
}

const isDeletion = ({ file, data }: LogOperation): boolean => file === null && data === null;

function operationBytes({ key, head, data }: LogOperation): number {
  return OPERATION_OVERHEAD_BYTES + key.length + (head?.length ?? 0) + (data?.length ?? 0);
}
