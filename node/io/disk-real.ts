// The machine's disk behind the Disk port: one directory of a file system, through node:fs. Promises that a resolved sync
// or syncDirectory was an fdatasync or fsync that succeeded, that a write is whole or an error, and that no path leaves
// the directory. It never retries: after an error the caller decides what may still be trusted.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Disk, DiskError, type DiskErrorKind, type DiskFile, pathParts } from './disk.ts';

const OPEN_FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const;

/** Error codes of the operating system with a meaning of their own; every other one is taken for an IO error. */
const KIND_OF_CODE: Readonly<Record<string, DiskErrorKind>> = {
  ENOENT: 'not-found',
  EEXIST: 'exists',
  ENOTDIR: 'not-a-directory',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EROFS: 'read-only',
  EACCES: 'refused',
  EPERM: 'refused',
  EISDIR: 'refused',
  ELOOP: 'refused',
  EMFILE: 'refused',
  ENFILE: 'refused',
  ENAMETOOLONG: 'refused',
  EBADF: 'refused',
  EBUSY: 'refused',
};

/** The directory must exist. */
export async function openRealDisk(directory: string): Promise<Disk> {
  const root = await translated(`open the directory ${directory}`, () => realpath(directory));
  const found = await translated(`look at ${root}`, () => stat(root));
  if (!found.isDirectory()) throw new DiskError('not-a-directory', `${directory} is not a directory`);
  return new RealDisk(root);
}

class RealDisk implements Disk {
  readonly name: string;

  constructor(root: string) {
    this.name = root;
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const full = this.#resolve(path);
    const handle = await translated(`open ${full}`, () => open(full, OPEN_FLAGS[mode] | constants.O_NOFOLLOW, 0o600));
    return new RealFile(full, handle);
  }

  async rename(from: string, to: string): Promise<void> {
    const fullFrom = this.#resolve(from);
    const fullTo = this.#resolve(to);
    await translated(`rename ${fullFrom} to ${fullTo}`, () => rename(fullFrom, fullTo));
  }

  async remove(path: string): Promise<void> {
    const full = this.#resolve(path);
    await translated(`remove ${full}`, () => unlink(full));
  }

  async makeDirectory(path: string): Promise<void> {
    const full = this.#resolve(path);
    await translated(`make the directory ${full}`, () => mkdir(full, { recursive: true, mode: 0o700 }));
  }

  async list(path: string): Promise<string[]> {
    const full = this.#resolve(path);
    return (await translated(`list ${full}`, () => readdir(full))).sort();
  }

  async syncDirectory(path: string): Promise<void> {
    const full = this.#resolve(path);
    await translated(`sync the directory ${full}`, async () => {
      const handle = await open(full, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number }> {
    const { blocks, bavail, bsize } = await translated(`ask for the space of ${this.name}`, () => statfs(this.name));
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  }

  #resolve(path: string): string {
    return join(this.name, ...pathParts(path));
  }
}

class RealFile implements DiskFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let end = 0;
    await translated(`read ${length} bytes at ${offset} of ${this.#path}`, async () => {
      while (end < length) {
        const { bytesRead } = await this.#handle.read(buffer, end, length - end, offset + end);
        if (bytesRead === 0) return;
        end += bytesRead;
      }
    });
    return buffer.subarray(0, end);
  }

  async write(offset: number, pieces: Uint8Array[]): Promise<void> {
    let left = pieces.filter((piece) => piece.length > 0);
    let at = offset;
    await translated(`write at ${offset} of ${this.#path}`, async () => {
      while (left.length > 0) {
        const { bytesWritten } = await this.#handle.writev(left, at);
        if (bytesWritten === 0) throw new Error('the operating system wrote nothing and gave no reason');
        at += bytesWritten;
        left = afterShortWrite(left, bytesWritten);
      }
    });
  }

  async sync(): Promise<void> {
    await translated(`sync ${this.#path}`, () => this.#handle.datasync());
  }

  async truncate(sizeBytes: number): Promise<void> {
    await translated(`truncate ${this.#path} to ${sizeBytes}`, () => this.#handle.truncate(sizeBytes));
  }

  async sizeBytes(): Promise<number> {
    return (await translated(`look at ${this.#path}`, () => this.#handle.stat())).size;
  }

  async close(): Promise<void> {
    await translated(`close ${this.#path}`, () => this.#handle.close());
  }
}

/** What is still to be written when the system took only the first writtenBytes. */
export function afterShortWrite(pieces: readonly Uint8Array[], writtenBytes: number): Uint8Array[] {
  let taken = writtenBytes;
  const left: Uint8Array[] = [];
  for (const piece of pieces) {
    const skip = Math.min(taken, piece.length);
    taken -= skip;
    if (skip < piece.length) left.push(piece.subarray(skip));
  }
  return left;
}

async function translated<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = error instanceof Error ? error.message : String(error);
    throw new DiskError(KIND_OF_CODE[code] ?? 'io', `cannot ${what}: ${reason}`, { cause: error });
  }
}
