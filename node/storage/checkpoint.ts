// Moves the newest entries from memory into the index, in one synced transaction that also says how far the log has been
// applied, and only then gives up the log behind it. Bounds the memory of a drive and the time that a restart takes.
import { FormatError, format, hex, u53 } from '../format/codec.ts';
import type { CommitLog } from './commit-log.ts';
import { encodeEntry } from './entry.ts';
import type { DriveHealth } from './health.ts';
import type { Index, IndexChange } from './index-port.ts';
import { seal, unseal } from './sealed.ts';
import type { Tables } from './tables.ts';

const CHECKPOINT_MAGIC = 'ASHLRCKP';

export const CHECKPOINT = format('checkpoint', 1, {
  driveId: [hex(16), 'the drive whose index this is'],
  sequence: [u53, 'the last log record that the index contains'],
  file: [u53, 'the log file in which the record after it is'],
  shardCount: [u53, 'shards in the index'],
  shardBytes: [u53, 'the sum of their lengths'],
});

export interface CheckpointState {
  readonly driveId: string;
  readonly sequence: number;
  readonly file: number;
  readonly shardCount: number;
  readonly shardBytes: number;
}

export const encodeCheckpoint = (state: CheckpointState): Buffer => seal(CHECKPOINT_MAGIC, CHECKPOINT.encode(state));

/** Throws FormatError. */
export function decodeCheckpoint(input: Buffer): CheckpointState {
  const payload = unseal(CHECKPOINT_MAGIC, input);
  if (payload.length + 16 !== input.length) throw new FormatError(`${CHECKPOINT_MAGIC}: bytes too many`);
  return CHECKPOINT.decode(payload);
}

export interface CheckpointOptions {
  readonly log: CommitLog;
  readonly index: Index;
  readonly tables: Tables;
  readonly health: DriveHealth;
  /** What the memtable's state is at this moment. */
  readonly describe: () => CheckpointState;
  /** Log files that exist, oldest first; shortened here. */
  readonly fileNumbers: number[];
}

export class Checkpointer {
  readonly #options: CheckpointOptions;
  #running: Promise<void> | null = null;
  /** Describes the frozen memtable. */
  #state: CheckpointState | null = null;
  #isStarved = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** The newest attempt found no space; the entries wait in memory and in the log for a better time. */
  get isStarved(): boolean {
    return this.#isStarved;
  }

  /** The checkpoint that is under way. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** Never rejects: what goes wrong shows in the drive's health, or will be tried again. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { health, tables } = this.#options;
    if (health.failure !== null) return;
    try {
      if (tables.frozen === null) await this.#freeze();
      if (tables.frozen !== null) await this.#apply();
      this.#isStarved = false;
    } catch (error) {
      this.#isStarved = health.judge(error).kind === 'no-space';
    }
  }

  async #freeze(): Promise<void> {
    const { log, tables, describe, fileNumbers } = this.#options;
    await log.between(async () => {
      if (tables.active.count === 0) return;
      await log.rotate();
      fileNumbers.push(log.fileNumber);
      tables.freeze();
      this.#state = describe();
    });
  }

  async #apply(): Promise<void> {
    const { index, tables, log, fileNumbers } = this.#options;
    const state = this.#state!;
    const changes: IndexChange[] = [];
    for (const [key, entry] of tables.frozen!.entries()) {
      changes.push({ key, value: entry === null ? null : encodeEntry(key, entry) });
    }
    await index.apply(changes, encodeCheckpoint(state));
    tables.dropFrozen();
    for (let oldest = fileNumbers[0]; oldest !== undefined && oldest < state.file; oldest = fileNumbers[0]) {
      await log.removeFile(oldest);
      fileNumbers.shift();
    }
  }
}
