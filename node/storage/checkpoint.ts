// Moves the newest entries from memory into the index, in one synced transaction that also says how far the log has been
// applied, and only then gives up the log behind it. Bounds the memory of a drive and the time that a restart takes.
import { FormatError, format, hex, u53 } from '../format/codec.ts';
import type { CommitLog } from './commit-log.ts';
import { CorruptionError } from './drive-store.ts';
import { decodeEntry, type Entry, encodeEntry, entryCrc, type Pointer } from './entry.ts';
import type { DriveHealth } from './health.ts';
import type { Index, IndexChange } from './index-port.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { RecordFile, RecordFiles } from './record-files.ts';
import { SEAL_HEADER_BYTES, seal, unseal } from './sealed.ts';
import type { SegmentPosition, SegmentWriter } from './segment-writer.ts';
import type { Tables } from './tables.ts';

const CHECKPOINT_MAGIC = 'ASHLRCKP';

export const CHECKPOINT = format('checkpoint', 1, {
  driveId: [hex(16), 'the drive whose index this is'],
  sequence: [u53, 'the last log record that the index contains'],
  file: [u53, 'the log file in which the record after it begins'],
  offset: [u53, 'where in that file it begins'],
  segmentFile: [u53, 'the segment that is being filled; 0 for none'],
  segmentOffset: [u53, 'how far it is filled'],
  entryCount: [u53, 'entries in the index'],
  entrySum: [u53, 'sum of the checksums of all entries, modulo 2^48: shows that entries are missing'],
  shardCount: [u53, 'shards in the index'],
  shardBytes: [u53, 'the sum of their lengths'],
});

export interface CheckpointState {
  readonly driveId: string;
  readonly sequence: number;
  readonly file: number;
  readonly offset: number;
  readonly segmentFile: number;
  readonly segmentOffset: number;
  readonly entryCount: number;
  readonly entrySum: number;
  readonly shardCount: number;
  readonly shardBytes: number;
}

export const encodeCheckpoint = (state: CheckpointState): Buffer => seal(CHECKPOINT_MAGIC, CHECKPOINT.encode(state));

/** Throws FormatError. */
export function decodeCheckpoint(input: Buffer): CheckpointState {
  const payload = unseal(CHECKPOINT_MAGIC, input);
  if (payload.length + SEAL_HEADER_BYTES !== input.length) throw new FormatError(`${CHECKPOINT_MAGIC}: bytes too many`);
  return CHECKPOINT.decode(payload);
}

/** Of a drive whose index is new. */
export function emptyCheckpoint(driveId: string): CheckpointState {
  return {
    driveId,
    sequence: 0,
    file: 0,
    offset: 0,
    segmentFile: 0,
    segmentOffset: 0,
    entryCount: 0,
    entrySum: 0,
    shardCount: 0,
    shardBytes: 0,
  };
}

/** What the memtable's state is at a moment between two frames. */
export type FrozenState = Omit<CheckpointState, 'segmentFile' | 'segmentOffset' | 'entryCount' | 'entrySum'>;

export interface CheckpointOptions {
  readonly log: CommitLog;
  readonly files: RecordFiles;
  readonly index: Index;
  readonly live: LiveBytes;
  /** null: the log's own files are the segments. */
  readonly segments: SegmentWriter | null;
  readonly tables: Tables;
  readonly health: DriveHealth;
  readonly driveName: string;
  /** The newest checkpoint. */
  readonly newest: CheckpointState;
  readonly describe: () => FrozenState;
  /** Lets others run for a moment. */
  readonly pause: () => Promise<void>;
}

export const ENTRY_SUM_MODULUS = 2 ** 48;
/** So many entries are prepared before others get a turn. */
const SLICE_ENTRIES = 256;

