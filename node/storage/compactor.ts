// Gets space back from log files and segments of which little is in use: writes that little again through the log, after
// which a checkpoint finds nothing in use in the old file and removes it. One file at a time.
import type { DiskFile } from '../io/disk.ts';
import type { CommitLog } from './commit-log.ts';
import { findFrame, scanFrames } from './frame-scan.ts';
import type { LiveBytes } from './live-bytes.ts';
import { decodeOperations, frameSalt, LOG_FILE_HEADER_BYTES } from './log-format.ts';
import type { RecordFile, RecordFiles } from './record-files.ts';
import type { Move, Writes } from './writes.ts';

/** A file of which less is in use is compacted, so at most as much again lies unused. */
const LIVE_SHARE_MIN = 0.5;
const MOVE_BYTES_TARGET = 2 ** 20;

export interface CompactorOptions {
  readonly files: RecordFiles;
  readonly live: LiveBytes;
  readonly log: CommitLog;
  readonly writes: Writes;
  readonly driveId: string;
  /** Files that are still being written, or that a recovery would read. */
  readonly isClosed: (file: RecordFile) => boolean;
  /** What moving data may take before it gives anything back. */
  readonly lendableBytes: () => number;
  readonly isStopped: () => boolean;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #sizes = new Map<number, number>();
  /** Files that hold something which could not be moved: they stay. */
  readonly #stuck = new Set<number>();

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Empties the file with the least in use, if there is one that is worth it. Says whether there was. */
  async run(): Promise<boolean> {
    const file = await this.#worst();
    if (file === null) return false;
    await this.#empty(file);
    // If a checkpoint does not take it away now, it holds something that cannot be found.
    this.#stuck.add(file.number);
    return true;
  }

  async #worst(): Promise<RecordFile | null> {
    const { files, live, isClosed, lendableBytes } = this.#options;
    let worst: RecordFile | null = null;
    let worstShare = LIVE_SHARE_MIN;
    for (const file of files.all()) {
      if (!isClosed(file) || this.#stuck.has(file.number)) continue;
      const share = live.of(file.number) / (await this.#sizeBytes(file));
      if (share >= worstShare || live.of(file.number) > lendableBytes()) continue;
      worst = file;
      worstShare = share;
    }
    return worst;
  }

  async #sizeBytes(file: RecordFile): Promise<number> {
    const known = this.#sizes.get(file.number);
    if (known !== undefined) return known;
    const sizeBytes = await this.#withFile(file, (open) => open.sizeBytes());
    this.#sizes.set(file.number, sizeBytes);
    return sizeBytes;
  }

  async #empty(file: RecordFile): Promise<void> {
    const { log, writes, isStopped } = this.#options;
    await this.#withFile(file, async (open) => {
      let moves: Move[] = [];
      let bytes = 0;
      for await (const move of this.#contents(file, open)) {
        if (isStopped()) return;
        if (!writes.isCurrent(move)) continue;
        moves.push(move);
        bytes += move.operation.data!.length;
        if (bytes < MOVE_BYTES_TARGET) continue;
        await writes.move(log, moves);
        moves = [];
        bytes = 0;
      }
      if (moves.length > 0) await writes.move(log, moves);
    });
  }

  /** Everything in whole frames; damaged ones are passed over, and what is in use in them stays where it is. */
  async *#contents({ number }: RecordFile, file: DiskFile): AsyncGenerator<Move> {
    const salt = frameSalt(this.#options.driveId, number);
    for (let from: number | null = LOG_FILE_HEADER_BYTES; from !== null; ) {
      let end: number = from;
      for await (const { frame, offset } of scanFrames(file, salt, from)) {
        end = offset + frame.lengthBytes;
        for (const { dataOffset, ...operation } of decodeOperations(frame.body)) {
          if (operation.data !== null) yield { operation, file: number, offset: offset + dataOffset };
        }
      }
      from = await findFrame(file, salt, end + 1);
    }
  }

  async #withFile<T>(file: RecordFile, use: (open: DiskFile) => Promise<T>): Promise<T> {
    const { disk, path } = this.#options.files.place(file);
    const open = await disk.open(path, 'read');
    try {
      return await use(open);
    } finally {
      await open.close();
    }
  }
}
