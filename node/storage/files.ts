// Whole small files through the Disk port.
import { type Disk, DiskError } from '../io/disk.ts';

export async function readWhole(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    return await file.read(0, await file.sizeBytes());
  } finally {
    await file.close();
  }
}

/** Replaces what an earlier attempt left under this name. Content durable; the name only after syncDirectory. */
export async function writeWhole(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  await removeIfThere(disk, path);
  const file = await disk.open(path, 'create');
  try {
    await file.write(0, [content]);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (!(error instanceof DiskError && error.kind === 'not-found')) throw error;
  }
}

/** Names in a directory; none when it does not exist. */
export async function listIfThere(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.list(path);
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'not-found') return [];
    throw error;
  }
}
