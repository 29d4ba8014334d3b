// Gathers what is left of a drive whose index or log is damaged: every whole record in every log file and segment, damaged
// stretches passed over, and every shard file that says itself what it is. What comes of it may be older than what the drive
// once held, and may hold what was deleted; whoever uses it must know how to tell (registers carry versions, and the
// shards of a blob are never written again under its id).
import { FormatError } from '../format/codec.ts';
import { type Disk, DiskError, type DiskFile } from '../io/disk.ts';
import { type CheckpointState, decodeCheckpoint } from './checkpoint.ts';
import type { Entry } from './entry.ts';
import { listIfThere } from './files.ts';
import { findFrame, scanFrames } from './frame-scan.ts';
import type { Index } from './index-port.ts';
import { decodeLogFileHeader, decodeOperations, type Frame, frameSalt, LOG_FILE_HEADER_BYTES } from './log-format.ts';
import {
  LOG_DIRECTORY,
  parseRecordFileName,
  parseShardFileName,
  SEGMENT_DIRECTORY,
  SHARD_DIRECTORY,
  shardKey,
} from './names.ts';
import type { RecordFiles } from './record-files.ts';
import { decodeShardHeader, SHARD_HEADER_BYTES_MAX, shardDataStart, shardSizeBytes } from './shard-format.ts';
import type { Tables } from './tables.ts';
import { toEntry } from './writes.ts';

export interface SalvageOptions {
  readonly disk: Disk;
  readonly records: RecordFiles;
  /** What is found goes into the active memtable. */
  readonly tables: Tables;
  readonly index: Index;
  readonly driveId: string;
  /** As far as the index is right, it has everything up to here. */
  readonly state: CheckpointState;
}

export async function salvage(options: SalvageOptions): Promise<void> {
  await salvageRecords(options);
  await salvageShardFiles(options);
}

/** The id of a drive whose identity is lost, from its log, its segments or its index; null when they do not tell either. */
export async function identifyByFiles(disk: Disk, index: Index | null): Promise<string | null> {
  for (const directory of [LOG_DIRECTORY, SEGMENT_DIRECTORY]) {
    for (const name of await listIfThere(disk, directory)) {
      if (parseRecordFileName(name) === null) continue;
      const driveId = await headerDriveId(disk, `${directory}/${name}`);
      if (driveId !== null) return driveId;
    }
  }
  try {
    const state = index?.state() ?? null;
    return state && decodeCheckpoint(state).driveId;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

async function headerDriveId(disk: Disk, path: string): Promise<string | null> {
  return withFile(disk, path, async (file) => decodeLogFileHeader(await file.read(0, LOG_FILE_HEADER_BYTES)).driveId);
}

async function salvageRecords({ records, tables, index, driveId, state }: SalvageOptions): Promise<void> {
  const newest = new Map<string, { readonly sequence: number; readonly entry: Entry | null }>();
  for (const file of records.all()) {
    const { disk, path } = records.place(file);
    await withFile(disk, path, async (open) => {
      for await (const { frame, offset } of wholeFrames(open, frameSalt(driveId, file.number))) {
        for (const operation of decodeOperations(frame.body)) {
          const { key } = operation;
          if (frame.sequence < (newest.get(key)?.sequence ?? 0)) continue;
          if (frame.sequence <= state.sequence && index.get(key) !== null) continue;
          const entry = toEntry(operation, { fileNumber: file.number, frameOffset: offset });
          newest.set(key, { sequence: frame.sequence, entry });
        }
      }
    });
  }
  for (const [key, { entry }] of newest) tables.active.set(key, entry);
}

/** Damaged ones are passed over. */
async function* wholeFrames(file: DiskFile, salt: number): AsyncGenerator<{ frame: Frame; offset: number }> {
  for (let from: number | null = LOG_FILE_HEADER_BYTES; from !== null; ) {
    let end: number = from;
    for await (const found of scanFrames(file, salt, from)) {
      end = found.offset + found.frame.lengthBytes;
      yield found;
    }
    from = await findFrame(file, salt, end + 1);
  }
}

async function salvageShardFiles({ disk, tables }: SalvageOptions): Promise<void> {
  for (const directory of await listIfThere(disk, SHARD_DIRECTORY)) {
    for (const fileName of await listIfThere(disk, `${SHARD_DIRECTORY}/${directory}`)) {
      const parsed = parseShardFileName(fileName);
      if (parsed === null || tables.get(shardKey(parsed.name)) !== null) continue;
      const path = `${SHARD_DIRECTORY}/${directory}/${fileName}`;
      const entry = await withFile(disk, path, (file) => shardEntry(file, parsed.generation));
      if (entry !== null) tables.active.set(shardKey(parsed.name), entry);
    }
  }
}

/** Whether it is what it says shows when its data is read. */
async function shardEntry(file: DiskFile, generation: string): Promise<Entry> {
  const { attributes } = decodeShardHeader(await file.read(0, SHARD_HEADER_BYTES_MAX));
  const sizeBytes = shardSizeBytes((await file.sizeBytes()) - shardDataStart(attributes.length));
  return { head: Buffer.from(attributes), inline: null, pointer: null, file: { generation, sizeBytes } };
}

/** null: it cannot be read, or is not what it should be. */
async function withFile<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T | null> {
  try {
    const file = await disk.open(path, 'read');
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FormatError || error instanceof DiskError) return null;
    throw error;
  }
}
