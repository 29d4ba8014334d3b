// Walks registers in key order over all drives: listings, healing walks and the catch-up of a drive that was away. For every
// key it asks all replicas that answer, takes what a write quorum agrees on, and has the proposer settle only the rest.
import { compareVersions, type Version } from '../core/ballot.ts';
import type { MapDrive } from '../core/cluster-map.ts';
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import type { RegisterRecord, ScanEntry, ScanRequest } from '../format/register-formats.ts';
import type { Groups } from './groups.ts';
import { partitionSet } from './partition-set.ts';
import type { RegisterClient } from './register-client.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import type { Replicas } from './register-service.ts';
import {
  type RegisterMaintenance,
  type ScanPage,
  type Summarize,
  UnavailableError,
  type WalkedRegister,
} from './registers.ts';
import type { Rpc } from './rpc.ts';
import type { Topology, TopologySource } from './topology.ts';

const SCAN_TIMEOUT_MS = 5_000;
/** Asked of each drive beyond its expected share, so that one round usually fills a page. */
const SHARE_MARGIN = 1.1;
const ENTRIES_MIN = 16;
const SETTLE_BATCH_MAX = 64;
const READ_BATCH_MAX = 64;

export interface ScannerOptions {
  readonly rpc: Rpc;
  readonly groups: Groups;
  readonly topology: TopologySource;
  readonly client: RegisterClient;
  readonly replicas: Replicas;
  readonly summarize: Summarize;
  /** The cluster's, as far as this node knows. */
  readonly generation: () => number;
}

/** One key as the answering replicas have it. */
interface Merged {
  readonly key: RegisterKey;
  newest: ScanEntry;
  /** How many replicas hold the newest version. */
  votes: number;
  readonly versions: Map<string, Version>;
}

interface Range {
  readonly from: RegisterKey;
  readonly to: RegisterKey;
  readonly limit: number;
  readonly detail: boolean;
  /** Whether registers of the partition are wanted; those of all partitions when it is left out. */
  readonly isWanted?: (partition: number) => boolean;
  /** Drives that are asked in any case. */
  readonly also?: readonly string[];
}

/** One drive's part of a page. */
interface DrivePage {
  readonly entries: readonly ScanEntry[];
  readonly next: RegisterKey | null;
}

interface MergedPage {
  readonly keys: readonly Merged[];
  readonly next: RegisterKey | null;
}

export class RegisterScanner implements RegisterMaintenance {
  readonly #options: ScannerOptions;

  constructor(options: ScannerOptions) {
    this.#options = options;
  }

