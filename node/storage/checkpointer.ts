// Moves the newest entries from memory into the index, and only then gives up the log behind them. Bounds the memory of a
// drive and the time that a restart takes.
import type { CommitLog } from './commit-log.ts';
import type { Entry, Pointer } from './entry.ts';
import type { DriveHealth } from './health.ts';
import type { IndexWriter } from './index-writer.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { LogPosition } from './log-recovery.ts';
import type { RecordFile, RecordFiles } from './record-files.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { Tables } from './tables.ts';

export interface CheckpointerOptions {
  readonly log: CommitLog;
  readonly files: RecordFiles;
  readonly index: IndexWriter;
  readonly live: LiveBytes;
  /** null: the log's own files are the segments. */
  readonly segments: SegmentWriter | null;
  readonly tables: Tables;
  readonly health: DriveHealth;
  /** Lets others run for a moment. */
  readonly pause: () => Promise<void>;
}

/** So many entries are prepared before others get a turn. */
const SLICE_ENTRIES = 256;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #running: Promise<void> | null = null;
  /** Where the log goes on behind the frozen memtable. */
  #frozenAt: LogPosition | null = null;
  /** Where the longer data of the frozen memtable are now; kept for another attempt when the index finds no space. */
  #copied: ReadonlyMap<string, Pointer> | null = null;
  /** Of the log, before the newest memtable was frozen. */
  #frozenBytes = 0;
  /** Of the log, that the index has. */
  #appliedBytes = 0;
  #isStarved = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** The newest attempt found no space; the entries wait in memory and in the log for a better time. */
  get isStarved(): boolean {
    return this.#isStarved;
  }

  /** Log files before this one are not needed for a recovery. */
  get keptFromFile(): number {
    return this.#options.index.state.file;
  }

  /** Bytes of the log that no checkpoint has begun to take in. */
  get newLogBytes(): number {
    return this.#options.log.writtenBytes - this.#frozenBytes;
  }

  /** Bytes of the log that the index has not. */
  get unappliedLogBytes(): number {
    return this.#options.log.writtenBytes - this.#appliedBytes;
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
      if (tables.frozen !== null) await this.#apply(this.#frozenAt!);
      this.#isStarved = false;
    } catch (error) {
      this.#isStarved = health.judge(error).kind === 'no-space';
    }
  }

  async #freeze(): Promise<void> {
    const { log, tables, segments } = this.#options;
    await log.between(async () => {
      if (tables.active.count === 0) return;
      // A log device is given back as soon as possible; a log that is its own segment goes on until it is full.
      if (segments !== null) await log.rotate();
      tables.freeze();
      this.#frozenAt = { sequence: log.lastSequence, file: log.fileNumber, offset: log.offset };
      this.#frozenBytes = log.writtenBytes;
    });
  }

  async #apply(position: LogPosition): Promise<void> {
    const { index, tables, segments } = this.#options;
    this.#copied ??= await this.#copyToSegments(position.sequence);
    const segment = segments?.position ?? { file: 0, offset: 0 };
    index.begin({ segmentFile: segment.file, segmentOffset: segment.offset });
    let prepared = 0;
    for (const [key, entry] of tables.frozen!.entries()) {
      const pointer = this.#copied.get(key);
      index.put(key, entry !== null && pointer !== undefined ? { ...entry, pointer } : entry);
      if (index.isFull) await index.write();
      else if (++prepared % SLICE_ENTRIES === 0) await this.#options.pause();
    }
    await index.commit(position);
    tables.dropFrozen();
    this.#copied = null;
    this.#appliedBytes = this.#frozenBytes;
    await this.#reclaim();
  }

  async #copyToSegments(sequence: number): Promise<ReadonlyMap<string, Pointer>> {
    const { segments, tables } = this.#options;
    if (segments === null) return new Map();
    const located: { key: string; entry: Entry; pointer: Pointer }[] = [];
    for (const [key, entry] of tables.frozen!.entries()) {
      if (entry?.pointer) located.push({ key, entry, pointer: entry.pointer });
    }
    return segments.copy(located, sequence);
  }

  /** Removes the files that neither the index nor a recovery can need. */
  async #reclaim(): Promise<void> {
    const { files, segments, live } = this.#options;
    const isNeeded = ({ number, kind }: RecordFile): boolean => {
      if (kind === 'segment') return number === segments?.position.file || live.of(number) > 0;
      return number >= this.keptFromFile || (segments === null && live.of(number) > 0);
    };
    for (const file of files.all()) {
      if (!isNeeded(file)) await files.remove(file);
    }
  }
}
