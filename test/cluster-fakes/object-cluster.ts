// The object layer of a small cluster on virtual time: real coordinators, shard services and healers on a simulated network, over
// drives in memory and registers without a protocol. Drives and registers fail as the test says.
import { rememberErasures } from '../../node/cluster/blob-ports.ts';
import { ByteBudget } from '../../node/cluster/byte-budget.ts';
import { createObjectStore } from '../../node/cluster/create-object-store.ts';
import { createHealer, type Healer } from '../../node/cluster/heal.ts';
import type { ObjectStore } from '../../node/cluster/object-store.ts';
import { Rpc } from '../../node/cluster/rpc.ts';
import { ShardClient } from '../../node/cluster/shard-client.ts';
import { registerShardService } from '../../node/cluster/shards.ts';
import { Background, type StoreContext } from '../../node/cluster/store-context.ts';
import { STORE_LIMITS, type StoreLimits } from '../../node/cluster/store-limits.ts';
import { Topology } from '../../node/cluster/topology.ts';
import { type ClusterMap, parseScheme } from '../../node/core/cluster-map.ts';
import { createErasure } from '../../node/erasure/erasure.ts';
import type { Log } from '../../node/io/log.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimClock } from '../simulation/sim-clock.ts';
import { SimHost } from '../simulation/sim-host.ts';
import { SimNetwork } from '../simulation/sim-network.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { FakeRegisters } from './fake-registers.ts';
import { FaultyDrive, type ShardCall } from './faulty-drive.ts';

export interface ObjectClusterShape {
  /** Nodes by zone: { a: 1, b: 2 } gives a1, b1, b2. */
  readonly zones: Readonly<Record<string, number>>;
  readonly drivesPerNode: number;
  readonly scheme: string;
}

/** Four zones with one node of two drives each: the default spec. */
export const DEFAULT_SHAPE: ObjectClusterShape = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2' };

export interface TestNode {
  readonly name: string;
  readonly store: ObjectStore;
  readonly healer: Healer;
  readonly context: StoreContext;
}

const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT_LOG };

export class ObjectCluster {
  readonly scheduler = new Scheduler();
  readonly registers = new FakeRegisters(this.scheduler);
  readonly network: SimNetwork;
  readonly drives = new Map<string, FaultyDrive>();
  readonly nodes: TestNode[] = [];
  readonly random: SimRandom;
  #topology: Topology;
  readonly #silent = new Set<string>();
  readonly #listeners: ((topology: Topology) => void)[] = [];

