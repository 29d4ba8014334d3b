// What of an index at rest is right: damaged entries are left out of what it gives, and told of by check.
import { FormatError } from '../format/codec.ts';
import { CorruptionError } from './drive-store.ts';
import { decodeEntry, printableKey } from './entry.ts';
import { checkIndex } from './index-check.ts';
import type { IndexFile } from './index-file.ts';
import type { Index, IndexEntry, IndexSpace } from './index-port.ts';
import { SHARDS_START } from './names.ts';

export class IntactIndex implements Index {
  readonly #file: IndexFile | null;
  readonly #driveName: string;

  /** file null: nothing of it is left. */
  constructor(file: IndexFile | null, driveName: string) {
    this.#file = file;
    this.#driveName = driveName;
  }

  get(key: string): Buffer | null {
    const value = this.#file?.get(key) ?? null;
    return value !== null && this.#isIntact(key, value) ? value : null;
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    const found: IndexEntry[] = [];
    if (this.#file === null) return found;
    for (let start = from; ; ) {
      const wanted = limit - found.length;
      const page = this.#file.range(start, to, wanted);
      for (const entry of page) if (this.#isIntact(entry.key, entry.value)) found.push(entry);
      if (page.length < wanted || found.length === limit) return found;
      start = `${page.at(-1)!.key}\0`;
    }
  }

  state(): Buffer | null {
    return this.#file?.state() ?? null;
  }

  apply(): Promise<void> {
    return this.#file?.apply([], new Uint8Array()) ?? Promise.resolve();
  }

  space(): IndexSpace {
    return this.#file?.space() ?? { usedBytes: 0, spareBytes: 0 };
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Looks at all of it, and says what is wrong. */
  check(): string[] {
    if (this.#file === null) return [];
    try {
      const { damagedKeys, isComplete, entries } = checkIndex(this.#file, this.#driveName);
      const damage = [...this.#file.damage];
      for (const key of damagedKeys) damage.push(`index entry ${printableKey(key)}: checksum does not match`);
      if (!isComplete && damage.length === 0) {
        damage.push(`the index has ${entries} entries, which are not those of its newest checkpoint`);
      }
      return damage;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return [...this.#file.damage, `the state of the index: ${error.message}`];
    }
  }

  /** Only entries carry this kind of checksum; the other records are sealed. */
  #isIntact(key: string, value: Buffer): boolean {
    if (key < SHARDS_START) return true;
    try {
      decodeEntry(key, value, this.#driveName);
      return true;
    } catch (error) {
      if (error instanceof CorruptionError) return false;
      throw error;
    }
  }
}
