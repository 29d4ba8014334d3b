// The index in LMDB. Every transaction is synced before it is committed (no overlapping sync, which would make a commit
// visible first and durable later), runs on LMDB's own thread, and carries the state record with it. Keys and values are
// plain bytes. LMDB's pages have no checksums: the values bring their own.
import { mkdir } from 'node:fs/promises';
import { open, type RootDatabase } from 'lmdb';
import { DiskError } from '../io/disk.ts';
import type { Index, IndexChange, IndexEntry, IndexFactory } from './index-port.ts';

/** Below every key of an entry. */
const STATE_KEY = Buffer.from([0]);
const END_KEY = Buffer.from([0xff]);
const ENOSPC = 28;

/** directory: where the index of this drive lies; made when it is not there. */
export function lmdbIndex(directory: string): IndexFactory {
  return async () => {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const database = open<Buffer, Buffer>({
        path: directory,
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'binary',
        overlappingSync: false,
        maxReaders: 16,
      });
      return new LmdbIndex(database, directory);
    } catch (error) {
      throw asDiskError(error, directory);
    }
  };
}

class LmdbIndex implements Index {
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #directory: string;

  constructor(database: RootDatabase<Buffer, Buffer>, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }

  get(key: string): Buffer | null {
    return this.#read(() => asBuffer(this.#database.getBinary(Buffer.from(key, 'latin1'))));
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    return this.#read(() => {
      const start = Buffer.from(from, 'latin1');
      const end = to === '' ? END_KEY : Buffer.from(to, 'latin1');
      const entries: IndexEntry[] = [];
      for (const { key, value } of this.#database.getRange({ start, end, limit })) {
        entries.push({ key: key.toString('latin1'), value: asBuffer(value)! });
      }
      return entries;
    });
  }

  state(): Buffer | null {
    return this.#read(() => asBuffer(this.#database.getBinary(STATE_KEY)));
  }

  async apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void> {
    try {
      await this.#database.batch(() => {
        for (const { key, value } of changes) {
          const rawKey = Buffer.from(key, 'latin1');
          if (value === null) void this.#database.remove(rawKey);
          else void this.#database.put(rawKey, asBuffer(value)!);
        }
        void this.#database.put(STATE_KEY, asBuffer(state)!);
      });
    } catch (error) {
      throw asDiskError(error, this.#directory);
    }
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #read<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw asDiskError(error, this.#directory);
    }
  }
}

function asBuffer(value: Uint8Array | undefined): Buffer | null {
  if (value === undefined) return null;
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function asDiskError(error: unknown, directory: string): DiskError {
  const reason = error instanceof Error ? error.message : String(error);
  const isFull = error instanceof Error && 'code' in error && error.code === ENOSPC;
  return new DiskError(isFull ? 'no-space' : 'io', `index ${directory}: ${reason}`, { cause: error });
}
