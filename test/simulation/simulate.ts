// One seed, from a blank cluster to a verdict. Two phases: faults while clients work, in which nothing may ever be wrong; then
// everything is healed, and everything must come back within a bound. What a seed does depends on the seed alone.
import { History } from './checkers/history.ts';
import { type ClusterShape, SimCluster, type StartProgram } from './cluster.ts';
import { drawFaultKinds, type FaultKind, Nemesis } from './nemesis.ts';
import { NodeProgram } from './node-program.ts';
import { type Inspectable, type Leftovers, untilWhole } from './recovery.ts';
import { RegisterProgram } from './register-program.ts';
import { SimRandom } from './sim-random.ts';
import { Trace } from './trace.ts';
import { type Target, Workload } from './workload.ts';

export interface Plan {
  readonly seed: number;
  /** The whole node, or its lower half: the half is faster and reaches more. */
  readonly program: 'node' | 'registers';
  readonly shape: ClusterShape;
  readonly faults: readonly FaultKind[];
  /** Virtual time of the first phase. */
  readonly faultsMs: number;
  readonly faultIntervalMs: number;
  readonly clientCount: number;
  readonly keyCount: number;
  readonly thinkMeanMs: number;
}

export interface Report {
  readonly plan: Plan;
  /** Empty when every promise was kept. */
  readonly violations: readonly string[];
  readonly operations: number;
  readonly answered: number;
  readonly orphanedShards: number;
  readonly virtualMs: number;
  readonly events: number;
  /** Of the whole trace: equal for equal runs. */
  readonly digest: string;
  /** The last lines of the trace. */
  readonly trace: readonly string[];
}

const SHAPES: readonly ClusterShape[] = [
  { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2', driveBytes: 2 ** 30 },
  { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 1, scheme: '2+2', driveBytes: 2 ** 30 },
  { zones: { a: 2, b: 2, c: 2 }, drivesPerNode: 1, scheme: '4+2', driveBytes: 2 ** 30 },
  { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 },
];

/** After the faults have ended the cluster has so long to be whole again. */
const RECOVERY_LIMIT_MS = 180_000;
const START_LIMIT_MS = 60_000;
const PATIENCE_MS = 30_000;

export function planOf(seed: number): Plan {
  const random = new SimRandom(seed).split('plan');
  return {
    seed,
    program: random.pick(['node', 'registers']),
    shape: random.pick(SHAPES),
    faults: drawFaultKinds(random),
    faultsMs: random.pick([5_000, 20_000, 60_000]),
    faultIntervalMs: random.pick([100, 500, 2_000]),
    clientCount: 2 + random.below(6),
    keyCount: random.pick([1, 3, 8]),
    thinkMeanMs: random.pick([20, 100, 400]),
  };
}

/** traceLinesMax: how much of the end of the trace to keep. */
export function simulate(plan: Plan, traceLinesMax: number): Promise<Report> {
  switch (plan.program) {
    case 'node':
      return simulateProgram(plan, traceLinesMax, (surroundings) => new NodeProgram(surroundings));
    case 'registers':
      return simulateProgram(plan, traceLinesMax, (surroundings) => new RegisterProgram(surroundings));
  }
}

export async function simulateProgram<P extends Inspectable & { readonly target: Target }>(
  plan: Plan,
  traceLinesMax: number,
  start: StartProgram<P>,
): Promise<Report> {
  const cluster = new SimCluster(plan.seed, plan.shape, start, new Trace(traceLinesMax));
  const history = new History();
  const violations: string[] = [];
  const rejected = collectUnhandledRejections(violations);
  let orphanedShards = 0;
  try {
    ({ orphanedShards } = await live(plan, cluster, history));
  } catch (error) {
    violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await rejected();
  const { scheduler } = cluster;
  return {
    plan,
    violations: [...violations, ...history.violations()],
    operations: history.operationCount,
    answered: history.answeredCount,
    orphanedShards,
    virtualMs: scheduler.nowMs,
    events: scheduler.eventCount,
    digest: scheduler.trace.digest(),
    trace: scheduler.trace.tail(),
  };
}

async function live<P extends Inspectable & { readonly target: Target }>(
  plan: Plan,
  cluster: SimCluster<P>,
  history: History,
): Promise<Leftovers> {
  const { scheduler } = cluster;
  scheduler.note(`plan ${JSON.stringify(plan)}`);
  const nemesis = new Nemesis(cluster, plan.faults, plan.faultIntervalMs);
  const workload = new Workload(cluster, history, {
    clientCount: plan.clientCount,
    keys: Array.from({ length: plan.keyCount }, (_, index) => `key-${index}`),
    thinkMeanMs: plan.thinkMeanMs,
    patienceMs: PATIENCE_MS,
    putShare: 0.4,
    deleteShare: 0.1,
    listShare: 0.05,
    conditionalShare: 0.3,
  });
  nemesis.prepare();
  await cluster.startAll(START_LIMIT_MS);
  const { target } = cluster.machines[0]!.program!;
  await scheduler.runToEnd('what the clients need', target.prepare(), START_LIMIT_MS);
  nemesis.start();
  workload.start();
  await scheduler.runFor(plan.faultsMs);
  nemesis.heal();
  await scheduler.runToEnd('the last operation of every client', workload.stop(), PATIENCE_MS * 2);
  await cluster.untilAllReady(RECOVERY_LIMIT_MS);
  const leftovers = await untilWhole(cluster, RECOVERY_LIMIT_MS);
  for (const machine of cluster.machines) {
    await scheduler.runToEnd(
      `reading everything through ${machine.name}`,
      workload.readAll(machine, `the reader of ${machine.name}`),
      RECOVERY_LIMIT_MS,
    );
  }
  return leftovers;
}

/** Rejections that nobody handles are mistakes too; Node tells of them when the event loop turns. */
function collectUnhandledRejections(violations: string[]): () => Promise<void> {
  const onRejection = (reason: unknown) => {
    violations.push(`a rejection that nobody handles: ${reason instanceof Error ? reason.stack : String(reason)}`);
  };
  process.on('unhandledRejection', onRejection);
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onRejection);
  };
}
