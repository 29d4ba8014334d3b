// A drive at rest, opened for reading only, in whatever state it is: what fsck checks and export reads when no node can serve
// it any more. Runs the same recovery as a start does, changing nothing, and where that refuses, salvages what can be proven
// byte by byte. Never returns a byte whose checksum fails; says everything that was not right.
import { FormatError } from '../format/codec.ts';
import { type Disk, DiskError } from '../io/disk.ts';
import { type CheckpointState, decodeCheckpoint, emptyCheckpoint } from './checkpoint.ts';
import type { LockDrive } from './drive-lock.ts';
import type { DriveIdentity, ShardInfo, ShardName } from './drive-store.ts';
import { CorruptionError } from './drive-store.ts';
import { dryDisk } from './dry-disk.ts';
import { type Entry, entrySizeBytes } from './entry.ts';
import { listIfThere } from './files.ts';
import { checkLogDevice, DriveRefusal, readIdentity, type StoredIdentity } from './identity.ts';
import type { IndexFile } from './index-file.ts';
import { IntactIndex } from './intact-index.ts';
import { decodeOperations } from './log-format.ts';
import { type LogPosition, recoverLog } from './log-recovery.ts';
import {
  parseShardFileName,
  parseShardKey,
  parseValueKey,
  SHARD_DIRECTORY,
  shardKey,
  VALUES_END,
  valueKey,
} from './names.ts';
import { groupByPlace } from './pointer-groups.ts';
import { RecordFiles } from './record-files.ts';
import { identifyByFiles, salvage } from './salvage.ts';
import { ShardReaders } from './shard-readers.ts';
import { Tables } from './tables.ts';
import { toEntry } from './writes.ts';

const PAGE_ENTRIES = 512;

export interface BareDriveOptions {
  readonly disk: Disk;
  /** The log device of this drive, when it was given. */
  readonly logOf: (driveId: string) => Disk | null;
  /** As openIndexFile. */
  readonly index: () => IndexFile;
  readonly lock: LockDrive;
}

/** Something that is not as it should be. */
export interface Finding {
  readonly kind: 'missing' | 'corrupt' | 'unreadable';
  readonly message: string;
}

export interface BareDrive {
  /** The directory. */
  readonly name: string;
  /** What is not known of it because the identity is damaged is empty. */
  readonly identity: DriveIdentity;
  /** Found on opening. */
  readonly findings: readonly Finding[];
  /** Records of the log that the index did not have. */
  readonly logRecords: number;
  /** Cut short at the end of the log, by a write that the end of the process interrupted. */
  readonly tornBytes: number;
  /** Recovery as on a start was not possible: what is here was gathered from all files. */
  readonly isSalvaged: boolean;
  /** Everything, in order of the index's own keys. */
  entries(from: string, to: string): Generator<[string, Entry]>;
  /** Keys as the callers of the engine have them. */
  values(from: string, to: string): AsyncGenerator<BareValue>;
  /** Whether there is any with from ≤ key < to. */
  hasValue(from: string, to: string): boolean;
  statShard(name: ShardName): ShardInfo | null;
  /** null: no such shard. Rejects with CorruptionError and DiskError. */
  readShard(name: ShardName, offset: number, lengthBytes: number): Promise<Uint8Array | null>;
  /** The data of an entry, or that part of it. Rejects with CorruptionError and DiskError. */
  readEntry(key: string, entry: Entry, offset?: number, lengthBytes?: number): Promise<Uint8Array>;
  /** The whole data of each, or what is wrong with it; those that lie together are read together. Not for shards in files. */
  readEntries(entries: readonly (readonly [string, Entry])[]): Promise<(Uint8Array | CorruptionError)[]>;
  /** Shard files without a name in the index, as a crash leaves them; the next start would remove them. */
  strayFiles(): Promise<string[]>;
  close(): Promise<void>;
}

/** The index names a file that is not there. */
export class MissingDataError extends CorruptionError {}

export interface BareValue {
  readonly key: string;
  readonly value: Uint8Array | CorruptionError;
}

/** Rejects with DriveRefusal when the directory is no drive, belongs to another version, or is in use; and with DiskError. */
export async function openBareDrive(options: BareDriveOptions): Promise<BareDrive> {
  const unlock = await options.lock();
  let index: IndexFile | null = null;
  try {
    const findings: Finding[] = [];
    index = openIndex(options, findings);
    const identity = await identify(options, index, findings);
    const log = await logDisk(options, identity, findings);
    return await Opened.open({ disk: options.disk, log, identity, index, findings, unlock });
  } catch (error) {
    await index?.close();
    unlock();
    throw error;
  }
}