  constructor(
    shape: ObjectClusterShape = DEFAULT_SHAPE,
    { seed = 1, limits = {} }: { seed?: number | string; limits?: Partial<StoreLimits> } = {},
  ) {
    this.random = new SimRandom(seed);
    this.network = new SimNetwork({ scheduler: this.scheduler, random: this.random.split('network') });
    this.#topology = new Topology(firstMap(shape));
    for (const { slot, id } of this.#topology.map.drives) {
      const { clusterId } = this.#topology.map;
      this.drives.set(slot, new FaultyDrive({ clusterId, driveId: id, slot }));
    }
    for (const { name } of this.#topology.map.nodes)
      this.nodes.push(this.#createNode(name, { ...STORE_LIMITS, ...limits }));
  }

  get topology(): Topology {
    return this.#topology;
  }

  get slots(): string[] {
    return [...this.drives.keys()];
  }

  drive(slot: string): FaultyDrive {
    return this.drives.get(slot)!;
  }

  node(name: string): TestNode {
    return this.nodes.find((node) => node.name === name)!;
  }

  /** The store of the first node. */
  get store(): ObjectStore {
    return this.nodes[0]!.store;
  }

  /** Runs the cluster until the work is done. */
  run<T>(work: Promise<T>, limitMs = 600_000): Promise<T> {
    return this.scheduler.runToEnd('the work', work, limitMs);
  }

  /** Lets the cluster do what it does, for so long. */
  pass(durationMs: number): Promise<void> {
    return this.scheduler.runFor(durationMs);
  }

  /** Every call on shards of every drive is asked about. */
  setFate(fate: FaultyDrive['fate']): void {
    for (const drive of this.drives.values()) drive.fate = fate;
  }

  /** What shard calls there were, while the returned array is kept. */
  recordCalls(): ShardCall[] {
    const calls: ShardCall[] = [];
    for (const drive of this.drives.values()) {
      const { fate } = drive;
      drive.fate = (call) => {
        calls.push(call);
        return fate(call);
      };
    }
    return calls;
  }

  startHealers(): void {
    for (const { healer } of this.nodes) healer.start();
  }

  /** The agreed map says so from now on. */
  setState(slots: readonly string[], state: 'up' | 'down'): void {
    const { map } = this.#topology;
    const drives = map.drives.map((drive) => (slots.includes(drive.slot) ? { ...drive, state } : drive));
    this.#topology = new Topology({ ...map, epoch: map.epoch + 1, drives });
    for (const listener of this.#listeners) listener(this.#topology);
  }

  /** Nobody hears of the node any more, and everybody notices. */
  silence(nodeName: string): void {
    this.#silent.add(nodeName);
    for (const { name } of this.nodes) {
      if (name === nodeName) continue;
      this.network.cut(name, nodeName);
      this.network.cut(nodeName, name);
    }
  }

  hearAll(): void {
    this.#silent.clear();
    this.network.heal();
  }

  /** The drive has lost everything. */
  wipe(slot: string): void {
    this.drive(slot).shards.clear();
  }

  slotsOf(nodeName: string): string[] {
    return this.slots.filter((slot) => slot.startsWith(`${nodeName}/`));
  }

  /** All shards, as "slot blobId position", sorted. */
  shards(): string[] {
    return [...this.drives].flatMap(([slot, drive]) =>
      drive.names().map(({ blobId, position }) => `${slot} ${blobId} ${position}`),
    );
  }

  /** Where the shards of a blob lie when nothing is out of place. */
  rightPlaces(blobId: string): string[] {
    const positions = this.#topology.positions(this.#topology.partitionOf(blobId));
    return positions.map(({ slot }, position) => `${slot} ${blobId} ${position}`);
  }

  blobIds(): string[] {
    return [...new Set(this.shards().map((shard) => shard.split(' ')[1]!))];
  }

  #createNode(name: string, limits: StoreLimits): TestNode {
    const host = new SimHost(name, this.scheduler);
    const clock = new SimClock(host);
    const random = this.random.split(name);
    const rpc = new Rpc(this.network.attach(host), clock, random);
    const topology = {
      current: () => this.#topology,
      seemsUp: (node: string) => node === name || !this.#silent.has(node),
      onChange: (listener: (topology: Topology) => void) => void this.#listeners.push(listener),
    };
    const own = this.slotsOf(name).map((slot) => this.drive(slot));
    registerShardService(rpc, (slot) => own.find((drive) => drive.identity.slot === slot) ?? null, clock);
    const ports = {
      topology,
      shards: new ShardClient({ rpc, topology, random, limits }),
      clock,
      random,
      limits,
      writeBudget: new ByteBudget(limits.writeBudgetBytes, clock),
      readBudget: new ByteBudget(limits.readBudgetBytes, clock),
      erasure: rememberErasures(createErasure),
      registers: this.registers.on(name, () => this.#topology),
      log: SILENT_LOG,
      background: new Background(SILENT_LOG),
    };
    const healer = createHealer({ ...ports, drives: { open: () => own }, isCatchingUp: () => false });
    const context: StoreContext = { ...ports, healing: healer };
    return { name, context, healer, store: createObjectStore(context) };
  }
}

/** With every drive up. */
export function firstMap({ zones, drivesPerNode, scheme }: ObjectClusterShape): ClusterMap {
  const nodes = Object.entries(zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, at) => ({
      name: `${zone}${at + 1}`,
      zone,
      address: `http://${zone}${at + 1}:9000`,
    })),
  );
  const drives = nodes.flatMap(({ name }, nodeAt) =>
    Array.from({ length: drivesPerNode }, (_, at) => ({
      id: (nodeAt * 256 + at).toString(16).padStart(32, '0'),
      slot: `${name}/d${at + 1}`,
      node: name,
      weight: 1,
      state: 'up' as const,
    })),
  );
  const keepers = drives.slice(0, 3).map(({ slot }) => slot);
  return {
    clusterId: 'c'.repeat(32),
    epoch: 1,
    scheme: parseScheme(scheme),
    partitionCount: 64,
    nodes,
    drives,
    keepers,
  };
}
