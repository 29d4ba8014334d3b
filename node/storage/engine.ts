// One drive: the log, the memtables, the index, segments and shard files, put together behind the DriveStore contract. Every
// change goes through the log; it becomes visible, here and nowhere else, when the log says that it is durable.
import { DISK_PAGE_BYTES } from '../core/limits.ts';
import { type Clock, sleep, type Timer } from '../io/clock.ts';
import { type Disk, DiskError } from '../io/disk.ts';
import type { Random } from '../io/random.ts';
import type { CheckpointState } from './checkpoint.ts';
import { Checkpointer } from './checkpointer.ts';
import { CommitLog } from './commit-log.ts';
import { Compactor } from './compactor.ts';
import type {
  DriveIdentity,
  DriveStatus,
  DriveStore,
  ShardInfo,
  ShardName,
  ShardWriter,
  StoreEntry,
  StoreHead,
  StoreKey,
  StoreOperation,
} from './drive-store.ts';
import { CorruptionError } from './drive-store.ts';
import { type Entry, entrySizeBytes } from './entry.ts';
import { DriveHealth } from './health.ts';
import { INDEX_DAMAGE_REMEDY, type Index, type IndexSpace } from './index-port.ts';
import { IndexWriter } from './index-writer.ts';
import { LiveBytes } from './live-bytes.ts';
import { decodeOperations, type LogOperation } from './log-format.ts';
import { type RecoveredLog, recoverLog } from './log-recovery.ts';
import {
  assertKey,
  assertShardName,
  parseShardKey,
  parseValueKey,
  SHARDS_END,
  SHARDS_START,
  shardKey,
  VALUES_END,
  valueKey,
} from './names.ts';
import { RecordFiles } from './record-files.ts';
import { SegmentWriter } from './segment-writer.ts';
import { ShardFiles } from './shard-files.ts';
import { DriveShardWriter } from './shard-writer.ts';
import { SpaceGuard } from './space.ts';
import { Tables } from './tables.ts';
import { Values } from './values.ts';
import { WatchedIndex } from './watched-index.ts';
import { Writes } from './writes.ts';

export interface EngineTuning {
  /** A checkpoint starts when the memtable holds so much … */
  readonly memtableBytes: number;
  /** … or the log since the last one, which is also what a restart has to read … */
  readonly checkpointLogBytes: number;
  /** … or after this time. */
  readonly checkpointIntervalMs: number;
  /** Log files and segments are this long. */
  readonly recordFileBytes: number;
  /** A checkpoint writes so many entries at a time: each transaction is handed over in one turn of the event loop. */
  readonly indexTransactionEntries: number;
}

export const DEFAULT_TUNING: EngineTuning = {
  memtableBytes: 4 * 2 ** 20,
  checkpointLogBytes: 128 * 2 ** 20,
  checkpointIntervalMs: 10_000,
  recordFileBytes: 64 * 2 ** 20,
  indexTransactionEntries: 4_096,
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
  /** Called when everything is closed. */
  readonly unlock: () => void;
}

/** Pages of the index are not full. */
const ENTRY_GROWTH_FACTOR = 1.5;
/** Pages are used again one transaction after they were replaced. */
const PAGE_COPIES = 2.5;
/** Attributes of a shard, or the head of a value. */
const HEAD_BYTES_MAX = 64 * 2 ** 10;

