// A disk that takes every change for done and makes none, around one that is only to be read: on it the recovery of a drive
// runs just as it would on a start, and nothing of the drive changes. Reads see the real files, as they are.
import type { Disk, DiskFile } from '../io/disk.ts';

export function dryDisk(disk: Disk): Disk {
  return {
    name: disk.name,
    open: async (path) => dryFile(await disk.open(path, 'read')),
    rename: async () => undefined,
    remove: async () => undefined,
    makeDirectory: async () => undefined,
    list: (path) => disk.list(path),
    syncDirectory: async () => undefined,
    space: () => disk.space(),
  };
}

function dryFile(file: DiskFile): DiskFile {
  return {
    read: (offset, length) => file.read(offset, length),
    write: async () => undefined,
    sync: async () => undefined,
    truncate: async () => undefined,
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  };
}
