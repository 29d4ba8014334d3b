// The index of a simulated drive: a sorted map in memory whose transactions are lines of one journal file on the simulated
// disk. A crash in the middle of a transaction leaves all of it or nothing, as the real one does; faults of the disk (errors,
// no space) are faults of the index. Knows nothing of the storage engine's own formats.
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../../node/io/disk.ts';
import { DiskError } from '../../node/io/disk.ts';
import type { Index, IndexChange, IndexEntry, IndexFactory, IndexSpace } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';

const JOURNAL = `${INDEX_DIRECTORY}/journal`;
const NEW_JOURNAL = `${INDEX_DIRECTORY}/journal.new`;
/** The journal is written anew when it is so much longer than what it says. */
const REWRITE_FACTOR = 4;
const REWRITE_BYTES_MIN = 64 * 2 ** 10;

/** disk: the drive's own mount. */
export function simIndex(disk: Disk): IndexFactory {
  return async () => {
    await disk.makeDirectory(INDEX_DIRECTORY);
    const names = await disk.list(INDEX_DIRECTORY);
    if (names.includes('journal.new')) await disk.remove(NEW_JOURNAL);
    const file = await disk.open(JOURNAL, names.includes('journal') ? 'write' : 'create');
    const index = new SimIndex(disk, file);
    await index.load();
    return index;
  };
}

interface Line {
  readonly changes: readonly (readonly [key: string, value: string | null])[];
  readonly state: string;
}

export class SimIndex implements Index {
  readonly #disk: Disk;
  #file: DiskFile;
  readonly #values = new Map<string, Buffer>();
  #keys: string[] | null = [];
  #state: Buffer | null = null;
  #endOffset = 0;
  #liveBytes = 0;

  constructor(disk: Disk, file: DiskFile) {
    this.#disk = disk;
    this.#file = file;
  }

  async load(): Promise<void> {
    const journal = await this.#file.read(0, await this.#file.sizeBytes());
    for (let end = journal.indexOf(0x0a); end >= 0; end = journal.indexOf(0x0a, this.#endOffset)) {
      const line = parseLine(journal.subarray(this.#endOffset, end).toString('latin1'));
      if (line === null) break;
      this.#take(line);
      this.#endOffset = end + 1;
    }
    await this.#file.truncate(this.#endOffset);
    await this.#file.sync();
  }

  get(key: string): Buffer | null {
    return copyOf(this.#values.get(key));
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    this.#keys ??= [...this.#values.keys()].sort();
    const entries: IndexEntry[] = [];
    for (let i = firstAtOrAfter(this.#keys, from); i < this.#keys.length && entries.length < limit; i++) {
      const key = this.#keys[i]!;
      if (to !== '' && key >= to) break;
      entries.push({ key, value: copyOf(this.#values.get(key))! });
    }
    return entries;
  }

  state(): Buffer | null {
    return copyOf(this.#state ?? undefined);
  }

  async apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void> {
    const line: Line = {
      changes: changes.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString('base64')]),
      state: Buffer.from(state).toString('base64'),
    };
    const encoded = encodeLine(line);
    try {
      await this.#file.write(this.#endOffset, [encoded]);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'no-space') await this.#file.truncate(this.#endOffset);
      throw error;
    }
    await this.#file.sync();
    this.#endOffset += encoded.length;
    this.#take(line);
    if (this.#endOffset > Math.max(REWRITE_BYTES_MIN, REWRITE_FACTOR * this.#liveBytes)) await this.#rewrite();
  }

  /** As base64 in the journal. */
  space(): IndexSpace {
    return { usedBytes: Math.ceil(this.#liveBytes * 1.4), spareBytes: 0 };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Damages what is stored under a key, whose own checksum then fails. */
  flipBit(key: string, offset: number): void {
    const value = this.#values.get(key)!;
    value[offset] = value[offset]! ^ 1;
  }

  /** What does not fit is left for later: the old journal says the same. */
  async #rewrite(): Promise<void> {
    const changes = [...this.#values].map(([key, value]) => [key, value.toString('base64')] as const);
    const encoded = encodeLine({ changes, state: this.#state!.toString('base64') });
    const file = await this.#disk.open(NEW_JOURNAL, 'create');
    try {
      await file.write(0, [encoded]);
    } catch (error) {
      if (!(error instanceof DiskError && error.kind === 'no-space')) throw error;
      await file.close();
      await this.#disk.remove(NEW_JOURNAL);
      return;
    }
    await file.sync();
    await this.#disk.rename(NEW_JOURNAL, JOURNAL);
    await this.#disk.syncDirectory(INDEX_DIRECTORY);
    await this.#file.close();
    this.#file = file;
    this.#endOffset = encoded.length;
  }

  #take({ changes, state }: Line): void {
    for (const [key, value] of changes) {
      const before = this.#values.get(key);
      if (before !== undefined) this.#liveBytes -= key.length + before.length;
      if (value === null) {
        this.#values.delete(key);
      } else {
        const after = Buffer.from(value, 'base64');
        this.#values.set(key, after);
        this.#liveBytes += key.length + after.length;
      }
    }
    this.#keys = null;
    this.#state = Buffer.from(state, 'base64');
  }
}

function encodeLine(line: Line): Buffer {
  const text = JSON.stringify(line);
  return Buffer.from(`${crc32(text)} ${text}\n`);
}

function parseLine(text: string): Line | null {
  const space = text.indexOf(' ');
  // Keys are written as JSON, so the line is UTF-8.
  const json = Buffer.from(text.slice(space + 1), 'latin1').toString('utf8');
  return Number(text.slice(0, space)) === crc32(json) ? JSON.parse(json) : null;
}

function copyOf(value: Buffer | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value);
}

function firstAtOrAfter(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
