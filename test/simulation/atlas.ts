// The fault atlas: what the plan of a layout says of a loss, tried on the layout. Where it promises reads, every object is read;
// where it promises writes, every write is done; and where it does not, what cannot be done is refused cleanly. Never a
// wrong byte, never an operation without an end.
import { evaluate } from '../../plan/evaluate.ts';
import { assessLoss } from '../../plan/evaluate-partitions.ts';
import { type ClusterSpec, parseClusterSpec } from '../../spec/cluster-spec.ts';
import { UNCONDITIONAL } from './checkers/object-model.ts';
import { type ClusterShape, type Machine, SimCluster } from './cluster.ts';
import { NodeProgram } from './node-program.ts';
import { untilWhole } from './recovery.ts';
import { PromiseBroken } from './violation.ts';
import { OutcomeUnknown } from './workload.ts';

/** A set of drives that are lost together, and what the plan says about it. */
export interface Case {
  readonly lost: string;
  readonly slots: readonly string[];
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface Tried {
  readonly loss: Case;
  readonly readsDone: number;
  readonly readsRefused: number;
  readonly writesDone: number;
  readonly writesRefused: number;
}

const START_LIMIT_MS = 60_000;
const OPERATION_LIMIT_MS = 120_000;
const HEAL_LIMIT_MS = 180_000;
/** Long enough for replicas to be told what is decided. */
const QUIET_MS = 1_000;
/** As many as clients of S3 make by default. */
const ATTEMPTS = 3;
const KEYS = 10;
const WRITES = 3;
const REFUSALS = 2;

/** Every zone, node and drive, pairs of drives, drives with zones: as the plan lists them; and zones with each other. */
export function casesOf(shape: ClusterShape): Case[] {
  const spec = specOf(shape);
  const nodes = Object.entries(shape.zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) => ({ zone, node: `${zone}${index + 1}` })),
  );
  const drives = nodes.flatMap(({ zone, node }) =>
    Array.from({ length: shape.drivesPerNode }, (_, index) => ({ zone, node, slot: `${node}/d${index + 1}` })),
  );
  const slotsOf = (lost: string) => {
    const names = lost.split(' + ');
    const isNamed = ({ zone, node, slot }: (typeof drives)[number]) =>
      names.some((name) => [slot, node, zone, `zone ${zone}`].includes(name));
    return drives.filter(isNamed).map(({ slot }) => slot);
  };
  const listed = evaluate(spec).losses.flatMap(({ cases }) => cases.map(({ lost }) => lost));
  const zones = Object.keys(shape.zones);
  const beyond = zones.slice(1).map((zone) => `zone ${zones[0]} + zone ${zone}`);
  return [...new Set([...listed, ...beyond])].map((lost) => {
    const slots = slotsOf(lost);
    const { reads, writes } = assessLoss(spec, slots);
    return { lost, slots, reads, writes };
  });
}

/** One loss in a cluster of its own, and its end. Rejects with PromiseBroken. */
export async function tryLoss(shape: ClusterShape, loss: Case): Promise<Tried> {
  const atlas = new Atlas(`atlas ${loss.lost}`, shape);
  await atlas.begin();
  return atlas.lose(loss);
}

class Atlas {
  readonly #cluster: SimCluster<NodeProgram>;
  /** What must be read, by key. */
  readonly #known = new Map<string, string>();
  #nextLabel = 0;

  constructor(seed: string, shape: ClusterShape) {
    this.#cluster = new SimCluster(seed, shape, (surroundings) => new NodeProgram(surroundings));
  }

