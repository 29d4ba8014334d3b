// Reads the log at the start of a drive: every frame that the index does not have yet, in order, and where to go on
// writing. Cuts a torn tail; anything else that is not right is a refusal, because acknowledged writes may be gone.
import { FormatError } from '../format/codec.ts';
import type { Disk, DiskFile } from '../io/disk.ts';
import { findFrame, scanFrames } from './frame-scan.ts';
import { DriveRefusal } from './identity.ts';
import { decodeLogFileHeader, type Frame, frameSalt, LOG_FILE_HEADER_BYTES, type LogFileHeader } from './log-format.ts';
import { LOG_DIRECTORY, recordFileName } from './names.ts';
import type { RecordFiles } from './record-files.ts';

/** How far the index has applied the log. */
export interface LogPosition {
  /** The last sequence number that the index has; 0 for none. */
  readonly sequence: number;
  /** Where the next frame was to come: the file, and the offset in it; both 0 before there was any. */
  readonly file: number;
  readonly offset: number;
}

/** Where the next frame goes. */
export interface LogTail {
  readonly fileNumber: number;
  readonly offset: number;
  readonly nextSequence: number;
}

export interface RecoveredLog {
  /** null: there is no log file to go on with. */
  readonly tail: LogTail | null;
  readonly nextSequence: number;
  readonly frames: number;
  readonly bytes: number;
  readonly tornBytes: number;
}

export type VisitFrame = (frame: Frame, fileNumber: number, frameOffset: number) => void;

/** Throws DriveRefusal and DiskError. */
export async function recoverLog(
  disk: Disk,
  files: RecordFiles,
  driveId: string,
  position: LogPosition,
  visit: VisitFrame,
): Promise<RecoveredLog> {
  return new Recovery(disk, files, driveId, position, visit).run();
}

class Recovery {
  readonly #disk: Disk;
  readonly #driveId: string;
  readonly #position: LogPosition;
  readonly #visit: VisitFrame;
  readonly #files: RecordFiles;
  #expected: number;
  #frames = 0;
  #bytes = 0;
  #tornBytes = 0;

  constructor(disk: Disk, files: RecordFiles, driveId: string, position: LogPosition, visit: VisitFrame) {
    this.#disk = disk;
    this.#files = files;
    this.#driveId = driveId;
    this.#position = position;
    this.#visit = visit;
    this.#expected = position.sequence + 1;
  }

  async run(): Promise<RecoveredLog> {
    await this.#dropUnbornFile();
    const needed = this.#numbers().filter((number) => number >= this.#position.file);
    if (this.#position.file > 0 && needed[0] !== this.#position.file) {
      throw this.#refusal('log-lost', `log file ${recordFileName(this.#position.file)} is missing`);
    }
    let tail: LogTail | null = null;
    for (const number of needed) tail = await this.#readFile(number, number === needed.at(-1));
    return {
      tail,
      nextSequence: this.#expected,
      frames: this.#frames,
      bytes: this.#bytes,
      tornBytes: this.#tornBytes,
    };
  }

  /** A crash while the newest file was made leaves it without a header and without frames: it never was. */
  async #dropUnbornFile(): Promise<void> {
    const newest = this.#numbers().at(-1);
    if (newest === undefined || newest === this.#position.file) return;
    const isUnborn = await this.#withFile(newest, 'read', async (file) => {
      if ((await this.#readHeader(file)) instanceof FormatError) {
        return (await findFrame(file, frameSalt(this.#driveId, newest), 0)) === null;
      }
      return false;
    });
    if (!isUnborn) return;
    await this.#files.remove({ number: newest, kind: 'log' });
    await this.#disk.syncDirectory(LOG_DIRECTORY);
  }

  #numbers(): number[] {
    return this.#files.all().flatMap(({ number, kind }) => (kind === 'log' ? [number] : []));
  }

  async #readFile(number: number, isNewest: boolean): Promise<LogTail> {
    return this.#withFile(number, isNewest ? 'write' : 'read', async (file) => {
      this.#takeHeader(number, await this.#readHeader(file));
      const salt = frameSalt(this.#driveId, number);
      const start = number === this.#position.file ? this.#position.offset : LOG_FILE_HEADER_BYTES;
      let end = start;
      let lastFrame: { offset: number; lengthBytes: number } | null = null;
      for await (const { frame, offset } of scanFrames(file, salt, start)) {
        this.#takeFrame(frame, number, offset);
        lastFrame = { offset, lengthBytes: frame.lengthBytes };
        end = offset + frame.lengthBytes;
      }
      const tornBytes = (await file.sizeBytes()) - end;
      if (tornBytes < 0) throw this.#refusal('log-lost', `${recordFileName(number)} is shorter than the index says`);
      if (tornBytes > 0) await this.#cutTail(file, number, end, tornBytes, isNewest);
      if (isNewest && lastFrame !== null) await rewrite(file, lastFrame);
      return { fileNumber: number, offset: end, nextSequence: this.#expected };
    });
  }

