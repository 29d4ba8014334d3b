// Gets the data behind entries. Between the look at an entry and the read of its data the file may be compacted away or the
// shard replaced; then the entry is looked at again.
import { DiskError } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import { type Entry, printableKey } from './entry.ts';
import { parseShardKey } from './names.ts';
import { groupByPlace } from './pointer-groups.ts';
import type { RecordFiles } from './record-files.ts';
import type { ShardFiles } from './shard-files.ts';
import type { Tables } from './tables.ts';

const LOOKS_MAX = 100;

export class Values {
  readonly #tables: Tables;
  readonly #records: RecordFiles;
  readonly #shards: ShardFiles;
  readonly #driveName: string;

  constructor(tables: Tables, records: RecordFiles, shards: ShardFiles, driveName: string) {
    this.#tables = tables;
    this.#records = records;
    this.#shards = shards;
    this.#driveName = driveName;
  }

  /** The data of a key, or that part of it. null: no such key. Rejects with CorruptionError and DiskError. */
  async get(key: string, offset = 0, lengthBytes = Number.MAX_SAFE_INTEGER): Promise<Uint8Array | null> {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const entry = this.#tables.get(key);
      if (entry === null) return null;
      const data = await this.#read(key, entry, offset, lengthBytes);
      if (data !== null) return data;
      if (isSamePlace(entry, this.#tables.get(key))) {
        throw new CorruptionError(`${this.#driveName}: the file with the data of ${printableKey(key)} is missing`);
      }
    }
    throw new DiskError('io', `${this.#driveName}: ${printableKey(key)} is replaced faster than it can be read`);
  }

  /** As of one moment, but for keys that are changed meanwhile. */
  async range(from: string, to: string, limit: number): Promise<{ key: string; value: Uint8Array }[]> {
    const entries = this.#tables.range(from, to, limit);
    const found = new Map<string, Uint8Array | null>();
    const located = entries.flatMap(([key, { pointer }]) => (pointer === null ? [] : [{ key, pointer }]));
    const readGroup = async (group: typeof located) => {
      const data = await this.#records.readMany(group);
      for (const [i, { key }] of group.entries()) {
        const piece = data[i];
        if (piece instanceof CorruptionError) throw piece;
        found.set(key, piece ?? (await this.get(key)));
      }
    };
    await Promise.all(groupByPlace(located).map(readGroup));
    return entries.flatMap(([key, { inline }]) => {
      const value = inline ?? found.get(key);
      return value === null || value === undefined ? [] : [{ key, value }];
    });
  }

  async #read(key: string, entry: Entry, offset: number, lengthBytes: number): Promise<Uint8Array | null> {
    const end = offset + lengthBytes;
    if (entry.inline !== null) return entry.inline.subarray(offset, end);
    if (entry.pointer !== null) return (await this.#records.read(key, entry.pointer))?.subarray(offset, end) ?? null;
    return this.#shards.read(parseShardKey(key), entry, offset, lengthBytes);
  }
}

export function isSamePlace(a: Entry, b: Entry | null): boolean {
  return (
    b !== null &&
    a.file?.generation === b.file?.generation &&
    a.pointer?.file === b.pointer?.file &&
    a.pointer?.offset === b.pointer?.offset
  );
}
