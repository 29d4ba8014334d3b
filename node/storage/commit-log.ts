// The write-ahead log as it is written: batches that come while a sync is under way share the next frame, one write and one
// sync. Promises that a batch is applied and resolved only once its frame is durable, in the order of submission, and that a
// rejected batch is not in the log (or that the drive has failed and takes no more writes).
import { type Disk, DiskError, type DiskFile } from '../io/disk.ts';
import type { DriveHealth } from './health.ts';
import {
  encodeFrame,
  encodeLogFileHeader,
  frameSalt,
  LOG_FILE_HEADER_BYTES,
  type LogOperation,
  type PlacedOperation,
} from './log-format.ts';
import type { LogTail } from './log-recovery.ts';
import { LOG_DIRECTORY } from './names.ts';
import type { RecordFiles } from './record-files.ts';

/** A frame is closed when it holds so much; a single batch may be as long as it likes. */
const FRAME_BYTES_TARGET = 4 * 2 ** 20;

export interface Batch {
  /** Estimated size in the log. */
  readonly sizeBytes: number;
  /** Gets a frame of its own, so that prepare sees the effect of everything that was submitted before. */
  readonly isAlone: boolean;
  /** Says, just before the batch is written, what is to be written; throws to reject the batch. */
  readonly prepare: () => readonly LogOperation[];
  /** Called once the frame is durable: makes the batch visible. */
  readonly apply: (operations: readonly PlacedOperation[], place: FramePlace) => void;
}

/** Where a frame came to lie. */
export interface FramePlace {
  readonly fileNumber: number;
  readonly frameOffset: number;
}

export interface CommitLogOptions {
  readonly disk: Disk;
  readonly files: RecordFiles;
  /** The next file is begun when one is so long. */
  readonly fileBytesMax: number;
  readonly driveId: string;
  readonly health: DriveHealth;
  readonly tail: LogTail | null;
  readonly nextSequence: number;
  /** Awaited before every frame: asks for space, waits for a checkpoint that is behind. */
  readonly beforeFrame: () => Promise<void>;
}

type Waiting = Batch & { resolve: () => void; reject: (error: unknown) => void };
type Prepared = Waiting & { operations: readonly LogOperation[] };
type Errand = { run: () => Promise<void> };

export class CommitLog {
  readonly #disk: Disk;
  readonly #files: RecordFiles;
  readonly #fileBytesMax: number;
  readonly #driveId: string;
  readonly #health: DriveHealth;
  readonly #beforeFrame: () => Promise<void>;
  readonly #queue: (Waiting | Errand)[] = [];
  #running: Promise<void> | null = null;
  #file: DiskFile | null = null;
  #fileNumber: number;
  #salt = 0;
  #offset = 0;
  #nextSequence: number;
  #syncs = 0;
  #writtenBytes = 0;

  private constructor(options: CommitLogOptions) {
    this.#disk = options.disk;
    this.#files = options.files;
    this.#fileBytesMax = options.fileBytesMax;
    this.#driveId = options.driveId;
    this.#health = options.health;
    this.#beforeFrame = options.beforeFrame;
    this.#fileNumber = options.tail?.fileNumber ?? 0;
    this.#offset = options.tail?.offset ?? 0;
    this.#nextSequence = options.nextSequence;
  }

  static async open(options: CommitLogOptions): Promise<CommitLog> {
    const log = new CommitLog(options);
    if (options.tail === null) {
      await options.disk.makeDirectory(LOG_DIRECTORY);
      await options.disk.syncDirectory('');
      await log.#startFile();
    } else {
      // A killed process may have left names that the system shows and a power cut would take.
      await options.disk.syncDirectory(LOG_DIRECTORY);
      await options.disk.syncDirectory('');
      log.#file = await options.disk.open(log.#pathOf(options.tail.fileNumber), 'write');
      log.#salt = frameSalt(options.driveId, options.tail.fileNumber);
    }
    return log;
  }

  get syncs(): number {
    return this.#syncs;
  }

  get fileNumber(): number {
    return this.#fileNumber;
  }

  /** Sequence number of the newest frame; 0 before the first. */
  get lastSequence(): number {
    return this.#nextSequence - 1;
  }