export class Checkpointer {
  readonly #options: CheckpointOptions;
  #running: Promise<void> | null = null;
  /** Describes the frozen memtable. */
  #state: FrozenState | null = null;
  #isStarved = false;
  #count = 0;
  /** What the index says. */
  #newest: CheckpointState;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#newest = options.newest;
  }

  /** The newest attempt found no space; the entries wait in memory and in the log for a better time. */
  get isStarved(): boolean {
    return this.#isStarved;
  }

  /** Log files before this one are not needed for a recovery. */
  get keptFromFile(): number {
    return this.#newest.file;
  }

  /** Transactions of the index since the start. */
  get count(): number {
    return this.#count;
  }

  /** The checkpoint that is under way. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** Never rejects: what goes wrong shows in the drive's health, or will be tried again. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { health, tables } = this.#options;
    if (health.failure !== null) return;
    try {
      if (tables.frozen === null) await this.#freeze();
      if (tables.frozen !== null) await this.#apply();
      this.#isStarved = false;
    } catch (error) {
      this.#isStarved = health.judge(error).kind === 'no-space';
    }
  }

  async #freeze(): Promise<void> {
    const { log, tables, segments, describe } = this.#options;
    await log.between(async () => {
      if (tables.active.count === 0) return;
      // A log device is given back as soon as possible; a log that is its own segment goes on until it is full.
      if (segments !== null) await log.rotate();
      tables.freeze();
      this.#state = describe();
    });
  }

  async #apply(): Promise<void> {
    const { index, tables, live, segments } = this.#options;
    const state = this.#state!;
    const copied = await this.#copyToSegments(state.sequence);
    const change = live.begin();
    const changes: IndexChange[] = [];
    let { entryCount, entrySum } = this.#newest;
    for (const [key, entry] of tables.frozen!.entries()) {
      const pointer = copied.pointers.get(key);
      const kept = entry !== null && pointer !== undefined ? { ...entry, pointer } : entry;
      const before = index.get(key);
      const after = kept === null ? null : encodeEntry(key, kept);
      change.replace(before === null ? null : this.#decoded(key, before), kept);
      entryCount += (after === null ? 0 : 1) - (before === null ? 0 : 1);
      entrySum = modulo(entrySum + (after === null ? 0 : entryCrc(after)) - (before === null ? 0 : entryCrc(before)));
      changes.push({ key, value: after });
      if (changes.length % SLICE_ENTRIES === 0) await this.#options.pause();
    }
    const { file: segmentFile, offset: segmentOffset } = copied.next;
    changes.push(...change.indexChanges());
    this.#count++;
    const next = { ...state, segmentFile, segmentOffset, entryCount, entrySum };
    await index.apply(changes, encodeCheckpoint(next));
    live.accept(change);
    segments?.accept(copied.next);
    tables.dropFrozen();
    this.#newest = next;
    await this.#reclaim();
  }

  async #copyToSegments(sequence: number): Promise<{ pointers: Map<string, Pointer>; next: SegmentPosition }> {
    const { segments, tables } = this.#options;
    if (segments === null) return { pointers: new Map(), next: { file: 0, offset: 0 } };
    const located: { key: string; entry: Entry; pointer: Pointer }[] = [];
    for (const [key, entry] of tables.frozen!.entries()) {
      if (entry?.pointer) located.push({ key, entry, pointer: entry.pointer });
    }
    return segments.copy(located, sequence);
  }

  /** A damaged entry points nowhere; the file it meant keeps its count. */
  #decoded(key: string, value: Buffer): Entry | null {
    try {
      return decodeEntry(key, value, this.#options.driveName);
    } catch (error) {
      if (error instanceof CorruptionError) return null;
      throw error;
    }
  }

  /** Removes the files that neither the index nor a recovery can need. */
  async #reclaim(): Promise<void> {
    const { files, segments, live } = this.#options;
    const isNeeded = ({ number, kind }: RecordFile): boolean => {
      if (kind === 'segment') return number === segments?.position.file || live.of(number) > 0;
      return number >= this.#newest.file || (segments === null && live.of(number) > 0);
    };
    for (const file of files.all()) {
      if (!isNeeded(file)) await files.remove(file);
    }
  }
}

function modulo(sum: number): number {
  return ((sum % ENTRY_SUM_MODULUS) + ENTRY_SUM_MODULUS) % ENTRY_SUM_MODULUS;
}
