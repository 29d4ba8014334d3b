// A whole cluster in one process: machines with simulated disks and clocks on a simulated network, and on each of them the
// real node program, started, killed and started again. What the program is, is the caller's choice: the whole node, or only
// its lower half. This file owns the machines and what can be done to them; it knows nothing of objects or registers.
import { parseScheme } from '../../node/core/cluster-map.ts';
import { chooseKeepers } from '../../node/core/keepers.ts';
import type { Clock } from '../../node/io/clock.ts';
import type { Disk } from '../../node/io/disk.ts';
import type { Network } from '../../node/io/network.ts';
import type { Random } from '../../node/io/random.ts';
import type { EngineTuning } from '../../node/storage/open.ts';
import { frameName } from './frame-names.ts';
import { Scheduler } from './scheduler.ts';
import { type ClockErrors, SimClock } from './sim-clock.ts';
import { SimDisk } from './sim-disk.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';
import { Trace } from './trace.ts';

export interface ClusterShape {
  /** Nodes by zone: { a: 1, b: 2 } gives a1, b1, b2. */
  readonly zones: Readonly<Record<string, number>>;
  readonly drivesPerNode: number;
  readonly scheme: string;
  readonly driveBytes: number;
  /** Every drive has its log on a device of its own. */
  readonly hasLogDevices?: boolean;
  /** Small files and frequent checkpoints show in minutes what takes real drives days. */
  readonly tuning?: Partial<EngineTuning>;
}

export interface MountedDrive {
  readonly slot: string;
  readonly disk: Disk;
  /** undefined: the log lies on the drive. */
  readonly log: Disk | undefined;
}

/** What a program gets when it starts: its ports, and where it is. */
export interface Surroundings {
  readonly name: string;
  readonly zone: string;
  readonly scheme: string;
  /** "http://a1:9000/d1" for every drive of the cluster. */
  readonly endpoints: readonly string[];
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  /** This node's drives, mounted for this process. */
  readonly drives: readonly MountedDrive[];
  readonly tuning: Partial<EngineTuning>;
  /** Who is behind an address, before names are known. Rejects when nobody answers. */
  readonly probe: (address: string) => Promise<{ readonly name: string; readonly hello: Uint8Array }>;
  /** For the trace. */
  readonly note: (text: string) => void;
}

/** A running node program. */
export interface Program {
  /** What it tells those who probe its address. */
  hello(): Uint8Array;
  /** It takes requests of clients, though it may not be able to do much yet. */
  serves(): boolean;
  /** It has caught up since its start. */
  ready(): boolean;
}

export type StartProgram<P extends Program> = (surroundings: Surroundings) => P;

export class SimCluster<P extends Program> {
  readonly shape: ClusterShape;
  readonly scheduler: Scheduler;
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly machines: readonly Machine<P>[];
  readonly #start: StartProgram<P>;

  constructor(seed: number | string, shape: ClusterShape, start: StartProgram<P>, trace = new Trace()) {
    this.shape = shape;
    this.#start = start;
    this.scheduler = new Scheduler(trace);
    this.random = new SimRandom(seed);
    this.network = new SimNetwork({
      scheduler: this.scheduler,
      random: this.random.split('network'),
      describe: frameName,
    });
    this.machines = Object.entries(shape.zones).flatMap(([zone, count]) =>
      Array.from({ length: count }, (_, index) => new Machine<P>(`${zone}${index + 1}`, zone, this)),
    );
  }

  machine(name: string): Machine<P> {
    const machine = this.machines.find((candidate) => candidate.name === name);
    if (machine === undefined) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  get zones(): string[] {
    return Object.keys(this.shape.zones);
  }

  /** Of the map that the founders will make. */
  get keeperCount(): number {
    const drives = this.machines.flatMap(({ name, zone, drives: disks }) =>
      disks.map((disk) => ({ slot: disk.name, node: name, zone, weight: 1 })),
    );
    return chooseKeepers(drives, parseScheme(this.shape.scheme)).length;
  }

  async startAll(limitMs: number): Promise<void> {
    for (const machine of this.machines) machine.start();
    await this.untilAllReady(limitMs);
  }

  async untilAllReady(limitMs: number): Promise<void> {
    const isReady = (machine: Machine<P>) => machine.program?.ready() === true;
    await this.scheduler.runUntil('every node is ready', () => this.machines.every(isReady), limitMs);
  }

  /** @internal */
  launch(surroundings: Surroundings): P {
    return this.#start(surroundings);
  }

  get endpoints(): string[] {
    return this.machines.flatMap(({ drives, address }) =>
      drives.map((disk) => `${address}/${disk.name.split('/')[1]}`),
    );
  }

  get addresses(): string[] {
    return this.machines.map(({ address }) => address);
  }
}

/** A computer with drives. It outlives its processes. */
export class Machine<P extends Program> {
  readonly name: string;
  readonly zone: string;
  readonly drives: readonly SimDisk[];
  /** The log device of each drive, where the shape has them. */
  readonly logs: readonly SimDisk[];
  /** How wrong its clocks are from the next start on. */
  clockErrors: ClockErrors = { skewMs: 0, drift: 0 };
  readonly #cluster: SimCluster<P>;
  #process: { readonly host: SimHost; readonly clock: SimClock; readonly program: P } | null = null;
  #starts = 0;

