// On a drive with a log device: what the log holds of longer data is copied, a checkpoint at a time, into segments on the
// drive itself, before the log is given up. Segments have the form of log files, so that one reader reads both.
import type { Disk, DiskFile } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import type { Entry, Pointer } from './entry.ts';
import { encodeFrame, encodeLogFileHeader, frameSalt, LOG_FILE_HEADER_BYTES, type LogOperation } from './log-format.ts';
import { SEGMENT_DIRECTORY } from './names.ts';
import { groupByPlace } from './pointer-groups.ts';
import type { RecordFiles } from './record-files.ts';

/** Where the next frame goes; file 0: a new segment is to be begun. */
export interface SegmentPosition {
  readonly file: number;
  readonly offset: number;
}

export interface SegmentWriterOptions {
  readonly disk: Disk;
  readonly files: RecordFiles;
  readonly driveId: string;
  readonly fileBytesMax: number;
  /** From the newest checkpoint: what lies behind it in the file belongs to nobody. */
  readonly position: SegmentPosition;
}

type Located = { readonly key: string; readonly entry: Entry; readonly pointer: Pointer };

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #position: SegmentPosition;
  #syncs = 0;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  get position(): SegmentPosition {
    return this.#position;
  }

  get syncs(): number {
    return this.#syncs;
  }

  /**
   * Copies what the entries point to, durably, and gives the new pointers. An attempt that fails is written over by the
   * next. Data that is damaged is left out: its entry keeps its old pointer.
   */
  async copy(located: readonly Located[], sequence: number): Promise<ReadonlyMap<string, Pointer>> {
    const pointers = new Map<string, Pointer>();
    if (located.length === 0) return pointers;
    const { file, number, start } = await this.#open(sequence);
    const salt = frameSalt(this.#options.driveId, number);
    let offset = start;
    try {
      for (const group of groupByPlace(located)) {
        const operations = await this.#read(group);
        if (operations.length === 0) continue;
        const frame = encodeFrame(
          salt,
          sequence,
          operations.map(({ operation }) => operation),
        );
        await file.write(offset, frame.pieces);
        for (const [i, { operation, pointer }] of operations.entries()) {
          pointers.set(operation.key, { ...pointer, file: number, offset: offset + frame.dataOffsets[i]! });
        }
        offset += frame.lengthBytes;
      }
      this.#syncs++;
      await file.sync();
    } finally {
      await file.close();
    }
    this.#position = { file: number, offset };
    return pointers;
  }

  async #read(group: readonly Located[]): Promise<{ operation: LogOperation; pointer: Pointer }[]> {
    const found = await this.#options.files.readMany(group);
    return group.flatMap(({ key, entry, pointer }, i) => {
      const data = found[i];
      if (data === null || data === undefined || data instanceof CorruptionError) return [];
      return [{ operation: { key, head: entry.head, file: null, data }, pointer }];
    });
  }

  async #open(sequence: number): Promise<{ file: DiskFile; number: number; start: number }> {
    const { disk, files, fileBytesMax } = this.#options;
    const { file: current, offset } = this.#position;
    if (current !== 0 && offset < fileBytesMax) {
      const file = await disk.open(files.place({ number: current, kind: 'segment' }).path, 'write');
      if ((await file.sizeBytes()) >= offset) return { file, number: current, start: offset };
      await file.close();
    }
    return { ...(await this.#begin(sequence)), start: LOG_FILE_HEADER_BYTES };
  }

  async #begin(sequence: number): Promise<{ file: DiskFile; number: number }> {
    const { disk, files, driveId } = this.#options;
    const number = files.takeNumber();
    await disk.makeDirectory(SEGMENT_DIRECTORY);
    await disk.syncDirectory('');
    const file = await disk.open(files.place({ number, kind: 'segment' }).path, 'create');
    files.add({ number, kind: 'segment' });
    await file.write(0, [encodeLogFileHeader({ driveId, number, firstSequence: sequence })]);
    await disk.syncDirectory(SEGMENT_DIRECTORY);
    return { file, number };
  }
}
