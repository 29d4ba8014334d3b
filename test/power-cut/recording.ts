// Records everything that a real engine does to its real directories: writes, syncs, renames, removals, in the order in which it
// asked for them, and what it was asked and had promised in between. The index writes by itself; of it each transaction is
// recorded as what it does: pages to places that were free, fdatasync, then its head, and another one.
//
// What is not emulated: a page that one transaction writes twice (only the last content is recorded), and a head of the index that is
// durable before a log write that was asked for while the transaction was under way.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '../../node/io/disk.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { HEAD_PAGES, INDEX_FILE } from '../../node/storage/index-head.ts';
import { INDEX_PAGE_BYTES } from '../../node/storage/index-node.ts';
import type { IndexFactory } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import type { Promised } from '../support/drive-history.ts';

/** Which directory: the drive's own, or that of its log device. */
export type Device = 'drive' | 'log';

export type RecordedEvent =
  | { readonly kind: 'make-directory' | 'remove'; readonly device: Device; readonly path: string }
  | { readonly kind: 'create' | 'open'; readonly device: Device; readonly path: string; readonly file: number }
  | { readonly kind: 'rename'; readonly device: Device; readonly from: string; readonly to: string }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly sizeBytes: number }
  /** A sync covers what was written before it was asked for, once it has ended. */
  | { readonly kind: 'sync-begins' | 'sync-ends'; readonly file: number; readonly sync: number }
  | {
      readonly kind: 'directory-sync-begins' | 'directory-sync-ends';
      readonly device: Device;
      readonly path: string;
      readonly sync: number;
    }
  | { readonly kind: 'promise'; readonly promised: Promised };

const INDEX_PATH = `${INDEX_DIRECTORY}/${INDEX_FILE}`;

export class Recording {
  readonly events: RecordedEvent[] = [];
  #nextFile = 1;
  #nextSync = 1;

  /** Takes what a directory holds already, as durable. */
  async begin(device: Device, directory: string): Promise<void> {
    const directories = new Set(['']);
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(directory.length + 1);
      if (entry.isDirectory()) continue;
      const file = this.#nextFile++;
      const parent = path.includes('/') ? dirname(path) : '';
      if (parent !== '') this.events.push({ kind: 'make-directory', device, path: parent });
      for (let above = parent; above !== ''; above = above.includes('/') ? dirname(above) : '') directories.add(above);
      this.events.push({ kind: 'create', device, path, file });
      this.events.push({ kind: 'write', file, offset: 0, data: await readFile(join(directory, path)) });
      this.#synced(file);
    }
    for (const path of directories) {
      const sync = this.#nextSync++;
      this.events.push({ kind: 'directory-sync-begins', device, path, sync });
      this.events.push({ kind: 'directory-sync-ends', device, path, sync });
    }
  }

  promised(promised: Promised): void {
    this.events.push({ kind: 'promise', promised });
  }

  disk(device: Device, disk: Disk): Disk {
    const { events } = this;
    return {
      name: disk.name,
      open: async (path, mode) => {
        const opened = await disk.open(path, mode);
        if (mode === 'read') return opened;
        const file = this.#nextFile++;
        events.push({ kind: mode === 'create' ? 'create' : 'open', device, path, file });
        return this.#file(file, opened);
      },
      rename: async (from, to) => {
        await disk.rename(from, to);
        events.push({ kind: 'rename', device, from, to });
      },
      remove: async (path) => {
        await disk.remove(path);
        events.push({ kind: 'remove', device, path });
      },
      makeDirectory: async (path) => {
        await disk.makeDirectory(path);
        events.push({ kind: 'make-directory', device, path });
      },
      list: (path) => disk.list(path),
      syncDirectory: async (path) => {
        const sync = this.#nextSync++;
        events.push({ kind: 'directory-sync-begins', device, path, sync });
        await disk.syncDirectory(path);
        events.push({ kind: 'directory-sync-ends', device, path, sync });
      },
      space: () => disk.space(),
    };
  }

  /** directory: of the drive. */
  index(directory: string): IndexFactory {
    const contentNow = () => readIfThere(join(directory, INDEX_PATH));
    return async () => {
      const before = contentNow();
      const index = await diskIndex(join(directory, INDEX_DIRECTORY))();
      const file = this.#nextFile++;
      let content = contentNow();
      this.#opened(file, before, content!);
      return {
        get: (key) => index.get(key),
        range: (from, to, limit) => index.range(from, to, limit),
        state: () => index.state(),
        space: () => index.space(),
        close: () => index.close(),
        apply: async (changes, state) => {
          // What happens elsewhere meanwhile comes after the pages, which may be written at once.
          const at = this.events.length;
          await index.apply(changes, state);
          const after = contentNow()!;
          const { pages, heads } = changedPages(file, content!, after);
          this.events.splice(at, 0, ...pages);
          this.#synced(file);
          this.events.push(...heads);
          this.#synced(file);
          content = after;
        },
      };
    };
  }

  #opened(file: number, before: Buffer | null, content: Buffer): void {
    const { events } = this;
    if (before === null) events.push({ kind: 'make-directory', device: 'drive', path: INDEX_DIRECTORY });
    events.push({ kind: before === null ? 'create' : 'open', device: 'drive', path: INDEX_PATH, file });
    if (before === null || !before.equals(content)) events.push({ kind: 'write', file, offset: 0, data: content });
  }

  #synced(file: number): void {
    const sync = this.#nextSync++;
    this.events.push({ kind: 'sync-begins', file, sync }, { kind: 'sync-ends', file, sync });
  }

  #file(file: number, real: DiskFile): DiskFile {
    const { events } = this;
    return {
      read: (offset, length) => real.read(offset, length),
      write: (offset, pieces) => {
        events.push({ kind: 'write', file, offset, data: Buffer.concat(pieces) });
        return real.write(offset, pieces);
      },
      sync: async () => {
        const sync = this.#nextSync++;
        events.push({ kind: 'sync-begins', file, sync });
        await real.sync();
        events.push({ kind: 'sync-ends', file, sync });
      },
      truncate: (sizeBytes) => {
        events.push({ kind: 'truncate', file, sizeBytes });
        return real.truncate(sizeBytes);
      },
      sizeBytes: () => real.sizeBytes(),
      close: () => real.close(),
    };
  }
}

function changedPages(file: number, before: Buffer, after: Buffer): { pages: RecordedEvent[]; heads: RecordedEvent[] } {
  const pages: RecordedEvent[] = [];
  const heads: RecordedEvent[] = [];
  for (let offset = 0; offset < after.length; offset += INDEX_PAGE_BYTES) {
    const data = after.subarray(offset, offset + INDEX_PAGE_BYTES);
    if (data.equals(before.subarray(offset, offset + INDEX_PAGE_BYTES))) continue;
    const list = offset < HEAD_PAGES * INDEX_PAGE_BYTES ? heads : pages;
    list.push({ kind: 'write', file, offset, data });
  }
  return { pages, heads };
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
