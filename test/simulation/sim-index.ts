// The index of a simulated drive: a sorted map in memory whose transactions are lines of one journal file on the simulated
// disk. A crash in the middle of a transaction leaves all of it or nothing, as LMDB promises; faults of the disk (errors,
// no space) are faults of the index. Knows nothing of the storage engine's own formats.
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../../node/io/disk.ts';
import { DiskError } from '../../node/io/disk.ts';
import type { Index, IndexChange, IndexEntry, IndexFactory } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';

const JOURNAL = `${INDEX_DIRECTORY}/journal`;

/** disk: the drive's own mount. */
export function simIndex(disk: Disk): IndexFactory {
  return async () => {
    await disk.makeDirectory(INDEX_DIRECTORY);
    const exists = (await disk.list(INDEX_DIRECTORY)).length > 0;
    const file = await disk.open(JOURNAL, exists ? 'write' : 'create');
    const index = new SimIndex(file);
    await index.load();
    return index;
  };
}

interface Line {
  readonly changes: readonly (readonly [key: string, value: string | null])[];
  readonly state: string;
}

export class SimIndex implements Index {
  readonly #file: DiskFile;
  readonly #values = new Map<string, Buffer>();
  #keys: string[] | null = [];
  #state: Buffer | null = null;
  #endOffset = 0;

  constructor(file: DiskFile) {
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
    const text = JSON.stringify(line);
    const encoded = Buffer.from(`${crc32(text)} ${text}\n`);
    try {
      await this.#file.write(this.#endOffset, [encoded]);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'no-space') await this.#file.truncate(this.#endOffset);
      throw error;
    }
    await this.#file.sync();
    this.#endOffset += encoded.length;
    this.#take(line);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Damages what is stored under a key, as a flipped bit on an LMDB page would. */
  flipBit(key: string, offset: number): void {
    const value = this.#values.get(key)!;
    value[offset] = value[offset]! ^ 1;
  }

  #take({ changes, state }: Line): void {
    for (const [key, value] of changes) {
      if (value === null) this.#values.delete(key);
      else this.#values.set(key, Buffer.from(value, 'base64'));
    }
    this.#keys = null;
    this.#state = Buffer.from(state, 'base64');
  }
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