interface OpenedParts {
  readonly disk: Disk;
  /** The same as disk without a log device. */
  readonly log: Disk;
  readonly identity: DriveIdentity;
  readonly index: IndexFile | null;
  readonly findings: Finding[];
  readonly unlock: () => void;
}

class Opened implements BareDrive {
  readonly name: string;
  readonly identity: DriveIdentity;
  readonly findings: Finding[];
  logRecords = 0;
  tornBytes = 0;
  isSalvaged = false;
  readonly #disk: Disk;
  readonly #logDisk: Disk;
  readonly #index: IntactIndex;
  readonly #unlock: () => void;
  readonly #records: RecordFiles;
  readonly #shards: ShardReaders;
  readonly #tables: Tables;

  private constructor({ disk, log, identity, index, findings, unlock }: OpenedParts) {
    this.name = disk.name;
    const { clusterId, driveId, slot } = identity;
    this.identity = { clusterId, driveId, slot };
    this.findings = findings;
    this.#disk = dryDisk(disk);
    this.#logDisk = log === disk ? this.#disk : dryDisk(log);
    this.#index = new IntactIndex(index, disk.name);
    this.#unlock = unlock;
    this.#records = new RecordFiles(this.#disk, this.#logDisk);
    this.#shards = new ShardReaders(this.#disk);
    this.#tables = new Tables(this.#index, disk.name);
  }

  static async open(parts: OpenedParts): Promise<Opened> {
    const drive = new Opened(parts);
    await drive.#load();
    return drive;
  }

  *entries(from: string, to: string): Generator<[string, Entry]> {
    for (let start = from; ; ) {
      const page = this.#tables.range(start, to, PAGE_ENTRIES);
      yield* page;
      if (page.length < PAGE_ENTRIES) return;
      start = `${page.at(-1)![0]}\0`;
    }
  }

  async *values(from: string, to: string): AsyncGenerator<BareValue> {
    const end = to === '' ? VALUES_END : valueKey(to);
    for (let start = valueKey(from); ; ) {
      const page = this.#tables.range(start, end, PAGE_ENTRIES);
      const data = await this.readEntries(page);
      for (const [i, [key]] of page.entries()) yield { key: parseValueKey(key), value: data[i]! };
      if (page.length < PAGE_ENTRIES) return;
      start = `${page.at(-1)![0]}\0`;
    }
  }

  hasValue(from: string, to: string): boolean {
    return this.#tables.range(valueKey(from), valueKey(to), 1).length > 0;
  }

  async readEntries(entries: readonly (readonly [string, Entry])[]): Promise<(Uint8Array | CorruptionError)[]> {
    const located = entries.flatMap(([key, { pointer }]) => (pointer === null ? [] : [{ key, pointer }]));
    const found = new Map<string, Uint8Array>();
    for (const group of groupByPlace(located)) {
      // Where a whole group cannot be read, each piece is tried alone below.
      const pieces = await this.#records.readMany(group).catch(asCorruption);
      if (pieces instanceof CorruptionError) continue;
      for (const [i, { key }] of group.entries()) {
        const piece = pieces[i];
        if (piece instanceof Uint8Array) found.set(key, piece);
      }
    }
    return Promise.all(entries.map(([key, entry]) => found.get(key) ?? this.readEntry(key, entry).catch(asCorruption)));
  }

