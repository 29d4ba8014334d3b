// Silent corruption: bytes flipped in the files of a drive, as a failing disk does it. What holds objects (shards, manifests) may
// rot under the running node; the files that a node recovers from (log, index) only while it is down, because a database whose
// pages change under its process is another accident than a disk that rots.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../../node/format/codec.ts';
import { INDEX_FILE } from '../../node/storage/index-head.ts';
import {
  decodeOperations,
  FRAME_HEADER_BYTES,
  frameLength,
  LOG_FILE_HEADER_BYTES,
  type PlacedOperation,
} from '../../node/storage/log-format.ts';
import {
  INDEX_DIRECTORY,
  isShardKey,
  LOG_DIRECTORY,
  SEGMENT_DIRECTORY,
  SHARD_DIRECTORY,
} from '../../node/storage/names.ts';
import { shardDataStart } from '../../node/storage/shard-format.ts';
import { nodeOf } from './addressing.ts';
import { directoryLayout, type LocalCluster } from './data-directory.ts';

/**
 * shards: of bodies, in files of their own or, when small, in records. manifests: records of objects, buckets and uploads, with
 * the bodies that lie in them. log, index: anything in these files.
 */
export const CORRUPTION_TARGETS = ['shards', 'manifests', 'log', 'index'] as const;
export type CorruptionTarget = (typeof CORRUPTION_TARGETS)[number];

export interface FlippedByte {
  readonly file: string;
  readonly offset: number;
}

export interface CorruptionProps {
  /** Default shards. */
  readonly what?: CorruptionTarget;
  /** In each shard and record, or in each file of the log or index; default 1. */
  readonly flips?: number;
  /** In which of the drive's files (paths relative to the drive, or to its log device); default all of them. */
  readonly files?: (path: string) => boolean;
}

/** Bytes of a file: from start up to end. */
interface Extent {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** Whether the node must be down for it. */
export function needsNodeDown(what: CorruptionTarget): boolean {
  return what === 'log' || what === 'index';
}

/** Flips bytes at random places of everything of this kind on the drive, and says where. */
export function corruptDriveFiles(cluster: LocalCluster, slot: string, props: CorruptionProps = {}): FlippedByte[] {
  const { what = 'shards', flips = 1, files = () => true } = props;
  const bytes = extents(cluster, slot, what, files).flatMap(({ file, start, end }) =>
    distinctOffsets(start, end, flips).map((offset) => ({ file, offset })),
  );
  return bytes.filter(flipByte);
}

function extents(
  cluster: LocalCluster,
  slot: string,
  what: CorruptionTarget,
  wanted: (path: string) => boolean,
): Extent[] {
  const layout = directoryLayout(cluster.directory);
  const drive = layout.drive(slot);
  const node = cluster.state.spec.nodes.find(({ name }) => name === nodeOf(slot))!;
  const logDevice = node.wal === null ? drive : join(layout.wal(node.name), slot.slice(slot.indexOf('/') + 1));
  const under = (root: string, directory: string) =>
    filesUnder(root, directory)
      .filter(wanted)
      .map((path) => join(root, path));
  const records = (isMeant: (key: string) => boolean) =>
    [...under(logDevice, LOG_DIRECTORY), ...under(drive, SEGMENT_DIRECTORY)].flatMap((file) =>
      recordsIn(file, isMeant),
    );
  switch (what) {
    case 'shards':
      return [...under(drive, SHARD_DIRECTORY).flatMap(shardDataIn), ...records(isShardKey)];
    case 'manifests':
      return records((key) => !isShardKey(key));
    case 'log':
      return under(logDevice, LOG_DIRECTORY).flatMap(framesIn);
    case 'index':
      return under(drive, INDEX_DIRECTORY)
        .filter((file) => file.endsWith(`/${INDEX_FILE}`))
        .flatMap((file) => wholeFile(file, 0));
  }
}

/** Relative to the root, sorted. */
function filesUnder(root: string, directory: string): string[] {
  try {
    const entries = readdirSync(join(root, directory), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .sort();
  } catch {
    return [];
  }
}

/** Between header and data there are zeros that mean nothing; a flip there would prove nothing. */
function shardDataIn(file: string): Extent[] {
  return wholeFile(file, shardDataStart(0));
}

function wholeFile(file: string, start: number): Extent[] {
  const end = withFile(file, 'r', (descriptor) => fstatSync(descriptor).size) ?? 0;
  return end > start ? [{ file, start, end }] : [];
}

/** The data of every operation with such a key in a log file or segment. */
function recordsIn(file: string, isMeant: (key: string) => boolean): Extent[] {
  return framesOf(file).flatMap(({ offset, body }) =>
    operationsIn(body).flatMap(({ key, data, dataOffset }) => {
      if (data === null || data.length === 0 || !isMeant(key)) return [];
      return [{ file, start: offset + dataOffset, end: offset + dataOffset + data.length }];
    }),
  );
}

/** All frames together: behind the last one the file may hold bytes that mean nothing. */
function framesIn(file: string): Extent[] {
  const last = framesOf(file).at(-1);
  if (last === undefined) return [];
  return [{ file, start: LOG_FILE_HEADER_BYTES, end: last.offset + FRAME_HEADER_BYTES + last.body.length }];
}

/** One after the other, also past those that rotted before, as long as their lengths are right. */
function framesOf(file: string): { readonly offset: number; readonly body: Buffer }[] {
  const frames: { readonly offset: number; readonly body: Buffer }[] = [];
  const input = readIfThere(file);
  for (let offset = LOG_FILE_HEADER_BYTES; ; ) {
    const lengthBytes = frameLength(input, offset);
    if (lengthBytes === null || lengthBytes > input.length - offset) return frames;
    frames.push({ offset, body: input.subarray(offset + FRAME_HEADER_BYTES, offset + lengthBytes) });
    offset += lengthBytes;
  }
}

/** None for a body that rotted so that it cannot be read. */
function operationsIn(body: Buffer): PlacedOperation[] {
  try {
    return decodeOperations(body);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

/** Empty for a file that the running node has removed. */
function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** As many as there are, when there are not enough. */
function distinctOffsets(start: number, end: number, count: number): number[] {
  const offsets = new Set<number>();
  const wanted = Math.min(count, end - start);
  // A byte that is flipped twice is whole again.
  while (offsets.size < wanted) offsets.add(start + Math.floor(Math.random() * (end - start)));
  return [...offsets];
}

/** false when the file is gone by now, or has become shorter. */
function flipByte({ file, offset }: FlippedByte): boolean {
  const flipped = withFile(file, 'r+', (descriptor) => {
    const byte = Buffer.alloc(1);
    if (readSync(descriptor, byte, 0, 1, offset) === 0) return false;
    byte[0]! ^= 0xff;
    writeSync(descriptor, byte, 0, 1, offset);
    return true;
  });
  return flipped ?? false;
}

/** null when the file is gone. */
function withFile<T>(file: string, flags: 'r' | 'r+', use: (descriptor: number) => T): T | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
