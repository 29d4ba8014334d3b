// Breaks a simulated cluster. Every seed switches whole kinds of faults on or off (swarm testing, Groce et al., 2012):
// runs with few kinds reach states that runs with all kinds at once never do. What loses durable data (wiped drives, flipped
// bits) is left to the operator, who keeps to what the scheme promises to survive.
import { parseScheme } from '../../node/core/cluster-map.ts';
import { lossBudget } from '../../node/core/quorum.ts';
import type { SimCluster } from './cluster.ts';
import { Operator } from './operator.ts';
import type { Inspectable } from './recovery.ts';
import type { SimRandom } from './sim-random.ts';

export const FAULT_KINDS = [
  'kill', // one process dies and is started again
  'power-cut', // one machine, one zone or all machines lose power
  'partition', // the network splits, in both directions or in one
  'lossy', // frames are dropped and duplicated
  'stray', // some frames arrive seconds late
  'broken-connections',
  'pause', // a process stands still
  'clocks', // clocks drift and jump
  'slow-disks',
  'disk-errors', // reads, writes and syncs fail now and then
  'full-disks', // a drive has no space for a while
  'replaced-drives', // a drive or its log device is lost, and an empty drive admitted in its place
  'bitrot', // a bit of a shard flips at rest
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export function drawFaultKinds(random: SimRandom): FaultKind[] {
  const share = random.pick([0.15, 0.35, 0.6]);
  return FAULT_KINDS.filter(() => random.chance(share));
}

/** What cannot be survived at the same time is not promised at the same time. */
export function survivable(kinds: readonly FaultKind[], scheme: string): FaultKind[] {
  const isTooMuch = kinds.includes('replaced-drives') && lossBudget(parseScheme(scheme)) < 2;
  return isTooMuch ? kinds.filter((kind) => kind !== 'bitrot') : [...kinds];
}

export class Nemesis<P extends Inspectable> {
  readonly kinds: readonly FaultKind[];
  readonly #cluster: SimCluster<P>;
  readonly #random: SimRandom;
  readonly #intervalMeanMs: number;
  readonly #operator: Operator<P>;
  #stopped = false;

  constructor(cluster: SimCluster<P>, kinds: readonly FaultKind[], intervalMeanMs: number, name = 'nemesis') {
    this.kinds = kinds;
    this.#cluster = cluster;
    this.#random = cluster.random.split(name);
    this.#operator = new Operator(cluster, this.#random.split('operator'));
    this.#intervalMeanMs = intervalMeanMs;
  }

  /** Called before the machines start: clocks are wrong from the beginning. */
  prepare(): void {
    if (!this.kinds.includes('clocks')) return;
    for (const machine of this.#cluster.machines) {
      machine.clockErrors = {
        skewMs: this.#random.between(-600_000, 600_000),
        drift: this.#random.between(-0.01, 0.01),
      };
    }
  }

  start(): void {
    if (this.kinds.length > 0) this.#next();
  }

  /** Ends all faults and starts what is down. What failed for good (a drive that gave itself up) gets a new process. */
  heal(): void {
    this.#stopped = true;
    this.#operator.stop();
    const { network, machines, scheduler } = this.#cluster;
    scheduler.note('heal all faults end');
    network.heal();
    for (const machine of machines) {
      for (const { faults } of machine.drives) {
        Object.assign(faults, { readErrorChance: 0, writeErrorChance: 0, syncErrorChance: 0, full: false });
        Object.assign(faults, { minMs: 0.02, meanMs: 0.2 });
      }
      machine.resume();
      const mayHaveFailedDrives = this.kinds.includes('disk-errors') || this.kinds.includes('full-disks');
      if (machine.isUp && mayHaveFailedDrives) machine.kill();
      if (!machine.isUp) machine.start();
    }
  }

  #next(): void {
    const { scheduler } = this.#cluster;
    scheduler.after(this.#random.longTailed(1, this.#intervalMeanMs), 'nemesis', () => {
      if (this.#stopped) return;
      this.#strike(this.#random.pick(this.kinds));
      this.#next();
    });
  }

  #strike(kind: FaultKind): void {
    const random = this.#random;
    const { machines, network } = this.#cluster;
    const machine = random.pick(machines);
    switch (kind) {
      case 'kill':
        if (machine.isUp) machine.kill();
        this.#startSoon(machine.name);
        return;
      case 'power-cut':
        for (const victim of this.#powerCutVictims()) {
          victim.cutPower();
          this.#startSoon(victim.name);
        }
        return;
      case 'partition':
        this.#partition();
        return;
      case 'lossy':
        Object.assign(network.quality, {
          dropChance: random.pick([0, 0.01, 0.1, 0.3]),
          duplicateChance: random.pick([0, 0.01, 0.2]),
        });
        return;
      case 'stray':
        Object.assign(network.quality, {
          strayChance: random.pick([0, 0.01, 0.1]),
          strayMs: random.pick([50, 1_000, 20_000]),
          meanMs: random.pick([0.5, 5, 50]),
        });
        return;
      case 'broken-connections':
        network.breakConnection(machine.name, random.pick(machines).name);
        return;
      case 'pause':
        machine.pause(random.longTailed(1, random.pick([50, 1_000, 10_000])));
        return;
      case 'clocks':
        machine.jumpWallClock(random.between(-3_600_000, 3_600_000));
        return;
      case 'slow-disks':
        Object.assign(random.pick(machine.drives).faults, { meanMs: random.pick([0.2, 5, 50, 500]) });
        return;
      case 'disk-errors':
        this.#diskErrors();
        return;
      case 'full-disks':
        random.pick(machine.drives).faults.full = random.chance(0.5);
        return;
      case 'replaced-drives':
        this.#during(this.#operator.loseDrive());
        return;
      case 'bitrot':
        this.#during(this.#operator.flipBit());
        return;
    }
  }

  #during(work: Promise<void>): void {
    work.catch((error) => this.#cluster.scheduler.fail(error));
  }

  #startSoon(name: string): void {
    this.#cluster.scheduler.after(
      this.#random.longTailed(5, this.#random.pick([20, 500, 4_000])),
      `${name} comes back`,
      () => {
        const machine = this.#cluster.machine(name);
        if (!machine.isUp && !this.#stopped) machine.start();
      },
    );
  }

  #powerCutVictims() {
    const { machines, zones } = this.#cluster;
    const zone = this.#random.pick(zones);
    const choices = [[this.#random.pick(machines)], machines.filter((machine) => machine.zone === zone), machines];
    return this.#random.pick(choices);
  }

  #partition(): void {
    const { machines, network, scheduler } = this.#cluster;
    const names = this.#random.shuffled(machines.map(({ name }) => name));
    const cutAt = 1 + this.#random.below(Math.max(1, names.length - 1));
    const groups = [names.slice(0, cutAt), names.slice(cutAt)];
    const isOneWay = this.#random.chance(0.4);
    scheduler.note(`net  ${groups[0]!.join(' ')} ${isOneWay ? '->' : '<->'} ${groups[1]!.join(' ')} is cut`);
    if (isOneWay) for (const from of groups[0]!) for (const to of groups[1]!) network.cut(from, to);
    else network.partition(groups);
    // Longer ones outlast every deadline, so that what happened stays unknown to nodes that live on.
    const durationMs = this.#random.longTailed(10, this.#random.pick([1_000, 3_000, 25_000]));
    scheduler.after(durationMs, 'the partition ends', () => {
      scheduler.note('net  all links are whole again');
      for (const from of names) for (const to of names) network.mend(from, to);
    });
  }

  #diskErrors(): void {
    const disk = this.#random.pick(this.#random.pick(this.#cluster.machines).drives);
    const chance = this.#random.pick([0, 0, 0.001, 0.02]);
    this.#cluster.scheduler.note(`disk ${disk.name}: errors with chance ${chance}`);
    const kind = this.#random.pick(['readErrorChance', 'writeErrorChance', 'syncErrorChance'] as const);
    disk.faults[kind] = chance;
  }
}