  constructor(name: string, zone: string, cluster: SimCluster<P>) {
    this.name = name;
    this.zone = zone;
    this.#cluster = cluster;
    const random = cluster.random.split(`machine ${name}`);
    this.drives = Array.from({ length: cluster.shape.drivesPerNode }, (_, index) => {
      const slot = `${name}/d${index + 1}`;
      return new SimDisk({ name: slot, random: random.split(slot), capacityBytes: cluster.shape.driveBytes });
    });
    const logged = cluster.shape.hasLogDevices === true ? this.drives : [];
    this.logs = logged.map(({ name: slot }) => {
      const log = `${slot}.log`;
      return new SimDisk({ name: log, random: random.split(log), capacityBytes: cluster.shape.driveBytes });
    });
  }

  get address(): string {
    return `http://${this.name}:9000`;
  }

  /** null while it is down. */
  get program(): P | null {
    return this.#process?.program ?? null;
  }

  get host(): SimHost | null {
    return this.#process?.host ?? null;
  }

  /** A new, empty drive (and log device) in the place of this one, while the machine is down. */
  replaceDrive(slot: string): void {
    this.#cluster.scheduler.note(`life ${slot} is taken out, an empty one put in`);
    for (const disk of [...this.drives, ...this.logs]) if (disk.name.startsWith(slot)) disk.wipe();
  }

  get isUp(): boolean {
    return this.#process !== null;
  }

  start(): P {
    if (this.#process !== null) throw new Error(`${this.name} runs already`);
    const { scheduler, network, random, shape, endpoints, addresses } = this.#cluster;
    scheduler.note(`life ${this.name} starts`);
    const host = new SimHost(this.name, scheduler);
    const clock = new SimClock(host, this.clockErrors);
    const program = this.#cluster.launch({
      name: this.name,
      zone: this.zone,
      scheme: shape.scheme,
      endpoints,
      addresses,
      clock,
      network: network.attach(host),
      random: random.split(`process ${this.name} ${++this.#starts}`),
      drives: this.drives.map((disk, at) => ({
        slot: disk.name,
        disk: disk.mount(host),
        log: this.logs[at]?.mount(host),
      })),
      tuning: shape.tuning ?? {},
      probe: (address) => this.#probe(host, address),
      note: (text) => scheduler.note(`${this.name}   ${text}`),
    });
    this.#process = { host, clock, program };
    return program;
  }

  /** The process dies (SIGKILL); what it had written stays. */
  kill(): void {
    this.#cluster.scheduler.note(`life ${this.name} is killed`);
    this.#process?.host.kill();
    this.#process = null;
    for (const disk of [...this.drives, ...this.logs]) disk.kill();
  }

  /** The machine loses power: the process dies, and of what was not synced a random part survives. */
  cutPower(): void {
    this.#cluster.scheduler.note(`life ${this.name} loses power`);
    this.#process?.host.kill();
    this.#process = null;
    for (const disk of [...this.drives, ...this.logs]) disk.crash();
  }

  /** The process stands still, and then goes on as if nothing had been. */
  pause(durationMs: number): void {
    this.#cluster.scheduler.note(`life ${this.name} stands still for ${durationMs.toFixed(0)} ms`);
    this.#process?.host.pause(durationMs);
  }

  resume(): void {
    this.#process?.host.resume();
  }

  jumpWallClock(byMs: number): void {
    this.#cluster.scheduler.note(`life ${this.name}: wall clock jumps by ${byMs.toFixed(0)} ms`);
    this.#process?.clock.jumpWall(byMs);
  }

  async #probe(host: SimHost, address: string): Promise<{ name: string; hello: Uint8Array }> {
    const peer = this.#cluster.machines.find((machine) => machine.address === address);
    if (peer === undefined) throw new Error(`no machine has the address ${address}`);
    await this.#cluster.network.roundTrip(host, peer.name);
    if (peer.program === null) throw new Error(`nobody listens at ${address}`);
    return { name: peer.name, hello: peer.program.hello() };
  }
}
