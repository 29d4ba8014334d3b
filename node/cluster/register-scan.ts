// Walks registers in key order over all drives: listings, healing walks and the catch-up of a drive that was away. For every
// key it asks all replicas that answer, takes what a write quorum agrees on, and has the proposer settle only the rest.
import { compareVersions, type Version } from '../core/ballot.ts';
import type { MapDrive } from '../core/cluster-map.ts';
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import type { RegisterRecord, ScanEntry } from '../format/register-formats.ts';
import type { Groups } from './groups.ts';
import type { RegisterClient } from './register-client.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import type { Replicas } from './register-service.ts';
import { type RegisterMaintenance, type ScanPage, type Summarize, UnavailableError } from './registers.ts';
import type { Rpc } from './rpc.ts';
import type { Topology, TopologySource } from './topology.ts';

const SCAN_TIMEOUT_MS = 5_000;
/** Asked of each drive beyond its expected share, so that one round usually fills a page. */
const SHARE_MARGIN = 1.2;
const ENTRIES_MIN = 16;
const SETTLE_BATCH_MAX = 64;

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
}

/** One drive's part of a page. */
interface DrivePage {
  readonly entries: readonly ScanEntry[];
  readonly complete: boolean;
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
      const page: MergedPage = await this.#page(start, to, limit - entries.length, true);
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
    const page = await this.#page(from, '', limit, false);
    const owned = page.keys.filter(({ key }) => key !== MAP_KEY && groups.proposer(groups.groupOf(key)) === rpc.self);
    const entries = [];
    for (const merged of owned) {
      const record = (await this.#ownCopy(merged)) ?? (await client.readRecord(merged.key));
      if (record === null) continue;
      const { version, value } = record;
      entries.push({ key: merged.key, version, payload: value.payload, live: value.live });
    }
    return { entries, next: page.next };
  }

  /**
   * Brings a drive up to date from this key on: every register that it should hold, and whose newest decided version it does
   * not have, is written to it. Examines at most limit keys. Rejects with UnavailableError.
   */
  async catchUp(
    slot: string,
    node: string,
    from: RegisterKey,
    limit: number,
  ): Promise<{ taken: number; next: RegisterKey | null }> {
    const { rpc, groups, client } = this.#options;
    // Before anything is read: what was forgotten since must not be brought back.
    const generation = this.#options.generation();
    const page = await this.#page(from, '', limit, false, slot);
    const isBehind = ({ key, newest, versions }: Merged) => {
      if (!groups.groupOf(key).replicas.some((replica) => replica.slot === slot)) return false;
      const own = versions.get(slot);
      return own === undefined || compareVersions(own, newest.version) < 0;
    };
    const entries = [];
    for (const { key } of page.keys.filter(isBehind)) {
      const record = await client.readRecord(key);
      if (record !== null) entries.push({ key, ...record });
    }
    const { taken } =
      entries.length === 0 ? { taken: 0 } : await rpc.call(node, REGISTER_METHODS.learn, { slot, generation, entries });
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
   * they promised and accepted still counts, and after a great outage somebody must be the first to catch up. `also` names a
   * drive that is asked in any case.
   */
  async #page(from: RegisterKey, to: RegisterKey, limit: number, detail: boolean, also?: string): Promise<MergedPage> {
    const { groups, topology } = this.#options;
    const world = topology.current();
    const share = Math.min(1, (world.quorums.replicas / world.map.drives.length) * SHARE_MARGIN);
    const range = { from, to, limit: Math.ceil(limit * share) + ENTRIES_MIN, detail };
    const first = world.map.drives.filter((drive) => drive.slot === also || groups.isUsable(drive));
    const answers = await this.#ask(first, range);
    let lacking = lackingTakeOverQuorum(world, answers);
    if (lacking !== null) {
      const rest = world.map.drives.filter((drive) => !first.includes(drive) && groups.isReachable(drive));
      for (const [slot, answer] of await this.#ask(rest, range)) answers.set(slot, answer);
      lacking = lackingTakeOverQuorum(world, answers);
    }
    if (lacking !== null) throw new UnavailableError(lacking);
    return mergePages(answers);
  }

  /** The drives that answered, by slot. */
  async #ask(drives: readonly MapDrive[], range: Range): Promise<Map<string, DrivePage>> {
    const answers = await Promise.allSettled(
      drives.map(async ({ slot, node }) => {
        const options = { timeoutMs: SCAN_TIMEOUT_MS };
        return [slot, await this.#options.rpc.call(node, REGISTER_METHODS.scan, { slot, ...range }, options)] as const;
      }),
    );
    return new Map(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
  }
}

function mergePages(answers: ReadonlyMap<string, DrivePage>): MergedPage {
  const merged = new Map<RegisterKey, Merged>();
  let end: RegisterKey | null = null;
  for (const [slot, { entries, complete }] of answers) {
    for (const entry of entries) mergeEntry(merged, slot, entry);
    const last = entries.at(-1)?.key;
    if (!complete && last !== undefined && (end === null || last < end)) end = last;
  }
  const covered = (key: RegisterKey) => end === null || key <= end;
  const keys = [...merged.values()].filter(({ key }) => covered(key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return { keys, next: end === null ? null : `${end}\0` };
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

/** With a take-over quorum of every partition, no decided register can be missing from all the answers. Else: what lacks. */
function lackingTakeOverQuorum(world: Topology, answers: ReadonlyMap<string, DrivePage>): string | null {
  if (answers.size === world.map.drives.length) return null;
  for (let partition = 0; partition < world.map.partitionCount; partition++) {
    const answered = world.replicas(partition).filter(({ slot }) => answers.has(slot)).length;
    if (answered < world.quorums.takeOver) {
      return `partition ${partition} has ${answered} replicas that answer, ${world.quorums.takeOver} are needed`;
    }
  }
  return null;
}