  async strayFiles(): Promise<string[]> {
    const strays: string[] = [];
    for (const directory of await listIfThere(this.#disk, SHARD_DIRECTORY)) {
      for (const fileName of await listIfThere(this.#disk, `${SHARD_DIRECTORY}/${directory}`)) {
        const parsed = parseShardFileName(fileName);
        const isNamed =
          parsed !== null && this.#tables.get(shardKey(parsed.name))?.file?.generation === parsed.generation;
        if (!isNamed) strays.push(`${SHARD_DIRECTORY}/${directory}/${fileName}`);
      }
    }
    return strays;
  }

  statShard(name: ShardName): ShardInfo | null {
    const entry = this.#tables.get(shardKey(name));
    return entry && { ...name, attributes: entry.head ?? Buffer.alloc(0), sizeBytes: entrySizeBytes(entry) };
  }

  async readShard(name: ShardName, offset: number, lengthBytes: number): Promise<Uint8Array | null> {
    const entry = this.#tables.get(shardKey(name));
    return entry && this.readEntry(shardKey(name), entry, offset, lengthBytes);
  }

  async readEntry(
    key: string,
    { head, inline, pointer, file }: Entry,
    offset = 0,
    lengthBytes = Number.MAX_SAFE_INTEGER,
  ): Promise<Uint8Array> {
    const end = offset + lengthBytes;
    if (inline !== null) return inline.subarray(offset, end);
    const data =
      pointer !== null
        ? (await this.#records.read(key, pointer))?.subarray(offset, end)
        : await this.#shards.read(parseShardKey(key), { head, inline, pointer, file }, offset, lengthBytes);
    if (data == null) throw new MissingDataError(`${this.name}: the file with the data is missing`);
    return data;
  }

  async close(): Promise<void> {
    await this.#records.close();
    await this.#shards.close();
    await this.#index.close();
    this.#unlock();
  }

  async #load(): Promise<void> {
    await this.#records.load();
    const state = this.#checkpoint();
    for (const message of this.#index.check()) this.findings.push({ kind: 'corrupt', message });
    await this.#recoverLog(state);
    if (this.findings.length === 0) return;
    this.isSalvaged = true;
    const { driveId } = this.identity;
    await salvage({
      disk: this.#disk,
      records: this.#records,
      tables: this.#tables,
      index: this.#index,
      driveId,
      state,
    });
  }

  #checkpoint(): CheckpointState {
    const { driveId } = this.identity;
    try {
      const stored = this.#index.state();
      const state = stored === null ? emptyCheckpoint(driveId) : decodeCheckpoint(stored);
      if (state.driveId === driveId) return state;
      this.findings.push({ kind: 'corrupt', message: `the index is that of drive ${state.driveId}` });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.findings.push({ kind: 'corrupt', message: `the state of the index: ${error.message}` });
    }
    return emptyCheckpoint(driveId);
  }

  async #recoverLog(position: LogPosition): Promise<void> {
    try {
      const { driveId } = this.identity;
      const recovered = await recoverLog(
        this.#logDisk,
        this.#records,
        driveId,
        position,
        (frame, fileNumber, frameOffset) => {
          for (const operation of decodeOperations(frame.body)) {
            this.#tables.active.set(operation.key, toEntry(operation, { fileNumber, frameOffset }));
          }
        },
      );
      this.logRecords = recovered.frames;
      this.tornBytes = recovered.tornBytes;
    } catch (error) {
      const isDamage = error instanceof DriveRefusal || error instanceof DiskError || error instanceof FormatError;
      if (!isDamage) throw error;
      this.findings.push({ kind: error instanceof DiskError ? 'unreadable' : 'corrupt', message: error.message });
    }
  }
}

/** null: there is none that can be read. */
function openIndex({ index }: BareDriveOptions, findings: Finding[]): IndexFile | null {
  try {
    return index();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    // A drive that was formatted and never used has none; that its log then starts at the beginning shows in the recovery.
    if (error.kind !== 'not-found') findings.push({ kind: 'corrupt', message: error.message });
    return null;
  }
}

async function identify(
  { disk }: BareDriveOptions,
  index: IndexFile | null,
  findings: Finding[],
): Promise<StoredIdentity> {
  try {
    const identity = await readIdentity(disk);
    if (identity !== null) return identity;
  } catch (error) {
    const isDamage = error instanceof DriveRefusal && DAMAGED_IDENTITY.includes(error.code);
    const driveId = isDamage ? await identifyByFiles(disk, index) : null;
    if (!isDamage || driveId === null) throw error;
    findings.push({ kind: 'corrupt', message: error.message });
    return { clusterId: '', driveId, slot: '', logId: null };
  }
  throw new DriveRefusal('not-found', `${disk.name} is not a drive: nothing was ever written to it`);
}

/** Without an identity the files look like somebody else's. */
const DAMAGED_IDENTITY: readonly string[] = ['identity-corrupt', 'foreign-files', 'unreadable'];

async function logDisk(
  { disk, logOf }: BareDriveOptions,
  identity: StoredIdentity,
  findings: Finding[],
): Promise<Disk> {
  const log = logOf(identity.driveId);
  // Without a cluster the identity was lost, and nobody knows whether there was a log device.
  if (identity.clusterId === '') return log ?? disk;
  if (identity.logId === null) return disk;
  if (log === null) {
    const message = 'its log device was not given: what was written last is on that one only';
    findings.push({ kind: 'missing', message });
    return disk;
  }
  try {
    await checkLogDevice(disk, identity, log);
    return log;
  } catch (error) {
    if (!(error instanceof DriveRefusal)) throw error;
    findings.push({ kind: 'corrupt', message: error.message });
    return disk;
  }
}

function asCorruption(error: unknown): CorruptionError {
  if (error instanceof CorruptionError) return error;
  if (error instanceof DiskError) return new CorruptionError(error.message, { cause: error });
  throw error;
}
