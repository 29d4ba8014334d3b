// One drive: the log, the memtables, the index and the shard files, put together behind the DriveStore contract. Every
// change goes through the log; it becomes visible, here and nowhere else, when the log says that it is durable.
import type { Clock, Timer } from '../io/clock.ts';
import { type Disk, DiskError } from '../io/disk.ts';
import type { Random } from '../io/random.ts';
import { Checkpointer, type CheckpointState } from './checkpoint.ts';
import { type Batch, CommitLog, type FramePlace } from './commit-log.ts';
import type {
  DriveIdentity,
  DriveStatus,
  DriveStore,
  ShardInfo,
  ShardName,
  ShardWriter,
  StoreEntry,
  StoreKey,
  StoreOperation,
} from './drive-store.ts';
import { CorruptionError } from './drive-store.ts';
import { type Entry, entrySizeBytes } from './entry.ts';
import { DriveHealth } from './health.ts';
import type { Index } from './index-port.ts';
import type { LogOperation, ShardMeta } from './log-format.ts';
import type { RecoveredLog } from './log-recovery.ts';
import {
  assertKey,
  assertShardName,
  isShardKey,
  parseShardKey,
  parseValueKey,
  SHARDS_END,
  SHARDS_START,
  shardKey,
  VALUES_END,
  valueKey,
} from './names.ts';
import { ShardFiles, type ShardFileWriter } from './shard-files.ts';
import { ATTRIBUTE_BYTES_MAX } from './shard-format.ts';
import { SpaceGuard } from './space.ts';
import { Tables } from './tables.ts';

/** Shards up to this length go through the log, together with whatever else is being committed. */
const SMALL_SHARD_BYTES_MAX = 64 * 2 ** 10;
/** One commit may hold so much; it becomes one write. */
const COMMIT_BYTES_MAX = 32 * 2 ** 20;
/** What an operation costs in the log besides key and data, at most. */
const OPERATION_OVERHEAD_BYTES = 64;
const LOOK_UPS_MAX = 100;

export interface EngineTuning {
  /** A checkpoint starts when the memtable holds so much … */
  readonly memtableBytes: number;
  /** … or the log since the last one, which is also what a restart has to read … */
  readonly checkpointLogBytes: number;
  /** … or after this time. */
  readonly checkpointIntervalMs: number;
}

export const DEFAULT_TUNING: EngineTuning = {
  memtableBytes: 16 * 2 ** 20,
  checkpointLogBytes: 64 * 2 ** 20,
  checkpointIntervalMs: 10_000,
};

export interface EngineParts {
  readonly identity: DriveIdentity;
  readonly disk: Disk;
  /** Where the log lies; the same as disk unless the drive has a log device. */
  readonly logDisk: Disk;
  readonly index: Index;
  readonly clock: Clock;
  readonly random: Random;
  readonly tuning: EngineTuning;
  /** From the newest checkpoint. */
  readonly counts: ShardCounts;
}

export interface ShardCounts {
  readonly shardCount: number;
  readonly shardBytes: number;
}

