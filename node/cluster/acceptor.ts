// One replica of the registers, on one drive: promises, accepted values, marks of what is decided. It owns the keys 'P' and
// 'R' of its drive. It promises that an answer never tells of anything that a crash could take back, that a promise once
// answered is kept, and that a register's version only grows.
import { type Ballot, compareBallots, compareVersions, type Version, ZERO_BALLOT } from '../core/ballot.ts';
import type { RegisterKey } from '../core/keys.ts';
import {
  type AcceptGroup,
  type Fetched,
  generationRecord,
  type PartitionRecord,
  partitionRecord,
  type RegisterRecord,
  type RegisterValue,
  registerRecord,
  type ScanEntry,
} from '../format/register-formats.ts';
import { CorruptionError, type DriveStore, type StoreOperation } from '../storage/drive-store.ts';
import { headOf } from './register-head.ts';
import type { Summarize } from './registers.ts';
import { type ScanOptions, scanReplica } from './replica-scan.ts';

/** Marks of older ballots are only a hint for reads with few replicas, so forgetting the oldest is harmless. */
const CHOSEN_MARKS_MAX = 32;

/** Nothing is newer. */
const HIGHEST: Ballot = { round: Number.MAX_SAFE_INTEGER, proposer: 'f'.repeat(16) };

interface PartitionState {
  promised: Ballot;
  /** The highest promise that is on the disk: a failed commit leaves the other one ahead of it. */
  durable: Ballot;
  chosen: Version[];
}

interface Pending {
  version: Version;
  durable: Promise<void>;
}

export interface AcceptResult {
  accepted: boolean;
  promised: Ballot;
}

export interface StoredRegister {
  readonly key: RegisterKey;
  readonly version: Version;
  readonly value: RegisterValue;
}

export interface AcceptorOptions {
  /** The part of a payload that a listing needs; kept in the head of its record. */
  readonly summarize: Summarize;
  /** Told of every record that turns out to be unreadable, each time it is met. */
  readonly onCorrupt: (key: RegisterKey) => void;
}

export class Acceptor {
  readonly #drive: DriveStore;
  readonly #options: AcceptorOptions;
  readonly #partitions = new Map<number, Promise<PartitionState>>();
  /** The newest proposal per key that is on its way to the disk. */
  readonly #pending = new Map<RegisterKey, Pending>();
  /**
   * Records that cannot be read any more, and the promise when that was noticed. What is lost was accepted under that ballot at
   * the highest, so only what comes under a higher one may replace it; and whoever proposes under a higher one has read the
   * register back from a take-over quorum of the others.
   */
  readonly #unreadable = new Map<RegisterKey, Ballot>();
  /** In which this drive last forgot a register; null until it is known. */
  #generation: number | null = null;
  /** Ends when the last placement so far has called commit. */
  #placing: Promise<void> = Promise.resolve();

  constructor(drive: DriveStore, options: AcceptorOptions) {
    this.#drive = drive;
    this.#options = options;
  }

  get driveId(): string {
    return this.#drive.identity.driveId;
  }

  /** Promises to refuse everything below this ballot, durably, unless a higher promise stands. */
  async prepare(partition: number, ballot: Ballot): Promise<{ granted: boolean; promised: Ballot }> {
    const state = await this.#partition(partition);
    if (compareBallots(ballot, state.promised) < 0) return { granted: false, promised: state.promised };
    state.promised = ballot;
    await this.#drive.commit([this.#partitionWrite(partition, state)]);
    becameDurable(state, ballot);
    // A higher promise may have been given while this one went to the disk; it is the one that counts now.
    return { granted: compareBallots(ballot, state.promised) === 0, promised: state.promised };
  }