  /** As Registers.scan. */
  async scan(from: RegisterKey, to: RegisterKey, limit: number): Promise<ScanPage> {
    const entries: { key: RegisterKey; summary: Uint8Array }[] = [];
    let start: RegisterKey | null = from;
    while (start !== null && entries.length < limit) {
      const page: MergedPage = await this.#page({ from: start, to, limit: limit - entries.length, detail: true });
      const settled = await this.#settleOpen(page.keys);
      for (const merged of page.keys) {
        const record = settled.get(merged.key);
        if (entries.length === limit) return { entries, next: merged.key };
        if (record === undefined) {
          if (merged.newest.live) entries.push({ key: merged.key, summary: merged.newest.summary });
        } else if (record?.value.live) {
          entries.push({ key: merged.key, summary: this.#options.summarize(merged.key, record.value.payload) });
        }
      }
      start = page.next;
    }
    return { entries, next: start };
  }

  async walkOwned(from: RegisterKey, limit: number): ReturnType<RegisterMaintenance['walkOwned']> {
    const { groups, rpc, client } = this.#options;
    const isOwn = (partition: number) => groups.proposer(groups.group(partition)) === rpc.self;
    const page = await this.#page({ from, to: '', limit, detail: false, isWanted: isOwn });
    const owned = page.keys.filter(({ key }) => key !== MAP_KEY && isOwn(groups.partitionOf(key)));
    const entries: WalkedRegister[] = [];
    for (let at = 0; at < owned.length; at += READ_BATCH_MAX) {
      const batch = owned.slice(at, at + READ_BATCH_MAX);
      const records = await Promise.all(
        batch.map(async (merged) => (await this.#ownCopy(merged)) ?? (await client.readRecord(merged.key))),
      );
      batch.forEach(({ key }, index) => {
        const record = records[index] ?? null;
        if (record === null) return;
        const { version, value } = record;
        entries.push({ key, version, payload: value.payload, live: value.live });
      });
    }
    return { entries, next: page.next };
  }

  /**
   * Brings drives of one node up to date from this key on: every register that they should hold, and whose newest decided
   * version they do not have, is written to them. Compares about limit keys. Rejects with UnavailableError and RpcError.
   */
  async catchUp(
    node: string,
    slots: readonly string[],
    from: RegisterKey,
    limit: number,
  ): Promise<{ taken: number; next: RegisterKey | null }> {
    const { groups, client } = this.#options;
    // Before anything is read: what was forgotten since must not be brought back.
    const generation = this.#options.generation();
    const isReplica = (slot: string, partition: number) =>
      groups.group(partition).replicas.some((replica) => replica.slot === slot);
    const isWanted = (partition: number) => slots.some((slot) => isReplica(slot, partition));
    const page = await this.#page({ from, to: '', limit, detail: false, isWanted, also: slots });
    const isBehind = (slot: string, { key, newest, versions }: Merged) => {
      if (!isReplica(slot, groups.partitionOf(key))) return false;
      const own = versions.get(slot);
      return own === undefined || compareVersions(own, newest.version) < 0;
    };
    const missed = page.keys.filter((merged) => slots.some((slot) => isBehind(slot, merged)));
    let taken = 0;
    for (let at = 0; at < missed.length; at += READ_BATCH_MAX) {
      const batch = missed.slice(at, at + READ_BATCH_MAX);
      const records = await Promise.all(batch.map(({ key }) => client.readRecord(key)));
      for (const slot of slots) {
        const entries = batch.flatMap((merged, index) => {
          const record = records[index] ?? null;
          return record === null || !isBehind(slot, merged) ? [] : [{ key: merged.key, ...record }];
        });
        taken += await client.teach({ slot, node }, generation, entries);
      }
    }
    return { taken, next: page.next };
  }

  /** The record on one of this node's own drives, when it is the version that the replicas agree on. */
  async #ownCopy({ key, newest, votes }: Merged): Promise<RegisterRecord | null> {
    const { groups, rpc, replicas } = this.#options;
    const group = groups.groupOf(key);
    const own = group.replicas.find((replica) => replica.node === rpc.self);
    if (own === undefined || !replicas.slots().includes(own.slot) || votes < group.quorums.write) return null;
    const [fetched] = (await replicas.get(own.slot).fetch(group.partition, null, [key], true)) ?? [];
    if (fetched?.version == null || fetched.value === null || compareVersions(fetched.version, newest.version) !== 0)
      return null;
    return { version: fetched.version, value: fetched.value };
  }

  /** Decided records of the keys on which no write quorum agreed, null for "never written". */
  async #settleOpen(keys: readonly Merged[]): Promise<Map<RegisterKey, RegisterRecord | null>> {
    const { groups, client } = this.#options;
    const byPartition = new Map<number, RegisterKey[]>();
    for (const { key, votes, newest } of keys) {
      const group = groups.groupOf(key);
      if (votes >= group.quorums.write && newest.version.ballot.round > 0) continue;
      byPartition.set(group.partition, [...(byPartition.get(group.partition) ?? []), key]);
    }
    const settled = new Map<RegisterKey, RegisterRecord | null>();
    const settleAll = async (partition: number, open: RegisterKey[]) => {
      for (let at = 0; at < open.length; at += SETTLE_BATCH_MAX) {
        const batch = open.slice(at, at + SETTLE_BATCH_MAX);
        const records = await client.settle(groups.group(partition), batch);
        batch.forEach((key, index) => {
          settled.set(key, records[index] ?? null);
        });
      }
    };
    await Promise.all([...byPartition].map(([partition, open]) => settleAll(partition, open)));
    return settled;
  }

  /**
   * Merges one range of all drives' indexes. Drives that are down in the map are asked, too, when the others are too few: what
   * they promised and accepted still counts, and after a great outage somebody must be the first to catch up.
   */
  async #page({ from, to, limit, detail, isWanted, also = [] }: Range): Promise<MergedPage> {
    const { groups, topology } = this.#options;
    const world = topology.current();
    const wanted = Array.from({ length: world.map.partitionCount }, (_, partition) => isWanted?.(partition) ?? true);
    const partitions = isWanted === undefined ? null : partitionSet(wanted.length, (partition) => wanted[partition]!);
    const shares = sharesOf(world, wanted);
    const ask = (drives: readonly MapDrive[]) =>
      this.#ask(drives, ({ slot }) => {
        const share = Math.min(1, (shares.get(slot) ?? 0) * SHARE_MARGIN);
        return { slot, from, to, limit: Math.ceil(limit * share) + ENTRIES_MIN, partitions, detail };
      });
    const first = world.map.drives.filter((drive) => also.includes(drive.slot) || groups.isUsable(drive));
    const answers = await ask(first);
    let lacking = lackingTakeOverQuorum(world, wanted, answers);
    if (lacking !== null) {
      const rest = world.map.drives.filter((drive) => !first.includes(drive) && groups.isReachable(drive));
      for (const [slot, answer] of await ask(rest)) answers.set(slot, answer);
      lacking = lackingTakeOverQuorum(world, wanted, answers);
    }
    if (lacking !== null) throw new UnavailableError(lacking);
    return mergePages(answers);
  }

  /** The drives that answered, by slot. */
  async #ask(drives: readonly MapDrive[], request: (drive: MapDrive) => ScanRequest): Promise<Map<string, DrivePage>> {
    const answers = await Promise.allSettled(
      drives.map(async (drive) => {
        const options = { timeoutMs: SCAN_TIMEOUT_MS };
        const answer = await this.#options.rpc.call(drive.node, REGISTER_METHODS.scan, request(drive), options);
        return [drive.slot, answer] as const;
      }),
    );
    return new Map(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
  }
}