  async begin(): Promise<void> {
    const { scheduler, machines } = this.#cluster;
    await this.#cluster.startAll(START_LIMIT_MS);
    await scheduler.runToEnd('the bucket', machines[0]!.program!.target.prepare(), START_LIMIT_MS);
    for (let at = 0; at < KEYS; at++) {
      if (!(await this.#write(machines[at % machines.length]!, true)))
        throw new PromiseBroken('answers', 'a write was refused while nothing was lost');
    }
  }

  async lose(loss: Case): Promise<Tried> {
    const { scheduler, machines } = this.#cluster;
    await scheduler.runFor(QUIET_MS);
    scheduler.note(`atlas ${loss.lost} is lost`);
    for (const machine of machines) this.#loseOf(machine, loss.slots);
    const left = machines.filter(({ isUp }) => isUp);
    const counts = { readsDone: 0, readsRefused: 0, writesDone: 0, writesRefused: 0 };
    // What is not promised is tried only so often that it shows how it is refused.
    const keys = [...this.#known.keys()].slice(loss.reads ? -KEYS : -REFUSALS);
    for (const [at, key] of keys.entries()) {
      const isDone = left.length > 0 && (await this.#read(left[at % left.length]!, key, loss.reads));
      counts[isDone ? 'readsDone' : 'readsRefused']++;
      if (!isDone && loss.reads) throw new PromiseBroken('answers', `with ${loss.lost} lost, ${key} cannot be read`);
    }
    for (let at = 0; at < (loss.writes ? WRITES : REFUSALS); at++) {
      const isDone = left.length > 0 && (await this.#write(left[at % left.length]!, loss.writes));
      counts[isDone ? 'writesDone' : 'writesRefused']++;
      if (!isDone && loss.writes) throw new PromiseBroken('answers', `with ${loss.lost} lost, a write was refused`);
    }
    await this.#recover();
    return { loss, ...counts };
  }

  /** A node that loses all its drives is gone; of others, each lost drive fails every operation. */
  #loseOf(machine: Machine<NodeProgram>, slots: readonly string[]): void {
    const lost = machine.drives.filter(({ name }) => slots.includes(name));
    if (lost.length === machine.drives.length) machine.kill();
    else for (const { faults } of lost) setErrors(faults, 1);
  }

  async #recover(): Promise<void> {
    for (const machine of this.#cluster.machines) {
      const hasFailed = machine.drives.some(({ faults }) => faults.readErrorChance > 0);
      for (const { faults } of machine.drives) setErrors(faults, 0);
      if (hasFailed) machine.kill();
      if (!machine.isUp) machine.start();
    }
    await this.#cluster.untilAllReady(HEAL_LIMIT_MS);
    await untilWhole(this.#cluster, HEAL_LIMIT_MS, false);
  }

  /** false: refused cleanly. */
  async #read(machine: Machine<NodeProgram>, key: string, isPromised: boolean): Promise<boolean> {
    const found = await this.#cleanly(`reading ${key}`, isPromised, () => machine.program!.target.get(key));
    if (found === undefined) return false;
    if (found === this.#known.get(key)) return true;
    throw new PromiseBroken('answers', `${key} was read as ${found}, ${this.#known.get(key)} was written`);
  }

  async #write(machine: Machine<NodeProgram>, isPromised: boolean): Promise<boolean> {
    const label = `v${++this.#nextLabel}`;
    const key = `key-${label}`;
    const answer = await this.#cleanly(`writing ${key}`, isPromised, () =>
      machine.program!.target.put(key, label, UNCONDITIONAL),
    );
    if (answer === 'done') this.#known.set(key, label);
    return answer === 'done';
  }

  /** undefined: 503; where more is promised, at every attempt that a client would make. */
  async #cleanly<T>(what: string, isPromised: boolean, operation: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; attempt < (isPromised ? ATTEMPTS : 1); attempt++) {
      try {
        return await this.#cluster.scheduler.runToEnd(what, operation(), OPERATION_LIMIT_MS);
      } catch (error) {
        if (!(error instanceof OutcomeUnknown)) throw error;
        this.#cluster.scheduler.note(`atlas ${what}: ${error.message}`);
      }
    }
    return undefined;
  }
}

function setErrors(
  faults: { readErrorChance: number; writeErrorChance: number; syncErrorChance: number },
  chance: number,
) {
  Object.assign(faults, { readErrorChance: chance, writeErrorChance: chance, syncErrorChance: chance });
}

function specOf({ zones, drivesPerNode, scheme }: ClusterShape): ClusterSpec {
  const text = JSON.stringify({ name: 'atlas', erasure: scheme, zones, drives: drivesPerNode });
  const parsed = parseClusterSpec(text, 'atlas');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.spec;
}
