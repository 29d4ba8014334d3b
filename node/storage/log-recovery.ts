// Reads the log at the start of a drive: every frame that the index does not have yet, in order, and where to go on
// writing. Cuts a torn tail; anything else that is not right is a refusal, because acknowledged writes may be gone.
import { FormatError } from '../format/codec.ts';
import type { Disk, DiskFile } from '../io/disk.ts';
import { listIfThere } from './files.ts';
import { findFrame, scanFrames } from './frame-scan.ts';
import { DriveRefusal } from './identity.ts';
import { decodeLogFileHeader, type Frame, frameSalt, LOG_FILE_HEADER_BYTES, type LogFileHeader } from './log-format.ts';
import { LOG_DIRECTORY, parseRecordFileName, recordFileName } from './names.ts';

/** How far the index has applied the log. */
export interface LogPosition {
  /** The last sequence number that the index has; 0 for none. */
  readonly sequence: number;
  /** The file in which the next frame was to come; 0 before there was any. */
  readonly file: number;
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
  readonly fileNumbers: number[];
  readonly nextSequence: number;
  readonly frames: number;
  readonly bytes: number;
  readonly tornBytes: number;
}

export type VisitFrame = (frame: Frame, fileNumber: number, frameOffset: number) => void;

/** Throws DriveRefusal and DiskError. */
export async function recoverLog(
  disk: Disk,
  driveId: string,
  position: LogPosition,
  visit: VisitFrame,
): Promise<RecoveredLog> {
  const fileNumbers = (await listIfThere(disk, LOG_DIRECTORY))
    .map(parseRecordFileName)
    .filter((number) => number !== null);
  return new Recovery(disk, driveId, position, visit, fileNumbers).run();
}

class Recovery {
  readonly #disk: Disk;
  readonly #driveId: string;
  readonly #position: LogPosition;
  readonly #visit: VisitFrame;
  readonly #fileNumbers: number[];
  #expected: number | null = null;
  #frames = 0;
  #bytes = 0;
  #tornBytes = 0;

  constructor(disk: Disk, driveId: string, position: LogPosition, visit: VisitFrame, fileNumbers: number[]) {
    this.#disk = disk;
    this.#driveId = driveId;
    this.#position = position;
    this.#visit = visit;
    this.#fileNumbers = fileNumbers;
  }

  async run(): Promise<RecoveredLog> {
    await this.#dropUnbornFile();
    const needed = this.#fileNumbers.filter((number) => number >= this.#position.file);
    if (this.#position.file > 0 && needed[0] !== this.#position.file) {
      throw this.#refusal('log-lost', `log file ${recordFileName(this.#position.file)} is missing`);
    }
    let tail: LogTail | null = null;
    for (const number of needed) tail = await this.#readFile(number, number === needed.at(-1));
    const nextSequence = this.#expected ?? 1;
    if (nextSequence <= this.#position.sequence) {
      throw this.#refusal(
        'log-lost',
        `the log ends at record ${nextSequence - 1}, but the index has seen ${this.#position.sequence}`,
      );
    }
    return {
      tail,
      fileNumbers: this.#fileNumbers,
      nextSequence,
      frames: this.#frames,
      bytes: this.#bytes,
      tornBytes: this.#tornBytes,
    };
  }

  /** A crash while the newest file was made leaves it without a header and without frames: it never was. */
  async #dropUnbornFile(): Promise<void> {
    const newest = this.#fileNumbers.at(-1);
    if (newest === undefined || newest === this.#position.file) return;
    const isUnborn = await this.#withFile(newest, 'read', async (file) => {
      if ((await this.#readHeader(file)) instanceof FormatError) {
        return (await findFrame(file, frameSalt(this.#driveId, newest), 0)) === null;
      }
      return false;
    });
    if (!isUnborn) return;
    await this.#disk.remove(`${LOG_DIRECTORY}/${recordFileName(newest)}`);
    await this.#disk.syncDirectory(LOG_DIRECTORY);
    this.#fileNumbers.pop();
  }

  async #readFile(number: number, isNewest: boolean): Promise<LogTail> {
    return this.#withFile(number, isNewest ? 'write' : 'read', async (file) => {
      this.#takeHeader(number, await this.#readHeader(file));
      const salt = frameSalt(this.#driveId, number);
      let end = LOG_FILE_HEADER_BYTES;
      let lastFrame: { offset: number; lengthBytes: number } | null = null;
      for await (const { frame, offset } of scanFrames(file, salt, LOG_FILE_HEADER_BYTES)) {
        this.#takeFrame(frame, number, offset);
        lastFrame = { offset, lengthBytes: frame.lengthBytes };
        end = offset + frame.lengthBytes;
      }
      const tornBytes = (await file.sizeBytes()) - end;
      if (tornBytes > 0) await this.#cutTail(file, number, end, tornBytes, isNewest);
      if (isNewest && lastFrame !== null) await rewrite(file, lastFrame);
      return { fileNumber: number, offset: end, nextSequence: this.#expected! };
    });
  }

  #takeHeader(number: number, header: LogFileHeader | FormatError): void {
    if (header instanceof FormatError) {
      throw this.#refusal('log-corrupt', `log file ${recordFileName(number)}: ${header.message}`);
    }
    if (header.driveId !== this.#driveId || header.number !== number) {
      throw this.#refusal('log-corrupt', `${recordFileName(number)} is a log file of another drive, or was renamed`);
    }
    const isFirst = this.#expected === null;
    this.#expected ??= header.firstSequence;
    if (isFirst && header.firstSequence > this.#position.sequence + 1) {
      throw this.#position.file === 0
        ? this.#refusal('index-lost', `the index is empty, but the log starts at record ${header.firstSequence}`)
        : this.#gap(number, header.firstSequence, this.#position.sequence + 1);
    }
    if (header.firstSequence !== this.#expected) throw this.#gap(number, header.firstSequence, this.#expected);
  }

  #takeFrame(frame: Frame, number: number, offset: number): void {
    if (frame.sequence !== this.#expected) throw this.#gap(number, frame.sequence, this.#expected!);
    this.#expected++;
    if (frame.sequence <= this.#position.sequence) return;
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
    const file = await this.#disk.open(`${LOG_DIRECTORY}/${recordFileName(number)}`, mode);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  #gap(number: number, found: number, expected: number): DriveRefusal {
    return this.#refusal(
      'log-lost',
      `${recordFileName(number)} goes on with record ${found} where ${expected} should come, so acknowledged writes are gone`,
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
