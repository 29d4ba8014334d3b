// The files that hold records: those of the log, and segments. Knows where each one lies, reads data out of them, verified,
// and removes them. On a drive without a log device the files of the log are the segments: a value is written once.
import { crc32 } from 'node:zlib';
import type { Disk } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import { keyCrc, type Pointer, printableKey } from './entry.ts';
import { listIfThere, removeIfThere } from './files.ts';
import { LOG_DIRECTORY, parseRecordFileName, recordFileName, SEGMENT_DIRECTORY } from './names.ts';
import { OpenFiles } from './open-files.ts';

const OPEN_FILES_MAX = 64;

export type RecordFileKind = 'log' | 'segment';

export interface RecordFile {
  readonly number: number;
  readonly kind: RecordFileKind;
}

export class RecordFiles {
  readonly #disk: Disk;
  readonly #logDisk: Disk;
  readonly #kinds = new Map<number, RecordFileKind>();
  readonly #open = new OpenFiles<null>(OPEN_FILES_MAX);
  #nextNumber = 1;

  constructor(disk: Disk, logDisk: Disk) {
    this.#disk = disk;
    this.#logDisk = logDisk;
  }

  /** Finds what is there. */
  async load(): Promise<void> {
    for (const kind of ['log', 'segment'] as const) {
      for (const name of await listIfThere(this.#diskOf(kind), directoryOf(kind))) {
        const number = parseRecordFileName(name);
        if (number !== null) this.add({ number, kind });
      }
    }
  }

  /** Sorted by age. */
  all(): RecordFile[] {
    return [...this.#kinds].map(([number, kind]) => ({ number, kind })).sort((a, b) => a.number - b.number);
  }

  takeNumber(): number {
    return this.#nextNumber++;
  }

  add({ number, kind }: RecordFile): void {
    this.#kinds.set(number, kind);
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  place({ number, kind }: RecordFile): { disk: Disk; path: string } {
    return { disk: this.#diskOf(kind), path: `${directoryOf(kind)}/${recordFileName(number)}` };
  }

  /** The data, or null when the file is gone. Rejects with CorruptionError and DiskError. */
  async read(key: string, pointer: Pointer): Promise<Buffer | null> {
    const [data] = await this.readMany([{ key, pointer }]);
    if (data instanceof CorruptionError) throw data;
    return data ?? null;
  }

  /**
   * Data out of one file, in one read: sorted by offset, and close together. For each the data, or what is wrong with it, or
   * null when the file is gone. Rejects with DiskError.
   */
  async readMany(wanted: readonly { key: string; pointer: Pointer }[]): Promise<(Buffer | CorruptionError | null)[]> {
    const { file: number, offset: start } = wanted[0]!.pointer;
    const last = wanted.at(-1)!.pointer;
    const kind = this.#kinds.get(number);
    if (kind === undefined) return wanted.map(() => null);
    const { disk, path } = this.place({ number, kind });
    const lengthBytes = last.offset + last.lengthBytes - start;
    const raw = await this.#open.use(
      disk,
      path,
      async () => null,
      (file) => file.read(start, lengthBytes),
    );
    return wanted.map(({ key, pointer }) => {
      if (raw === null) return null;
      const data = raw.subarray(pointer.offset - start, pointer.offset - start + pointer.lengthBytes);
      if (data.length === pointer.lengthBytes && crc32(data, keyCrc(key)) === pointer.crc) return data;
      return new CorruptionError(`${disk.name}/${path}: ${printableKey(key)}: checksum does not match`);
    });
  }

  /** Nothing may point into it any more. */
  async remove(file: RecordFile): Promise<void> {
    const { disk, path } = this.place(file);
    this.#kinds.delete(file.number);
    await this.#open.forget(path);
    await removeIfThere(disk, path);
  }

  close(): Promise<void> {
    return this.#open.close();
  }

  #diskOf(kind: RecordFileKind): Disk {
    return kind === 'log' ? this.#logDisk : this.#disk;
  }
}

const directoryOf = (kind: RecordFileKind): string => (kind === 'log' ? LOG_DIRECTORY : SEGMENT_DIRECTORY);
