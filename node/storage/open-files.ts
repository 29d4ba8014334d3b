// Files that are open for reading: at most so many, the least recently used closed first, none closed under a reader.
import { type Disk, DiskError, type DiskFile } from '../io/disk.ts';

interface OpenFile<T> {
  readonly file: DiskFile;
  readonly content: T;
  readers: number;
  isForgotten: boolean;
}

/** content: what is learned about a file when it is opened, and kept with it. */
export class OpenFiles<T> {
  readonly #countMax: number;
  /** In order of use, the least recent first. */
  readonly #open = new Map<string, Promise<OpenFile<T>>>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** null: there is no such file. learn runs when the file is not open yet; what it throws is thrown here. */
  async use<R>(
    disk: Disk,
    path: string,
    learn: (file: DiskFile) => Promise<T>,
    read: (file: DiskFile, content: T) => Promise<R>,
  ): Promise<R | null> {
    let open: OpenFile<T>;
    try {
      open = await this.#acquire(disk, path, learn);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'not-found') return null;
      throw error;
    }
    try {
      return await read(open.file, open.content);
    } finally {
      open.readers--;
      if (open.isForgotten && open.readers === 0) await open.file.close();
    }
  }

  /** Closes the file, now or when its last reader is done. Comes before the file is removed. */
  async forget(path: string): Promise<void> {
    const opening = this.#open.get(path);
    if (opening === undefined) return;
    this.#open.delete(path);
    const open = await opening.catch(() => null);
    if (open === null) return;
    open.isForgotten = true;
    if (open.readers === 0) await open.file.close();
  }

  async close(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.forget(path);
  }

  async #acquire(disk: Disk, path: string, learn: (file: DiskFile) => Promise<T>): Promise<OpenFile<T>> {
    const opening = this.#open.get(path) ?? openFile(disk, path, learn);
    this.#open.delete(path);
    this.#open.set(path, opening);
    try {
      const open = await opening;
      // It may have been forgotten, and closed, while we waited.
      if (open.isForgotten) return await this.#acquire(disk, path, learn);
      open.readers++;
      return open;
    } catch (error) {
      if (this.#open.get(path) === opening) this.#open.delete(path);
      throw error;
    } finally {
      const oldest = this.#open.size > this.#countMax ? this.#open.keys().next().value : undefined;
      if (oldest !== undefined) await this.forget(oldest);
    }
  }
}

async function openFile<T>(disk: Disk, path: string, learn: (file: DiskFile) => Promise<T>): Promise<OpenFile<T>> {
  const file = await disk.open(path, 'read');
  try {
    return { file, content: await learn(file), readers: 0, isForgotten: false };
  } catch (error) {
    await file.close();
    throw error;
  }
}