export class DriveEngine implements DriveStore {
  readonly identity: DriveIdentity;
  readonly #parts: EngineParts;
  readonly #health: DriveHealth;
  readonly #space: SpaceGuard;
  readonly #tables: Tables;
  readonly #files: ShardFiles;
  #log: CommitLog | null = null;
  #checkpointer: Checkpointer | null = null;
  #timer: Timer | null = null;
  #shardCount: number;
  #shardBytes: number;
  #sweeping: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(parts: EngineParts) {
    const { disk, clock, random, index } = parts;
    this.identity = parts.identity;
    this.#parts = parts;
    this.#health = new DriveHealth(disk.name);
    this.#space = new SpaceGuard(disk, clock);
    this.#tables = new Tables(index, disk.name);
    this.#files = new ShardFiles({ disk, random, health: this.#health, space: this.#space });
    this.#shardCount = parts.counts.shardCount;
    this.#shardBytes = parts.counts.shardBytes;
  }

  /** During recovery: what the log has and the index has not. */
  replay(operations: readonly LogOperation[]): void {
    for (const operation of operations) this.#applyOperation(operation);
  }

  /** After recovery: takes commits from now on. */
  async start(recovered: RecoveredLog): Promise<void> {
    const { identity, index, logDisk } = this.#parts;
    const fileNumbers = [...recovered.fileNumbers];
    this.#log = await CommitLog.open({
      disk: logDisk,
      driveId: identity.driveId,
      health: this.#health,
      tail: recovered.tail,
      nextSequence: recovered.nextSequence,
      nextFileNumber: (fileNumbers.at(-1) ?? 0) + 1,
      beforeFrame: () => this.#beforeFrame(),
    });
    if (recovered.tail === null) fileNumbers.push(this.#log.fileNumber);
    this.#checkpointer = new Checkpointer({
      log: this.#log,
      index,
      tables: this.#tables,
      health: this.#health,
      fileNumbers,
      describe: () => this.#describe(),
    });
    await this.#space.refresh();
    if (this.#tables.active.count > 0) this.#scheduleCheckpoint();
    this.#sweeping = this.#sweep();
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    const logged = operations.map((operation): LogOperation => {
      assertKey(operation.key);
      return { key: valueKey(operation.key), shard: null, data: operation.kind === 'put' ? operation.value : null };
    });
    if (logged.length > 0) await this.#submit(logged);
  }

  async get(key: StoreKey): Promise<Uint8Array | null> {
    assertKey(key);
    const entry = this.#tables.get(valueKey(key));
    return entry === null ? null : entry.inline;
  }

  async range(from: StoreKey, to: StoreKey, limit: number): Promise<StoreEntry[]> {
    assertKey(from);
    assertKey(to);
    const end = to === '' ? VALUES_END : valueKey(to);
    return this.#tables
      .range(valueKey(from), end, limit)
      .map(([key, entry]) => ({ key: parseValueKey(key), value: entry.inline! }));
  }

  async beginShard(name: ShardName, attributes: Uint8Array): Promise<ShardWriter> {
    assertShardName(name);
    assertAttributes(attributes);
    this.#health.assertWritable();
    return new DriveShardWriter(this, this.#files, name, Buffer.from(attributes));
  }

  async putShard(name: ShardName, attributes: Uint8Array, data: Uint8Array): Promise<void> {
    const writer = await this.beginShard(name, attributes);
    try {
      await writer.append(data);
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async statShard(name: ShardName): Promise<ShardInfo | null> {
    assertShardName(name);
    const entry = this.#tables.get(shardKey(name));
    return entry === null ? null : shardInfo(name, entry);
  }

  async readShard(name: ShardName, offset: number, length: number): Promise<Uint8Array | null> {
    assertShardName(name);
    assertExtent(offset, length);
    for (let lookUp = 0; lookUp < LOOK_UPS_MAX; lookUp++) {
      const entry = this.#tables.get(shardKey(name));
      if (entry === null) return null;
      if (entry.inline !== null) return entry.inline.subarray(offset, offset + length);
      const data = await this.#files.read(name, entry.shard!, offset, length);
      if (data !== null) return data;
      // The file is gone: replaced or deleted while we looked, or lost.
      if (this.#tables.get(shardKey(name))?.shard?.generation === entry.shard!.generation) {
        throw new CorruptionError(`${this.#parts.disk.name}: the file of shard ${shardText(name)} is missing`);
      }
    }
    throw new DiskError(
      'io',
      `${this.#parts.disk.name}: shard ${shardText(name)} is replaced faster than it can be read`,
    );
  }

  async deleteShard(name: ShardName): Promise<void> {
    assertShardName(name);
    await this.#submit([{ key: shardKey(name), shard: null, data: null }]);
  }

  async listShards(after: ShardName | null, limit: number): Promise<ShardInfo[]> {
    if (after !== null) assertShardName(after);
    const from = after === null ? SHARDS_START : `${shardKey(after)}\0`;
    return this.#tables.range(from, SHARDS_END, limit).map(([key, entry]) => shardInfo(parseShardKey(key), entry));
  }

  async status(): Promise<DriveStatus> {
    // A drive that cannot even say how large it is has its last answer; its failure, if it has one, says more.
    await this.#space.refresh().catch(() => undefined);
    const syncs = this.#log!.syncs;
    const hasLogDevice = this.#parts.logDisk !== this.#parts.disk;
    return {
      totalBytes: this.#space.totalBytes,
      freeBytes: this.#space.usableBytes,
      shardCount: this.#shardCount,
      shardBytes: this.#shardBytes,
      driveSyncs: this.#files.syncs + (hasLogDevice ? 0 : syncs),
      logSyncs: hasLogDevice ? syncs : 0,
      failure: this.#health.failure,
    };
  }

  /** Puts everything into the index, so that the next start has nothing to replay. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#sweeping;
    await this.#checkpointer!.run();
    await this.#log!.close();
    await this.#files.close();
    await this.#parts.index.close();
  }

  /** For the shard writer: a shard that the log carries, or one whose file is durable. */
  async commitShard(name: ShardName, shard: ShardMeta, data: Uint8Array | null, named: () => void): Promise<void> {
    await this.#submit([{ key: shardKey(name), shard, data }], named);
  }

  async #submit(operations: readonly LogOperation[], onApplied?: () => void): Promise<void> {
    if (this.#isClosed) throw new DiskError('refused', `${this.#parts.disk.name} is closed`);
    const sizeBytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    if (sizeBytes > COMMIT_BYTES_MAX)
      throw new RangeError(`a commit of ${sizeBytes} bytes; at most ${COMMIT_BYTES_MAX}`);
    const obsolete: { name: ShardName; generation: string }[] = [];
    const batch: Batch = {
      operations,
      sizeBytes,
      admit: () => this.#admit(operations, sizeBytes),
      apply: (_place: FramePlace, _firstOperation: number) => {
        for (const operation of operations) {
          const generation = this.#applyOperation(operation);
          if (generation !== null) obsolete.push({ name: parseShardKey(operation.key), generation });
        }
        onApplied?.();
        this.#afterFrame();
      },
    };
    await this.#log!.submit(batch);
    for (const { name, generation } of obsolete) await this.#files.remove(name, generation);
  }

  /** Makes the operation visible. Gives the generation of the shard file that nothing names any more, if there is one. */
  #applyOperation({ key, shard, data }: LogOperation): string | null {
    const isDeletion = shard === null && data === null;
    // The caller's buffers are not ours to keep.
    const entry: Entry | null = isDeletion
      ? null
      : {
          shard: shard && { ...shard, attributes: Buffer.from(shard.attributes) },
          inline: data && Buffer.from(data),
          pointer: null,
        };
    let obsolete: string | null = null;
    if (isShardKey(key)) {
      const before = this.#shardBefore(key);
      if (before !== null) {
        this.#shardCount--;
        this.#shardBytes -= entrySizeBytes(before);
        obsolete = before.shard?.generation ?? null;
      }
      if (entry !== null) {
        this.#shardCount++;
        this.#shardBytes += entrySizeBytes(entry);
      }
    }
    this.#tables.active.set(key, entry);
    return obsolete;
  }

  /** A damaged entry may be replaced; what it counted for is not known, and its file is left to the sweep. */
  #shardBefore(key: string): Entry | null {
    try {
      return this.#tables.get(key);
    } catch (error) {
      if (error instanceof CorruptionError) return null;
      throw error;
    }
  }

  #admit(operations: readonly LogOperation[], sizeBytes: number): void {
    // Deletions live on the reserve.
    if (operations.every(({ shard, data }) => shard === null && data === null)) return;
    if (this.#checkpointer!.isStarved) {
      throw new DiskError('no-space', `${this.#parts.disk.name} is full: there is no space to write the index`);
    }
    this.#space.claim(sizeBytes);
  }

  async #beforeFrame(): Promise<void> {
    await this.#space.refresh();
    const isBehind = this.#tables.active.sizeBytes > 2 * this.#parts.tuning.memtableBytes;
    if (isBehind) await this.#checkpointer!.running;
  }

  #afterFrame(): void {
    const { memtableBytes, checkpointLogBytes } = this.#parts.tuning;
    const isDue = this.#tables.active.sizeBytes > memtableBytes || this.#log!.fileBytes > checkpointLogBytes;
    if (isDue && !this.#checkpointer!.isStarved) void this.#checkpointer!.run();
    else this.#scheduleCheckpoint();
  }

  #scheduleCheckpoint(): void {
    this.#timer ??= this.#parts.clock.setTimer(this.#parts.tuning.checkpointIntervalMs, () => {
      this.#timer = null;
      void this.#checkpointer!.run().then(() => {
        if (this.#tables.frozen !== null && this.#health.failure === null && !this.#isClosed)
          this.#scheduleCheckpoint();
      });
    });
  }

  #describe(): CheckpointState {
    return {
      driveId: this.identity.driveId,
      sequence: this.#log!.lastSequence,
      file: this.#log!.fileNumber,
      shardCount: this.#shardCount,
      shardBytes: this.#shardBytes,
    };
  }

  /** Files that a crash left without a name in the index. */
  async #sweep(): Promise<void> {
    const isNamed = (name: ShardName, generation: string) => {
      try {
        return this.#tables.get(shardKey(name))?.shard?.generation === generation;
      } catch (error) {
        if (error instanceof CorruptionError) return true;
        throw error;
      }
    };
    await this.#files.sweep(isNamed, () => this.#isClosed).catch(() => undefined);
  }
}

