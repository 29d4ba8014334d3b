// Silent corruption: bytes flipped in the files of a drive, under the running node, as a failing disk does it.
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SEGMENT_DIRECTORY, SHARD_DIRECTORY } from '../../node/storage/names.ts';
import { directoryLayout, type LocalCluster } from './data-directory.ts';

export interface FlippedByte {
  readonly file: string;
  readonly offset: number;
}

export interface CorruptionProps {
  /** In each file; default 1. */
  readonly flipsPerFile?: number;
  /** Which of the drive's data files (paths relative to the drive); default all of them. */
  readonly files?: (path: string) => boolean;
}

/**
 * Flips bytes at random places of the files that hold objects: shards, and segments of inline bodies. The index and the log
 * are left alone, because a database file whose pages change under its process is another accident (a crash) than this one.
 */
export function corruptDriveFiles(cluster: LocalCluster, slot: string, props: CorruptionProps = {}): FlippedByte[] {
  const drive = directoryLayout(cluster.directory).drive(slot);
  const flipped: FlippedByte[] = [];
  for (const path of [...filesUnder(drive, SHARD_DIRECTORY), ...filesUnder(drive, SEGMENT_DIRECTORY)]) {
    if (props.files !== undefined && !props.files(path)) continue;
    for (let count = props.flipsPerFile ?? 1; count > 0; count--) {
      const offset = flipByte(join(drive, path));
      if (offset !== null) flipped.push({ file: join(drive, path), offset });
    }
  }
  return flipped;
}

/** Relative to the drive, sorted. */
function filesUnder(drive: string, directory: string): string[] {
  try {
    const entries = readdirSync(join(drive, directory), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(drive.length + 1))
      .sort();
  } catch {
    return [];
  }
}

/** Where it flipped one; null when the file is empty, or is gone by now. */
function flipByte(file: string): number | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r+');
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) return null;
    const offset = Math.floor(Math.random() * size);
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, offset);
    byte[0]! ^= 0xff;
    writeSync(descriptor, byte, 0, 1, offset);
    return offset;
  } finally {
    closeSync(descriptor);
  }
}
