// The registers of a dead cluster, as far as the drives at hand tell: the newest map, who was a replica of what, and every
// register in order of its key, judged from the copies that are left of it.
import { isMarked, partitionStoreKey } from '../cluster/acceptor.ts';
import { JOINING_STORE_KEY, MAP_STORE_KEY } from '../cluster/local-drives.ts';
import { Topology } from '../cluster/topology.ts';
import type { ClusterMap } from '../core/cluster-map.ts';
import type { RegisterKey } from '../core/keys.ts';
import { FormatError } from '../format/codec.ts';
import { clusterMapFormat } from '../format/membership-formats.ts';
import {
  type PartitionRecord,
  partitionRecord,
  type RegisterValue,
  registerRecord,
} from '../format/register-formats.ts';
import type { BareDrive, BareValue } from '../storage/bare-drive.ts';
import { CorruptionError } from '../storage/drive-store.ts';
import { type Certainty, type Copy, judge } from './judgement.ts';

/** Under which replicas keep registers, and where the keys after them begin. */
const REGISTER_PREFIX = 'R';
const REGISTERS_END = 'S';

export interface FoundRegister {
  readonly key: RegisterKey;
  readonly certainty: Certainty;
  /** The state that holds, and after it older ones that some replica still has. Empty: no copy of it can be read. */
  readonly values: readonly RegisterValue[];
  /** Copies that cannot be read, and why. */
  readonly damage: readonly string[];
}

export interface PartitionCount {
  readonly all: number;
  /** So many have fewer replicas here than it takes to know what was decided last. */
  readonly uncertain: number;
}

export class Registers {
  /** null: no drive has a map that can be read. */
  readonly topology: Topology | null;
  readonly #drives: readonly BareDrive[];
  /** By partition, the drives here that are its replicas, and can be trusted to know all that they ever accepted. */
  readonly #replicas: readonly (readonly BareDrive[])[];
  readonly #partitions = new Map<string, Promise<PartitionRecord | null>>();

  private constructor(drives: readonly BareDrive[], topology: Topology | null, voters: readonly BareDrive[]) {
    this.#drives = drives;
    this.topology = topology;
    const partitionCount = topology?.map.partitionCount ?? 0;
    this.#replicas = Array.from({ length: partitionCount }, (_, partition) =>
      voters.filter((drive) => topology!.replicas(partition).some(({ id }) => id === drive.identity.driveId)),
    );
  }

  static async of(drives: readonly BareDrive[]): Promise<Registers> {
    let newest: ClusterMap | null = null;
    const voters: BareDrive[] = [];
    for (const drive of drives) {
      const map = decoded(await storedUnder(drive, MAP_STORE_KEY), clusterMapFormat.decode);
      if (map !== null && (newest === null || map.epoch > newest.epoch)) newest = map;
      // Without a map its formatting was cut short; with the mark it had not caught up: neither has ever voted.
      const isJoining = map === null || (await storedUnder(drive, JOINING_STORE_KEY)) !== null;
      if (drive.findings.length === 0 && !isJoining) voters.push(drive);
    }
    return new Registers(drives, newest === null ? null : new Topology(newest), voters);
  }

  get partitions(): PartitionCount {
    const takeOver = this.topology?.quorums.takeOver ?? 0;
    const uncertain = this.#replicas.filter((replicas) => replicas.length < takeOver);
    return { all: this.#replicas.length, uncertain: uncertain.length };
  }

  /** All with from ≤ key < to ('' = no end), ascending. */
  async *range(from: RegisterKey, to: RegisterKey): AsyncGenerator<FoundRegister> {
    const end = to === '' ? REGISTERS_END : REGISTER_PREFIX + to;
    const sources = this.#drives.map((drive) => ({ drive, values: drive.values(REGISTER_PREFIX + from, end) }));
    const heads = await Promise.all(
      sources.map(async ({ drive, values }) => ({ drive, values, head: await nextOf(values) })),
    );
    for (;;) {
      let key: string | null = null;
      for (const { head } of heads) if (head !== null && (key === null || head.key < key)) key = head.key;
      if (key === null) return;
      const holders = heads.filter(({ head }) => head?.key === key);
      const found = holders.map(({ drive, head }) => ({ drive, value: head!.value }));
      const register = await this.#judged(key.slice(REGISTER_PREFIX.length), found);
      if (register.values.length + register.damage.length > 0) yield register;
      for (const holder of holders) holder.head = await nextOf(holder.values);
    }
  }

  /** Whether there is any register with such a key, of whatever state. */
  has(from: RegisterKey, to: RegisterKey): boolean {
    return this.#drives.some((drive) => drive.hasValue(REGISTER_PREFIX + from, REGISTER_PREFIX + to));
  }

  async #judged(
    key: RegisterKey,
    found: readonly { readonly drive: BareDrive; readonly value: BareValue['value'] }[],
  ): Promise<FoundRegister> {
    const partition = this.topology?.partitionOf(key) ?? null;
    const members = partition === null ? [] : this.topology!.replicas(partition);
    const copies: (Copy & { readonly value: RegisterValue })[] = [];
    const damage: string[] = [];
    const damaged = new Set<BareDrive>();
    for (const { drive, value } of found) {
      const record = value instanceof CorruptionError ? null : decoded(value, registerRecord.decode);
      if (record === null) {
        damage.push(value instanceof CorruptionError ? value.message : `${drive.name}: not a register's record`);
        damaged.add(drive);
        continue;
      }
      const isReplica = members.some(({ id }) => id === drive.identity.driveId);
      const marks = partition === null ? null : await this.#partition(drive, partition);
      copies.push({ ...record, isReplica, isMarked: marks !== null && isMarked(marks, record.version) });
    }
    if (copies.length === 0) return { key, certainty: 'uncertain', values: [], damage };
    const here = partition === null ? [] : this.#replicas[partition]!.filter((drive) => !damaged.has(drive));
    const { certainty, candidates } = judge(copies, here.length, this.topology?.quorums ?? null);
    return { key, certainty, values: candidates.map(({ value }) => value), damage };
  }

  #partition(drive: BareDrive, partition: number): Promise<PartitionRecord | null> {
    const name = `${drive.name}\0${partition}`;
    const known =
      this.#partitions.get(name) ??
      storedUnder(drive, partitionStoreKey(partition)).then((value) => decoded(value, partitionRecord.decode));
    this.#partitions.set(name, known);
    return known;
  }
}

async function nextOf(values: AsyncGenerator<BareValue>): Promise<BareValue | null> {
  const { value, done } = await values.next();
  return done === true ? null : value;
}

/** null: absent, or not to be read. */
async function storedUnder(drive: BareDrive, key: string): Promise<Uint8Array | null> {
  for await (const { value } of drive.values(key, `${key}\0`)) return value instanceof CorruptionError ? null : value;
  return null;
}

function decoded<T>(value: Uint8Array | null, decode: (value: Uint8Array) => T): T | null {
  try {
    return value && decode(value);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