export class DriveEngine implements DriveStore {
  readonly identity: DriveIdentity;
  readonly #parts: EngineParts;
  readonly #health: DriveHealth;
  readonly #space: SpaceGuard;
  readonly #tables: Tables;
  readonly #records: RecordFiles;
  readonly #shards: ShardFiles;
  readonly #values: Values;
  readonly #writes: Writes;
  readonly #segments: SegmentWriter | null;
  readonly #log: CommitLog;
  readonly #indexWriter: IndexWriter;
  readonly #checkpointer: Checkpointer;
  readonly #compactor: Compactor;
  #timer: Timer | null = null;
  #background: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** Recovers: reads the log from where the checkpoint says. Throws DriveRefusal and DiskError. */
  static async open(
    opened: EngineParts,
    state: CheckpointState,
  ): Promise<{ engine: DriveEngine; recovered: RecoveredLog }> {
    const health = new DriveHealth(opened.disk.name);
    const index = new WatchedIndex(opened.index, (error) => health.fail(indexDamage(error)));
    const parts = { ...opened, index };
    const { disk, logDisk, identity } = parts;
    const records = new RecordFiles(disk, logDisk);
    await records.load();
    const tables = new Tables(index, disk.name);
    let engine: DriveEngine | null = null;
    const space = new SpaceGuard(
      disk,
      parts.clock,
      () => checkpointBytes(index.space(), tables, parts.tuning) + (engine === null ? 0 : engine.#segmentGrowthBytes),
    );
    await space.refresh();
    const writes = new Writes({
      tables,
      space,
      driveName: disk.name,
      counts: state,
      isStarved: () => engine!.#checkpointer.isStarved,
      afterFrame: () => engine!.#afterFrame(),
    });
    const recovered = await recoverLog(logDisk, records, identity.driveId, state, (frame, fileNumber, frameOffset) => {
      writes.apply(decodeOperations(frame.body), { fileNumber, frameOffset });
    });
    const log = await CommitLog.open({
      disk: logDisk,
      files: records,
      fileBytesMax: parts.tuning.recordFileBytes,
      driveId: identity.driveId,
      health,
      tail: recovered.tail,
      nextSequence: recovered.nextSequence,
      beforeFrame: () => engine!.#beforeFrame(),
    });
    engine = new DriveEngine(parts, state, { records, tables, health, space, writes, log });
    engine.#start();
    return { engine, recovered };
  }

  private constructor(
    parts: EngineParts,
    state: CheckpointState,
    { records, tables, health, space, writes, log }: Recovered,
  ) {
    const { disk, logDisk, index, identity, random, clock, tuning } = parts;
    this.identity = identity;
    this.#parts = parts;
    this.#health = health;
    this.#space = space;
    this.#tables = tables;
    this.#records = records;
    this.#writes = writes;
    this.#log = log;
    this.#shards = new ShardFiles({ disk, random, health, space });
    this.#values = new Values(tables, records, this.#shards, disk.name);
    const { driveId } = identity;
    this.#segments =
      logDisk === disk
        ? null
        : new SegmentWriter({
            disk,
            files: records,
            driveId,
            fileBytesMax: tuning.recordFileBytes,
            position: { file: state.segmentFile, offset: state.segmentOffset },
          });
    const live = LiveBytes.load(index);
    this.#indexWriter = new IndexWriter({
      index,
      live,
      state,
      driveName: disk.name,
      transactionEntries: tuning.indexTransactionEntries,
    });
    this.#checkpointer = new Checkpointer({
      log,
      files: records,
      index: this.#indexWriter,
      live,
      segments: this.#segments,
      tables,
      health,
      pause: () => sleep(clock, 0),
    });
    this.#compactor = new Compactor({
      files: records,
      live,
      log,
      writes,
      driveId,
      isClosed: ({ number, kind }) =>
        this.#segments === null
          ? number < this.#checkpointer.keptFromFile
          : kind === 'segment' && number !== this.#segments.position.file,
      lendableBytes: () => space.lendableBytes,
      isStopped: () => this.#isClosed || health.failure !== null,
    });
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    const logged = operations.map((operation): LogOperation => {
      assertKey(operation.key);
      const key = valueKey(operation.key);
      if (operation.kind === 'delete') return { key, head: null, file: null, data: null };
      assertHead(operation.head);
      return { key, head: operation.head ?? null, file: null, data: operation.value };
    });
    if (logged.length > 0) await this.#submit(logged);
  }

  async get(key: StoreKey): Promise<Uint8Array | null> {
    assertKey(key);
    return this.#values.get(valueKey(key));
  }

  async range(from: StoreKey, to: StoreKey, limit: number): Promise<StoreEntry[]> {
    assertKey(from);
    assertKey(to);
    const end = to === '' ? VALUES_END : valueKey(to);
    const found = await this.#values.range(valueKey(from), end, limit);
    return found.map(({ key, value }) => ({ key: parseValueKey(key), value }));
  }

  async head(key: StoreKey): Promise<StoreHead | null> {
    assertKey(key);
    const entry = this.#tables.get(valueKey(key));
    return entry && { key, head: entry.head };
  }

  async heads(from: StoreKey, to: StoreKey, limit: number): Promise<StoreHead[]> {
    assertKey(from);
    assertKey(to);
    const end = to === '' ? VALUES_END : valueKey(to);
    return this.#tables.range(valueKey(from), end, limit).map(([key, { head }]) => ({ key: parseValueKey(key), head }));
  }

  async beginShard(name: ShardName, attributes: Uint8Array): Promise<ShardWriter> {
    assertShardName(name);
    assertHead(attributes);
    this.#health.assertWritable();
    const head = Buffer.from(attributes);
    return new DriveShardWriter(this.#shards, name, head, (file, data, onVisible) =>
      this.#submit([{ key: shardKey(name), head, file, data }], onVisible),
    );
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
    const isExtent = Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0;
    if (!isExtent) throw new RangeError(`${length} bytes from ${offset} is not a part of a shard`);
    return this.#values.get(shardKey(name), offset, length);
  }

  async deleteShard(name: ShardName): Promise<void> {
    assertShardName(name);
    await this.#submit([{ key: shardKey(name), head: null, file: null, data: null }]);
  }

  async listShards(after: ShardName | null, limit: number): Promise<ShardInfo[]> {
    if (after !== null) assertShardName(after);
    const from = after === null ? SHARDS_START : `${shardKey(after)}\0`;
    return this.#tables.range(from, SHARDS_END, limit).map(([key, entry]) => shardInfo(parseShardKey(key), entry));
  }

  async status(): Promise<DriveStatus> {
    // A disk that cannot even say how large it is has its last answer; the failure, if there is one, says more.
    await this.#space.refresh().catch(() => undefined);
    const ownSyncs = this.#shards.syncs + (this.#segments?.syncs ?? 0) + this.#indexWriter.transactions;
    return {
      totalBytes: this.#space.totalBytes,
      freeBytes: this.#space.usableBytes,
      ...this.#writes.counts,
      driveSyncs: ownSyncs + (this.#segments === null ? this.#log.syncs : 0),
      logSyncs: this.#segments === null ? 0 : this.#log.syncs,
      failure: this.#health.failure,
    };
  }

  /** Puts everything into the index, so that the next start has nothing to replay. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#background;
    await this.#checkpointer.running;
    await this.#checkpointer.run();
    await this.#log.close();
    await this.#records.close();
    await this.#shards.close();
    await this.#parts.index.close();
    this.#parts.unlock();
  }

  /** Data that a checkpoint will copy from the log device to the drive. */
  get #segmentGrowthBytes(): number {
    return this.#segments === null ? 0 : this.#checkpointer.unappliedLogBytes;
  }

  #start(): void {
    if (this.#tables.active.count > 0) this.#scheduleCheckpoint();
    this.#inBackground(() => this.#sweep());
  }

  async #submit(operations: readonly LogOperation[], onApplied?: () => void): Promise<void> {
    if (this.#isClosed) throw new DiskError('refused', `${this.#parts.disk.name} is closed`);
    for (const { name, generation } of await this.#writes.submit(this.#log, operations, onApplied)) {
      await this.#shards.remove(name, generation);
    }
  }

  async #beforeFrame(): Promise<void> {
    await this.#space.refresh();
    const { memtableBytes, checkpointLogBytes } = this.#parts.tuning;
    const isBehind =
      this.#tables.active.sizeBytes > 2 * memtableBytes || this.#checkpointer.newLogBytes > 2 * checkpointLogBytes;
    // A checkpoint that has yet to freeze the memtable waits for its turn between two frames: waiting for it would be for ever.
    if (isBehind && this.#tables.frozen !== null) await this.#checkpointer.running;
  }

  #afterFrame(): void {
    const { memtableBytes, checkpointLogBytes } = this.#parts.tuning;
    const { newLogBytes, isStarved } = this.#checkpointer;
    const isDue = this.#tables.active.sizeBytes > memtableBytes || newLogBytes > checkpointLogBytes;
    if (isDue && !isStarved) this.#checkpoint();
    else this.#scheduleCheckpoint();
  }

  #checkpoint(): void {
    if (this.#checkpointer.running === null) this.#inBackground(() => this.#checkpointAndCompact());
  }

  async #checkpointAndCompact(): Promise<void> {
    do {
      await this.#checkpointer.run();
      if (this.#isClosed || this.#health.failure !== null) return;
    } while (await this.#compactor.run());
    if (this.#tables.frozen !== null || this.#tables.active.count > 0) this.#scheduleCheckpoint();
  }

  #scheduleCheckpoint(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#parts.clock.setTimer(this.#parts.tuning.checkpointIntervalMs, () => {
      this.#timer = null;
      this.#checkpoint();
    });
  }

  /** Files that a crash left without a name in the index. */
  async #sweep(): Promise<void> {
    const isNamed = (name: ShardName, generation: string) => {
      try {
        return this.#tables.get(shardKey(name))?.file?.generation === generation;
      } catch (error) {
        if (error instanceof CorruptionError) return true;
        throw error;
      }
    };
    await this.#shards.sweep(isNamed, () => this.#isClosed);
  }

  /** Work that nobody waits for but close. An IO error of reading in it is met again by whoever needs the data. */
  #inBackground(work: () => Promise<void>): void {
    const before = this.#background;
    this.#background = Promise.all([before, work().catch((error) => this.#noteBackground(error))]);
  }

  #noteBackground(error: unknown): void {
    if (!(error instanceof DiskError)) this.#health.fail(error);
  }
}

