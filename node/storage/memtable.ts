// The newest committed entries, in memory and in order, until a checkpoint has put them into the index.
import sortedBtree from 'sorted-btree';
import type { Entry } from './entry.ts';

/** A guess of what one entry costs in memory besides its bytes. */
const ENTRY_OVERHEAD_BYTES = 350;

export class Memtable {
  /** null: the key was deleted. */
  readonly #entries = new sortedBtree.default<string, Entry | null>(undefined, compareUnits);
  #sizeBytes = 0;

  get count(): number {
    return this.#entries.size;
  }

  /** Bytes of memory, roughly. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** undefined: nothing is known here about the key. */
  get(key: string): Entry | null | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: Entry | null): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#sizeBytes -= costBytes(key, before);
    this.#sizeBytes += costBytes(key, entry);
    this.#entries.set(key, entry);
  }

  /** Ascending from ≤ key. */
  entries(from = ''): IterableIterator<[string, Entry | null]> {
    return this.#entries.entries(from);
  }
}

/** Byte order: keys hold code units below 256 only. */
export function compareUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function costBytes(key: string, entry: Entry | null): number {
  const held = (entry?.inline?.length ?? 0) + (entry?.head?.length ?? 0);
  return ENTRY_OVERHEAD_BYTES + key.length + held;
}