  /** Where the next frame goes in the file that is being written. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes of frames written since the start. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  submit(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...batch, resolve, reject });
      this.#start();
    });
  }

  /** Runs something between two frames, after all batches that were submitted before. */
  between<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run: () => run().then(resolve, reject) });
      this.#start();
    });
  }

  /** Within between(): the next frame goes to a new file. */
  async rotate(): Promise<void> {
    this.#health.assertWritable();
    const before = this.#file;
    await this.#startFile();
    await before?.close();
  }

  /** Waits for what was submitted. Nothing may be submitted afterwards. */
  async close(): Promise<void> {
    while (this.#running !== null) await this.#running;
    await this.#file?.close();
    this.#file = null;
  }

  #start(): void {
    // One turn later, so that batches which are submitted together share a frame.
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = null;
        if (this.#queue.length > 0) this.#start();
      });
  }

  async #run(): Promise<void> {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if ('run' in first) {
        this.#queue.shift();
        await first.run();
      } else {
        await this.#writeFrame();
      }
    }
  }

  async #writeFrame(): Promise<void> {
    try {
      this.#health.assertWritable();
      await this.#beforeFrame();
    } catch (error) {
      for (const batch of this.#takeBatches()) batch.reject(error);
      return;
    }
    const frame = this.#takeBatches().flatMap(prepared);
    const operations = frame.flatMap((batch) => batch.operations);
    try {
      if (operations.length > 0) this.#apply(frame, await this.#append(operations));
      for (const batch of frame) batch.resolve();
    } catch (error) {
      for (const batch of frame) batch.reject(error);
    }
  }

  #apply(frame: readonly Prepared[], { place, dataOffsets }: { place: FramePlace; dataOffsets: number[] }): void {
    let next = 0;
    for (const batch of frame) {
      batch.apply(
        batch.operations.map((operation) => ({ ...operation, dataOffset: dataOffsets[next++]! })),
        place,
      );
    }
  }

  #takeBatches(): Waiting[] {
    const batches: Waiting[] = [];
    let sizeBytes = 0;
    for (let first = this.#queue[0]; first !== undefined && !('run' in first); first = this.#queue[0]) {
      const isFull = sizeBytes + first.sizeBytes > FRAME_BYTES_TARGET;
      if (batches.length > 0 && (isFull || first.isAlone || batches[0]!.isAlone)) break;
      sizeBytes += first.sizeBytes;
      batches.push(first);
      this.#queue.shift();
    }
    return batches;
  }

  async #append(operations: LogOperation[]): Promise<{ place: FramePlace; dataOffsets: number[] }> {
    if (this.#offset >= this.#fileBytesMax) await this.#rotateIfRoom();
    const file = this.#file!;
    const frame = encodeFrame(this.#salt, this.#nextSequence, operations);
    try {
      await file.write(this.#offset, frame.pieces);
    } catch (error) {
      if (!(error instanceof DiskError && error.kind === 'no-space')) throw this.#health.fail(error);
      await this.#undo(file);
      throw error;
    }
    try {
      await this.#sync(file);
    } catch (error) {
      throw this.#health.fail(error);
    }
    const place = { fileNumber: this.#fileNumber, frameOffset: this.#offset };
    this.#offset += frame.lengthBytes;
    this.#writtenBytes += frame.lengthBytes;
    this.#nextSequence++;
    return { place, dataOffsets: frame.dataOffsets };
  }

  /** After a write that found no space: what was written of the frame must not come back after a crash. */
  async #undo(file: DiskFile): Promise<void> {
    try {
      await file.truncate(this.#offset);
      await this.#sync(file);
    } catch (error) {
      throw this.#health.fail(error);
    }
  }

  /** On a full disk the old file goes on growing, so that deletions are not stopped by this. */
  async #rotateIfRoom(): Promise<void> {
    try {
      await this.rotate();
    } catch (error) {
      if (!(error instanceof DiskError && error.kind === 'no-space')) throw error;
    }
  }

  async #startFile(): Promise<void> {
    const number = this.#files.takeNumber();
    const header = { driveId: this.#driveId, number, firstSequence: this.#nextSequence };
    let file: DiskFile | null = null;
    try {
      file = await this.#disk.open(this.#pathOf(number), 'create');
      await file.write(0, [encodeLogFileHeader(header)]);
      await this.#sync(file);
      await this.#disk.syncDirectory(LOG_DIRECTORY);
    } catch (error) {
      const judged = this.#health.judge(error);
      await file?.close();
      if (this.#health.failure === null) await this.#forgetFile(number);
      throw judged;
    }
    this.#files.add({ number, kind: 'log' });
    this.#file = file;
    this.#fileNumber = number;
    this.#salt = frameSalt(this.#driveId, number);
    this.#offset = LOG_FILE_HEADER_BYTES;
  }

  /** The frames go on in the old file, so the new one must not come back after a crash. */
  async #forgetFile(number: number): Promise<void> {
    try {
      await this.#files.remove({ number, kind: 'log' });
      await this.#disk.syncDirectory(LOG_DIRECTORY);
    } catch (error) {
      throw this.#health.fail(error);
    }
  }

  #pathOf(number: number): string {
    return this.#files.place({ number, kind: 'log' }).path;
  }

  async #sync(file: DiskFile): Promise<void> {
    this.#syncs++;
    await file.sync();
  }
}

/** The batch with its operations; nothing when it may not be written. */
function prepared(batch: Waiting): Prepared[] {
  try {
    return [{ ...batch, operations: batch.prepare() }];
  } catch (error) {
    batch.reject(error);
    return [];
  }
}
