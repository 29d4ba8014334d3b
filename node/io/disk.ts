// The disk as a port: the few file operations that the storage engine is built from, with syncs spelled out, so that a
// simulation can lose what was not synced. One Disk is one drive (or one log device); all paths are relative to its root,
// with '/' between the parts; '' is the root itself. A path that would leave the root is a RangeError.
// The real adapter lives in disk-real.ts, the simulated one in test/simulation; one contract suite runs on both.

/**
 * Operations reject with DiskError. After a rejected sync nothing that was unsynced on that file may be trusted,
 * so the caller must give the drive up rather than try the sync again.
 */
export interface Disk {
  /** For messages: the directory or device behind this disk. */
  readonly name: string;
  /** 'read' needs the file; 'write' needs it too and allows writes; 'create' makes it (error when it exists). */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>;
  /** Atomic replacement; durable only after syncDirectory of the parent. */
  rename(from: string, to: string): Promise<void>;
  /** Removing what is absent is an error of kind 'not-found'. */
  remove(path: string): Promise<void>;
  /** Makes the directory and its parents; existing ones are fine. */
  makeDirectory(path: string): Promise<void>;
  /** Names in the directory, sorted. */
  list(path: string): Promise<string[]>;
  /** Makes creations, renames and removals in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  space(): Promise<DiskSpace>;
}

export interface DiskFile {
  /** Up to length bytes from offset; shorter only at the end of the file. The buffer is the caller's. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Writes all the pieces, one after the other, from offset. They must not change until the promise settles. */
  write(offset: number, pieces: Uint8Array[]): Promise<void>;
  /** Data and size durable (fdatasync). */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

export interface DiskSpace {
  totalBytes: number;
  freeBytes: number;
}

export type DiskErrorKind =
  | 'not-found'
  | 'exists'
  | 'not-a-directory'
  | 'no-space'
  | 'read-only'
  /** Refused for a reason that says nothing about the drive: permission, too many open files, a directory where a file should be. */
  | 'refused'
  /** The device or the file system failed. */
  | 'io';

export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly kind: DiskErrorKind;
  constructor(kind: DiskErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The parts of a path within a disk. RangeError for a path that could leave the root or that has two spellings. */
export function pathParts(path: string): string[] {
  if (path === '') return [];
  const parts = path.split('/');
  const isPlain = (part: string) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0');
  if (!parts.every(isPlain)) throw new RangeError(`"${path}" is not a path within a disk`);
  return parts;
}