function mergePages(answers: ReadonlyMap<string, DrivePage>): MergedPage {
  const merged = new Map<RegisterKey, Merged>();
  let end: RegisterKey | null = null;
  for (const { next } of answers.values()) if (next !== null && (end === null || next < end)) end = next;
  for (const [slot, { entries }] of answers) {
    for (const entry of entries) {
      if (end !== null && entry.key >= end) break;
      mergeEntry(merged, slot, entry);
    }
  }
  const keys = [...merged.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { keys, next: end };
}

function mergeEntry(merged: Map<RegisterKey, Merged>, slot: string, entry: ScanEntry): void {
  const known = merged.get(entry.key);
  if (known === undefined) {
    merged.set(entry.key, { key: entry.key, newest: entry, votes: 1, versions: new Map([[slot, entry.version]]) });
    return;
  }
  known.versions.set(slot, entry.version);
  const order = compareVersions(entry.version, known.newest.version);
  if (order === 0) known.votes++;
  if (order > 0) {
    known.newest = entry;
    known.votes = 1;
  }
}

/** By drive, which part of the registers of these partitions it should hold. */
function sharesOf(world: Topology, wanted: readonly boolean[]): Map<string, number> {
  const held = new Map<string, number>();
  let all = 0;
  wanted.forEach((isIn, partition) => {
    if (!isIn) return;
    all++;
    for (const { slot } of world.replicas(partition)) held.set(slot, (held.get(slot) ?? 0) + 1);
  });
  return new Map([...held].map(([slot, count]) => [slot, count / all]));
}

/** With a take-over quorum of every wanted partition, no decided register can be missing from all the answers. Else: what lacks. */
function lackingTakeOverQuorum(
  world: Topology,
  wanted: readonly boolean[],
  answers: ReadonlyMap<string, DrivePage>,
): string | null {
  if (answers.size === world.map.drives.length) return null;
  for (let partition = 0; partition < world.map.partitionCount; partition++) {
    if (!wanted[partition]) continue;
    const answered = world.replicas(partition).filter(({ slot }) => answers.has(slot)).length;
    if (answered < world.quorums.takeOver) {
      return `partition ${partition} has ${answered} replicas that answer, ${world.quorums.takeOver} are needed`;
    }
  }
  return null;
}