/**
 * What a checkpoint takes in the index: the entries, and copies of the pages that change, which are written to new places.
 * At worst a transaction changes a page for every entry, or all that there are.
 */
function checkpointBytes({ usedBytes, spareBytes }: IndexSpace, tables: Tables, tuning: EngineTuning): number {
  const changedBytes = Math.min(tuning.indexTransactionEntries * DISK_PAGE_BYTES, usedBytes);
  const copiesBytes = PAGE_COPIES * changedBytes;
  return Math.max(0, Math.ceil(copiesBytes + ENTRY_GROWTH_FACTOR * tables.sizeBytes - spareBytes));
}

interface Recovered {
  readonly records: RecordFiles;
  readonly tables: Tables;
  readonly health: DriveHealth;
  readonly space: SpaceGuard;
  readonly writes: Writes;
  readonly log: CommitLog;
}

function indexDamage({ message }: Error): Error {
  return new CorruptionError(`${message}; ${INDEX_DAMAGE_REMEDY}`);
}

function shardInfo(name: ShardName, entry: Entry): ShardInfo {
  return { ...name, attributes: entry.head!, sizeBytes: entrySizeBytes(entry) };
}

function assertHead(head: Uint8Array | undefined): void {
  if (head !== undefined && head.length > HEAD_BYTES_MAX) {
    throw new RangeError(`${head.length} bytes of attributes; at most ${HEAD_BYTES_MAX} fit`);
  }
}