  /** Accepts each group whose ballot is not below the promise; all of them share one durable commit. */
  async accept(groups: readonly AcceptGroup[]): Promise<AcceptResult[]> {
    const states = await Promise.all(groups.map((group) => this.#partition(group.partition)));
    const keys = groups.flatMap((group) => group.entries.map((entry) => entry.key));
    const partitionOf = groups.flatMap((group, at) => group.entries.map(() => states[at]!));
    const { result: accepted, durable } = await this.#place(keys, partitionOf, (newest, put) => {
      const operations: StoreOperation[] = [];
      let at = 0;
      const outcomes = groups.map((group, index) => {
        const first = at;
        at += group.entries.length;
        const state = states[index]!;
        const order = compareBallots(group.ballot, state.promised);
        if (order < 0) return false;
        if (order > 0) state.promised = group.ballot;
        const isPromiseNew = compareBallots(group.ballot, state.durable) > 0;
        if (this.#mark(state, group) || isPromiseNew) operations.push(this.#partitionWrite(group.partition, state));
        let all = true;
        group.entries.forEach((entry, offset) => {
          const version = { ballot: group.ballot, sequence: entry.sequence };
          if (!put(newest[first + offset]!, { key: entry.key, version, value: entry.value })) all = false;
        });
        return all;
      });
      return { result: outcomes, operations };
    });
    await durable;
    groups.forEach((group, at) => {
      if (accepted[at]!) becameDurable(states[at]!, group.ballot);
    });
    return groups.map((_, at) => ({ accepted: accepted[at]!, promised: states[at]!.promised }));
  }

  /**
   * What is durable here. With a ballot: null unless it is the promise here before and after reading, because a proposer may
   * only rely on answers that no higher ballot has overtaken; and unless that promise is on the disk, because what was accepted
   * before it is there then, too, and not only on its way, to be acknowledged later to whoever proposed it.
   */
  async fetch(
    partition: number,
    ballot: Ballot | null,
    keys: readonly RegisterKey[],
    values: boolean,
  ): Promise<Fetched[] | null> {
    const state = await this.#partition(partition);
    const isPromise = () =>
      ballot === null || [state.promised, state.durable].every((promise) => compareBallots(ballot, promise) === 0);
    if (!isPromise()) return null;
    const found = await Promise.all(
      keys.map(async (key): Promise<Fetched> => {
        const record = await this.#read(key, state);
        if (record === null) return { version: null, chosen: false, value: null };
        return {
          version: record.version,
          chosen: isMarked(state, record.version),
          value: values ? record.value : null,
        };
      }),
    );
    return isPromise() ? found : null;
  }

  /**
   * Wanted registers with from ≤ key < to ('' = no end), ascending, as their heads tell: values are not read, so a record that
   * has rotted still counts as what was accepted here, and is found by reads and by scrubbing. Everything wanted before `next`
   * is among them (null: before the end). What cannot be read has a version below all others.
   */
  async scan(
    from: RegisterKey,
    to: RegisterKey,
    options: ScanOptions,
  ): Promise<{ registers: ScanEntry[]; next: RegisterKey | null }> {
    const readRecord = (key: RegisterKey) => this.#read(key, null);
    return scanReplica({ drive: this.#drive, readRecord, ...this.#options }, from, to, options);
  }

  /**
   * Takes values that are known to be decided; how many were newer. They need no promise: a decided value is part of every
   * later history. null: since that generation registers were forgotten here, perhaps some of these. Nothing was taken then.
   */
  async learn(entries: readonly StoredRegister[], generation: number): Promise<number | null> {
    await this.generation();
    const keys = entries.map((entry) => entry.key);
    const { result: taken, durable } = await this.#place(keys, [], (newest, put) => {
      if (generation < this.#generation! && newest.includes(null)) return { result: null, operations: [] };
      const isNewer = (entry: StoredRegister, at: number) =>
        newest[at] === null || compareVersions(entry.version, newest[at]!) > 0;
      const missed = entries.filter(isNewer);
      for (const entry of missed) put(null, entry);
      return { result: missed.length, operations: [] };
    });
    await durable;
    return taken;
  }

  /** In which this drive last forgot a register. */
  async generation(): Promise<number> {
    if (this.#generation !== null) return this.#generation;
    const stored = await this.#drive.get(GENERATION_STORE_KEY);
    const found = stored === null ? 0 : generationRecord.decode(stored).generation;
    this.#generation = Math.max(found, this.#generation ?? 0);
    return this.#generation;
  }

  /** As if something had been forgotten here in that generation: a new drive does not know what the one before it forgot. */
  async raiseGeneration(generation: number): Promise<void> {
    if (generation <= (await this.generation())) return;
    this.#generation = generation;
    await this.#drive.commit([generationWrite(generation)]);
  }

  /**
   * Forgets registers that every replica holds at these versions and that say nothing but "deleted". The ballot must be the
   * promise here and higher than the versions': then whatever was proposed before is refused. All or none; false: none.
   */
  async forget(
    partition: number,
    ballot: Ballot,
    generation: number,
    tombstones: readonly { readonly key: RegisterKey; readonly version: Version }[],
  ): Promise<boolean> {
    const state = await this.#partition(partition);
    const generationNow = await this.generation();
    const forgetting = this.#placing.then(async () => {
      const stored = await Promise.all(tombstones.map(({ key }) => this.#read(key, state)));
      const isAsSaid = tombstones.every(({ key, version }, at) => {
        const record = stored[at]!;
        // This message may come late or twice, and something new may be on its way to the disk by then.
        if (this.#pending.has(key)) return false;
        if (record === null) return true;
        const isTombstone = !record.value.live && record.value.payload.length === 0;
        return (
          isTombstone && compareVersions(record.version, version) === 0 && compareBallots(version.ballot, ballot) < 0
        );
      });
      if (!isAsSaid || compareBallots(ballot, state.promised) !== 0) return false;
      const next = Math.max(generation, generationNow, this.#generation ?? 0);
      this.#generation = next;
      const deletions = tombstones.map(({ key }): StoreOperation => ({ kind: 'delete', key: `R${key}` }));
      await this.#drive.commit([generationWrite(next), ...deletions]);
      return true;
    });
    this.#placing = forgetting.then(
      () => {},
      () => {},
    );
    return forgetting;
  }

  async isReadable(key: RegisterKey): Promise<boolean> {
    return this.#read(key, null).then(
      () => true,
      () => false,
    );
  }

  async promised(partition: number): Promise<Ballot> {
    return (await this.#partition(partition)).promised;
  }

  /**
   * The one place where register records are written. `decide` runs with the newest version of each key, on the disk or on its
   * way there, and nothing else is placed between that look and the call to commit. put says whether the value stands
   * afterwards (false: something newer does). `durable` resolves when everything that put said yes to is on the disk.
   */
  #place<R>(
    keys: readonly RegisterKey[],
    /** Of the keys, where known. */
    states: readonly PartitionState[],
    decide: (
      newest: readonly (Version | null)[],
      put: (newest: Version | null, register: StoredRegister) => boolean,
    ) => { result: R; operations: StoreOperation[] },
  ): Promise<{ result: R; durable: Promise<void> }> {
    const placing = this.#placing.then(async () => {
      // A write that becomes durable while the disk is read leaves #pending, so look there first.
      const pending = new Map(keys.map((key) => [key, this.#pending.get(key) ?? null]));
      const stored = await Promise.all(keys.map((key, at) => this.#versionOf(key, states[at] ?? null)));
      const newest = keys.map((key, at) => newer(pending.get(key)?.version ?? null, stored[at]!));
      const writes: StoreOperation[] = [];
      const waits: Promise<void>[] = [];
      const placed: [RegisterKey, Pending][] = [];
      const commit = Promise.withResolvers<void>();
      const put = (known: Version | null, { key, version, value }: StoredRegister): boolean => {
        const order = known === null ? 1 : compareVersions(version, known);
        // It may have failed since: what is counted on here must stand on the disk.
        const before = this.#pending.get(key) ?? pending.get(key);
        if (order === 0 && before != null) waits.push(before.durable);
        if (order <= 0) return order === 0;
        const placement = { version, durable: commit.promise };
        this.#pending.set(key, placement);
        placed.push([key, placement]);
        this.#unreadable.delete(key);
        writes.push({ kind: 'put', key: `R${key}`, ...this.#stored({ key, version, value }) });
        return true;
      };
      const { result, operations } = decide(newest, put);
      const all = [...operations, ...writes];
      commit.resolve(all.length === 0 ? undefined : this.#drive.commit(all));
      const durable = Promise.all([commit.promise, ...waits]).then(() => {});
      const forget = () => {
        for (const [key, placement] of placed) if (this.#pending.get(key) === placement) this.#pending.delete(key);
      };
      durable.then(forget, forget);
      return { result, durable };
    });
    this.#placing = placing.then(
      () => {},
      () => {},
    );
    return placing;
  }

  #partition(partition: number): Promise<PartitionState> {
    const known = this.#partitions.get(partition);
    if (known !== undefined) return known;
    const loading = this.#loadPartition(partition);
    this.#partitions.set(partition, loading);
    // A failed read must not be remembered as the partition's state.
    loading.catch(() => this.#partitions.delete(partition));
    return loading;
  }

  async #loadPartition(partition: number): Promise<PartitionState> {
    const stored = await this.#drive.get(partitionStoreKey(partition));
    if (stored === null) return { promised: ZERO_BALLOT, durable: ZERO_BALLOT, chosen: [] };
    const { promised, chosen }: PartitionRecord = partitionRecord.decode(stored);
    return { promised, durable: promised, chosen };
  }

  #partitionWrite(partition: number, state: PartitionState): StoreOperation {
    return { kind: 'put', key: partitionStoreKey(partition), value: partitionRecord.encode(state) };
  }

  /** Moves the mark of this ballot forward; true when it moved. */
  #mark(state: PartitionState, group: AcceptGroup): boolean {
    if (group.chosenThrough === 0) return false;
    const last = state.chosen.find((mark) => compareBallots(mark.ballot, group.ballot) === 0);
    if (last !== undefined && last.sequence >= group.chosenThrough) return false;
    const others = state.chosen.filter((mark) => mark !== last);
    state.chosen = [...others, { ballot: group.ballot, sequence: group.chosenThrough }].slice(-CHOSEN_MARKS_MAX);
    return true;
  }

  /** Rejects with CorruptionError: what cannot be read is not absent. state: of the key's partition, where it is known. */
  async #read(key: RegisterKey, state: PartitionState | null): Promise<RegisterRecord | null> {
    try {
      const stored = await this.#drive.get(`R${key}`);
      return stored === null ? null : registerRecord.decode(stored);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      if (state !== null && !this.#unreadable.has(key)) this.#unreadable.set(key, state.promised);
      this.#options.onCorrupt(key);
      throw error;
    }
  }

  /** As far as writes are concerned. */
  async #versionOf(key: RegisterKey, state: PartitionState | null): Promise<Version | null> {
    try {
      return (await this.#read(key, state))?.version ?? null;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return { ballot: this.#unreadable.get(key) ?? HIGHEST, sequence: Number.MAX_SAFE_INTEGER };
    }
  }

  #stored({ key, version, value }: StoredRegister): { value: Uint8Array; head: Uint8Array } {
    const head = headOf(key, { version, value }, this.#options.summarize);
    return { value: registerRecord.encode({ version, value }), head };
  }
}

const GENERATION_STORE_KEY = 'T';

const generationWrite = (generation: number): StoreOperation => ({
  kind: 'put',
  key: GENERATION_STORE_KEY,
  value: generationRecord.encode({ generation }),
});

/** Where a replica keeps its promise and marks. */
export function partitionStoreKey(partition: number): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(partition);
  return `P${id.toString('latin1')}`;
}

function becameDurable(state: PartitionState, ballot: Ballot): void {
  if (compareBallots(ballot, state.durable) > 0) state.durable = ballot;
}

export function isMarked(state: Pick<PartitionState, 'chosen'>, version: Version): boolean {
  return state.chosen.some(
    (mark) => compareBallots(mark.ballot, version.ballot) === 0 && version.sequence <= mark.sequence,
  );
}

function newer(a: Version | null, b: Version | null): Version | null {
  if (a === null || b === null) return a ?? b;
  return compareVersions(a, b) >= 0 ? a : b;
}