/** Short shards are kept in memory until their end is known, and then go through the log. */
class DriveShardWriter implements ShardWriter {
  readonly #engine: DriveEngine;
  readonly #files: ShardFiles;
  readonly #name: ShardName;
  readonly #attributes: Buffer;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #file: ShardFileWriter | null = null;
  #isOver = false;

  constructor(engine: DriveEngine, files: ShardFiles, name: ShardName, attributes: Buffer) {
    this.#engine = engine;
    this.#files = files;
    this.#name = name;
    this.#attributes = attributes;
  }

  async append(data: Uint8Array): Promise<void> {
    if (this.#isOver) throw new Error('the shard is committed or aborted already');
    if (this.#file === null && this.#heldBytes + data.length <= SMALL_SHARD_BYTES_MAX) {
      this.#held.push(Buffer.from(data));
      this.#heldBytes += data.length;
      return;
    }
    if (this.#file === null) {
      this.#file = await this.#files.create(this.#name, this.#attributes);
      if (this.#heldBytes > 0) await this.#file.append(Buffer.concat(this.#held));
      this.#held.length = 0;
    }
    await this.#file.append(data);
  }

  async commit(): Promise<void> {
    if (this.#isOver) throw new Error('the shard is committed or aborted already');
    this.#isOver = true;
    const file = this.#file;
    if (file === null) {
      const data = Buffer.concat(this.#held);
      const shard = { attributes: this.#attributes, sizeBytes: data.length, generation: null };
      await this.#engine.commitShard(this.#name, shard, data, () => undefined);
      return;
    }
    try {
      const shard = await file.finish();
      await this.#engine.commitShard(this.#name, shard, null, () => file.named());
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#file?.discard();
  }
}

function shardInfo(name: ShardName, entry: Entry): ShardInfo {
  return { ...name, attributes: entry.shard!.attributes, sizeBytes: entry.shard!.sizeBytes };
}

function operationBytes({ key, shard, data }: LogOperation): number {
  return OPERATION_OVERHEAD_BYTES + key.length + (shard?.attributes.length ?? 0) + (data?.length ?? 0);
}

function assertAttributes(attributes: Uint8Array): void {
  if (attributes.length > ATTRIBUTE_BYTES_MAX) {
    throw new RangeError(`${attributes.length} bytes of attributes; at most ${ATTRIBUTE_BYTES_MAX} fit`);
  }
}

function assertExtent(offset: number, length: number): void {
  const isExtent = Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0;
  if (!isExtent) throw new RangeError(`${length} bytes from ${offset} is not a part of a shard`);
}

const shardText = ({ blobId, position }: ShardName): string => `${blobId}/${position}`;