  #takeHeader(number: number, header: LogFileHeader | FormatError): void {
    if (header instanceof FormatError) {
      throw this.#refusal('log-corrupt', `log file ${recordFileName(number)}: ${header.message}`);
    }
    if (header.driveId !== this.#driveId || header.number !== number) {
      throw this.#refusal('log-corrupt', `${recordFileName(number)} is a log file of another drive, or was renamed`);
    }
    // The file that the index names was begun before its newest record; every other one goes on where the one before ends.
    const isRight =
      number === this.#position.file ? header.firstSequence <= this.#expected : header.firstSequence === this.#expected;
    if (isRight) return;
    if (this.#position.file === 0 && this.#expected === 1) {
      throw this.#refusal('index-lost', `the index is empty, but the log starts at record ${header.firstSequence}`);
    }
    throw this.#gap(number, header.firstSequence);
  }

  #takeFrame(frame: Frame, number: number, offset: number): void {
    if (frame.sequence !== this.#expected) throw this.#gap(number, frame.sequence);
    this.#expected++;
    this.#frames++;
    this.#bytes += frame.lengthBytes;
    this.#visit(frame, number, offset);
  }

  /** Only the last frame may be torn, as every other one was synced before the next was written. */
  async #cutTail(file: DiskFile, number: number, end: number, tornBytes: number, isNewest: boolean): Promise<void> {
    const goodAfter = isNewest ? await findFrame(file, frameSalt(this.#driveId, number), end + 1) : end;
    if (goodAfter !== null) {
      throw this.#refusal(
        'log-corrupt',
        `${recordFileName(number)} is damaged at byte ${end}, and good records follow, so acknowledged writes are gone`,
      );
    }
    await file.truncate(end);
    await file.sync();
    this.#tornBytes = tornBytes;
  }

  async #readHeader(file: DiskFile): Promise<LogFileHeader | FormatError> {
    try {
      return decodeLogFileHeader(await file.read(0, LOG_FILE_HEADER_BYTES));
    } catch (error) {
      if (error instanceof FormatError) return error;
      throw error;
    }
  }

  async #withFile<T>(number: number, mode: 'read' | 'write', use: (file: DiskFile) => Promise<T>): Promise<T> {
    const file = await this.#disk.open(this.#files.place({ number, kind: 'log' }).path, mode);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  #gap(number: number, found: number): DriveRefusal {
    return this.#refusal(
      'log-lost',
      `${recordFileName(number)} goes on with record ${found} where ${this.#expected} should come, so acknowledged writes are gone`,
    );
  }

  #refusal(code: 'log-lost' | 'log-corrupt' | 'index-lost', reason: string): DriveRefusal {
    return new DriveRefusal(
      code,
      `${this.#disk.name}: ${reason}; the drive must be formatted anew and filled from its peers`,
    );
  }
}

/**
 * The newest frame was perhaps never acknowledged: its sync may have failed, and then the system may show from memory what
 * is not on the disk. Written and synced again, it is safe to tell others about it.
 */
async function rewrite(file: DiskFile, frame: { offset: number; lengthBytes: number }): Promise<void> {
  await file.write(frame.offset, [await file.read(frame.offset, frame.lengthBytes)]);
  await file.sync();
}
