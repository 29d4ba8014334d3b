// The index of a drive at rest, for those who look at drives without a node: nothing is written, and what cannot be read is
// skipped and remembered.
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DiskError } from '../io/disk.ts';
import { INDEX_FILE, STATE_KEY, spaceOf } from './index-head.ts';
import type { Index, IndexEntry, IndexSpace } from './index-port.ts';
import { IndexPages, IndexTree } from './index-tree.ts';

export interface IndexFile extends Index {
  /** What could not be read of the file so far, by page. */
  readonly damage: readonly string[];
}

/** directory: where diskIndex keeps it. Throws DiskError: 'not-found' without a file, 'io' when it is no index. */
export function openIndexFile(directory: string): IndexFile {
  const path = join(directory, INDEX_FILE);
  const descriptor = openAtRest(path);
  try {
    return new FileAtRest(new IndexPages(path, descriptor), descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openAtRest(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new DiskError(isAbsent ? 'not-found' : 'io', `cannot open ${path}: ${error}`, { cause: error });
  }
}

class FileAtRest implements IndexFile {
  readonly damage: string[];
  readonly #path: string;
  readonly #descriptor: number;
  readonly #tree: IndexTree;

  constructor(pages: IndexPages, descriptor: number) {
    const { newest, damage } = pages.heads();
    if (newest === null) throw new DiskError('io', `${pages.path} is not an index: its heads are damaged`);
    this.#path = pages.path;
    this.#descriptor = descriptor;
    this.damage = damage.map((what) => `index ${pages.path}: ${what}`);
    this.#tree = new IndexTree(pages, newest, ({ message }) => {
      if (!this.damage.includes(message)) this.damage.push(message);
    });
  }

  get(key: string): Buffer | null {
    return this.#tree.get(key);
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    return this.#tree.range(from, to, limit);
  }

  state(): Buffer | null {
    return this.get(STATE_KEY);
  }

  async apply(): Promise<void> {
    throw new DiskError('read-only', `${this.#path} is open for reading only`);
  }

  space(): IndexSpace {
    return spaceOf(this.#tree.head);
  }

  async close(): Promise<void> {
    closeSync(this.#descriptor);
  }
}
