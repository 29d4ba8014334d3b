// Everything a drive knows about its keys, newest first: the memtable that takes the commits, the one that a checkpoint is
// putting into the index, and the index. All reads are synchronous, so each sees one moment.
import type { Entry } from './entry.ts';
import { decodeEntry } from './entry.ts';
import type { Index } from './index-port.ts';
import { compareUnits, Memtable } from './memtable.ts';

const INDEX_PAGE_ENTRIES = 256;

export class Tables {
  readonly #index: Index;
  readonly #driveName: string;
  #active = new Memtable();
  #frozen: Memtable | null = null;

  constructor(index: Index, driveName: string) {
    this.#index = index;
    this.#driveName = driveName;
  }

  get active(): Memtable {
    return this.#active;
  }

  get frozen(): Memtable | null {
    return this.#frozen;
  }

  /** Of what the index has not, roughly. */
  get sizeBytes(): number {
    return this.#active.sizeBytes + (this.#frozen?.sizeBytes ?? 0);
  }

  /** New commits go to a fresh memtable from now on. */
  freeze(): void {
    if (this.#frozen !== null) throw new Error('a memtable is frozen already');
    this.#frozen = this.#active;
    this.#active = new Memtable();
  }

  /** The index holds what the frozen memtable holds. */
  dropFrozen(): void {
    this.#frozen = null;
  }

  /** Throws CorruptionError. */
  get(key: string): Entry | null {
    const active = this.#active.get(key);
    if (active !== undefined) return active;
    const frozen = this.#frozen?.get(key);
    if (frozen !== undefined) return frozen;
    const stored = this.#index.get(key);
    return stored === null ? null : decodeEntry(key, stored, this.#driveName);
  }

  /** Up to limit entries with from ≤ key < to, ascending. Throws CorruptionError. */
  range(from: string, to: string, limit: number): [string, Entry][] {
    const sources = [this.#active.entries(from), this.#frozen?.entries(from), this.#indexEntries(from, to, limit)]
      .filter((source) => source !== undefined)
      .map((source) => new Peekable(source));
    const found: [string, Entry][] = [];
    while (found.length < limit) {
      let key: string | null = null;
      for (const { head } of sources) {
        if (head !== null && (key === null || compareUnits(head[0], key) < 0)) key = head[0];
      }
      if (key === null || key >= to) break;
      const holders = sources.filter(({ head }) => head?.[0] === key);
      // The sources are ordered newest first.
      const entry = holders[0]!.head![1];
      if (entry !== null) found.push([key, entry]);
      for (const holder of holders) holder.next();
    }
    return found;
  }

  *#indexEntries(from: string, to: string, limit: number): Generator<[string, Entry]> {
    const pageEntries = Math.min(limit, INDEX_PAGE_ENTRIES);
    for (let start = from; ; ) {
      const page = this.#index.range(start, to, pageEntries);
      for (const { key, value } of page) yield [key, decodeEntry(key, value, this.#driveName)];
      if (page.length < pageEntries) return;
      start = `${page.at(-1)!.key}\0`;
    }
  }
}

class Peekable<T> {
  readonly #source: Iterator<T>;
  head: T | null = null;

  constructor(source: Iterator<T>) {
    this.#source = source;
    this.next();
  }

  next(): void {
    const { done, value } = this.#source.next();
    this.head = done === true ? null : value;
  }
}
