// Writes entries into the index, a transaction of some thousand at a time, and keeps the books that go with them: what the
// index adds up to, the shards in it, and what is in use of every file. The books are right after every single transaction,
// so that a crash between two of them leaves an index that is merely ahead of its position in the log; applying the log
// again from there changes nothing that was applied already.
import { type CheckpointState, encodeCheckpoint } from './checkpoint.ts';
import { CorruptionError } from './drive-store.ts';
import { decodeEntry, type Entry, encodeEntry, entryCrc, entrySizeBytes } from './entry.ts';
import type { Index, IndexChange } from './index-port.ts';
import type { LiveBytes, LiveChange } from './live-bytes.ts';
import { isShardKey } from './names.ts';

export const ENTRY_SUM_MODULUS = 2 ** 48;

export interface IndexWriterOptions {
  readonly index: Index;
  readonly live: LiveBytes;
  /** The newest checkpoint. */
  readonly state: CheckpointState;
  readonly driveName: string;
  readonly transactionEntries: number;
}

export class IndexWriter {
  readonly #index: Index;
  readonly #live: LiveBytes;
  readonly #driveName: string;
  readonly #transactionEntries: number;
  /** What the index says. */
  #state: CheckpointState;
  /** What it will say after the transaction that is being prepared. */
  #next: CheckpointState;
  #changes: IndexChange[] = [];
  #liveChange: LiveChange;
  #transactions = 0;

  constructor({ index, live, state, driveName, transactionEntries }: IndexWriterOptions) {
    this.#index = index;
    this.#live = live;
    this.#driveName = driveName;
    this.#transactionEntries = transactionEntries;
    this.#state = state;
    this.#next = state;
    this.#liveChange = live.begin();
  }

  get state(): CheckpointState {
    return this.#state;
  }

  /** Since the start. */
  get transactions(): number {
    return this.#transactions;
  }

  /** Forgets what an attempt that failed has prepared; position: what of the state must hold from the next transaction on. */
  begin(position: Partial<CheckpointState>): void {
    this.#changes = [];
    this.#liveChange = this.#live.begin();
    this.#next = { ...this.#state, ...position };
  }

  /** Keys must be distinct between begin and commit. */
  put(key: string, entry: Entry | null): void {
    const stored = this.#index.get(key);
    const before = stored === null ? null : this.#decoded(key, stored);
    const value = entry === null ? null : encodeEntry(key, entry);
    this.#liveChange.replace(before, entry);
    this.#count(key, before, -1);
    this.#count(key, entry, 1);
    const { entryCount, entrySum } = this.#next;
    this.#next = {
      ...this.#next,
      entryCount: entryCount + (value === null ? 0 : 1) - (stored === null ? 0 : 1),
      entrySum: modulo(entrySum + (value === null ? 0 : entryCrc(value)) - (stored === null ? 0 : entryCrc(stored))),
    };
    this.#changes.push({ key, value });
  }

  /** What has been put is a transaction's worth. */
  get isFull(): boolean {
    return this.#changes.length >= this.#transactionEntries;
  }

  /** Writes the rest, and the position in the log that the index has now. */
  async commit(position: Pick<CheckpointState, 'sequence' | 'file' | 'offset'>): Promise<void> {
    this.#next = { ...this.#next, ...position };
    await this.write();
  }

  /** A transaction with what has been put; the position stays. */
  async write(): Promise<void> {
    this.#transactions++;
    await this.#index.apply([...this.#changes, ...this.#liveChange.indexChanges()], encodeCheckpoint(this.#next));
    this.#live.accept(this.#liveChange);
    this.#state = this.#next;
    this.#changes = [];
    this.#liveChange = this.#live.begin();
  }

  #count(key: string, entry: Entry | null, sign: 1 | -1): void {
    if (entry === null || !isShardKey(key)) return;
    const shardCount = this.#next.shardCount + sign;
    const shardBytes = this.#next.shardBytes + sign * entrySizeBytes(entry);
    this.#next = { ...this.#next, shardCount, shardBytes };
  }

  /** A damaged entry points nowhere and counts for nothing; the file it meant keeps its count. */
  #decoded(key: string, value: Buffer): Entry | null {
    try {
      return decodeEntry(key, value, this.#driveName);
    } catch (error) {
      if (error instanceof CorruptionError) return null;
      throw error;
    }
  }
}

function modulo(sum: number): number {
  return ((sum % ENTRY_SUM_MODULUS) + ENTRY_SUM_MODULUS) % ENTRY_SUM_MODULUS;
}
