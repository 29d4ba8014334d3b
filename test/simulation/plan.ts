// What a seed does, drawn from the seed alone: the cluster, the program, the kinds of faults, the clients.
import type { ClusterShape } from './cluster.ts';
import { drawFaultKinds, type FaultKind, survivable } from './nemesis.ts';
import { SimRandom } from './sim-random.ts';

export interface Plan {
  readonly seed: number;
  /** The whole node, or its lower half: the half is faster and reaches more. */
  readonly program: 'node' | 'registers';
  readonly shape: ClusterShape;
  readonly faults: readonly FaultKind[];
  /** They also strike while the cluster is being founded. */
  readonly strikesFounding: boolean;
  /** Virtual time of the first phase. */
  readonly faultsMs: number;
  readonly faultIntervalMs: number;
  readonly clientCount: number;
  readonly keyCount: number;
  readonly thinkMeanMs: number;
}

export const SHAPES: readonly ClusterShape[] = [
  { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2', driveBytes: 2 ** 30 },
  { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 1, scheme: '2+2', driveBytes: 2 ** 30 },
  { zones: { a: 2, b: 2, c: 2 }, drivesPerNode: 1, scheme: '4+2', driveBytes: 2 ** 30 },
  { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 },
];

const SMALL_FILES = {
  memtableBytes: 32 * 2 ** 10,
  checkpointLogBytes: 128 * 2 ** 10,
  checkpointIntervalMs: 1_000,
  recordFileBytes: 64 * 2 ** 10,
};

/** Parts of a plan that are not left to the seed. */
export type Focus = Partial<Omit<Plan, 'seed'>>;

export function planOf(seed: number, focus: Focus = {}): Plan {
  const random = new SimRandom(seed).split('plan');
  const drawn: Plan = {
    seed,
    program: random.pick(['node', 'registers']),
    shape: random.pick(SHAPES),
    faults: drawFaultKinds(random),
    faultsMs: random.pick([5_000, 20_000, 60_000]),
    faultIntervalMs: random.pick([100, 500, 2_000]),
    clientCount: 2 + random.below(6),
    keyCount: random.pick([1, 3, 8]),
    thinkMeanMs: random.pick([20, 100, 400]),
    strikesFounding: random.chance(0.2),
  };
  const hasLogDevices = random.chance(0.25);
  const tuning = random.chance(0.5) ? SMALL_FILES : {};
  const plan = { ...drawn, shape: { ...drawn.shape, hasLogDevices, tuning }, ...focus };
  return { ...plan, faults: survivable(plan.faults, plan.shape.scheme) };
}
