// One seed, from a blank cluster to a verdict. Two phases: faults while clients work, in which nothing may ever be wrong; then
// everything is healed, and everything must come back within a bound. What a seed does depends on the seed alone.
import { parseScheme } from '../../node/core/cluster-map.ts';
import { History } from './checkers/history.ts';
import { ProtocolWitness } from './checkers/protocol-witness.ts';
import { SimCluster, type StartProgram } from './cluster.ts';
import { type FaultKind, Nemesis } from './nemesis.ts';
import { NodeProgram } from './node-program.ts';
import type { Plan } from './plan.ts';
import { type Inspectable, untilWhole } from './recovery.ts';
import { RegisterProgram } from './register-program.ts';
import { Trace } from './trace.ts';
import { type Violation, violationOf } from './violation.ts';
import { type Target, Workload } from './workload.ts';

export interface Report {
  readonly plan: Plan;
  /** Empty when every promise was kept. */
  readonly violations: readonly Violation[];
  readonly operations: number;
  readonly answered: number;
  readonly virtualMs: number;
  readonly events: number;
  /** Of the whole trace: equal for equal runs. */
  readonly digest: string;
  /** The last lines of the trace. */
  readonly trace: readonly string[];
}

/** After the faults have ended the cluster has so long to be whole again. */
const RECOVERY_LIMIT_MS = 180_000;
/** A founding in which a message gets lost goes on when the minute is over that formatting drives may take. */
const START_LIMIT_MS = 150_000;
const PATIENCE_MS = 30_000;
/** A disk that fails while it is formatted is refused until somebody looks after it; that is not what is tried here. */
const FOUNDING_FAULTS: ReadonlySet<FaultKind> = new Set([
  'kill',
  'power-cut',
  'partition',
  'lossy',
  'stray',
  'broken-connections',
  'pause',
  'slow-disks',
]);
const FOUNDING_INTERVAL_MS = 100;
const FOUNDING_STRIKES_MS = 2_000;

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
  const violations: Violation[] = [];
  const rejected = collectUnhandledRejections(violations);
  const unwatch = new ProtocolWitness({
    scheme: parseScheme(plan.shape.scheme),
    keeperCount: cluster.keeperCount,
    onBroken: (error) => cluster.scheduler.fail(error),
  }).watch();
  try {
    await live(plan, cluster, history);
  } catch (error) {
    violations.push(violationOf(error));
  } finally {
    unwatch();
  }
  await rejected();
  const { scheduler } = cluster;
  return {
    plan,
    violations: [...violations, ...history.violations().map((text) => ({ checker: 'linearizability', text }) as const)],
    operations: history.operationCount,
    answered: history.answeredCount,
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
): Promise<void> {
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
  await found(plan, cluster);
  const { target } = cluster.machines[0]!.program!;
  await scheduler.runToEnd('what the clients need', target.prepare(), START_LIMIT_MS);
  nemesis.start();
  workload.start();
  await scheduler.runFor(plan.faultsMs);
  nemesis.heal();
  await scheduler.runToEnd('the last operation of every client', workload.stop(), PATIENCE_MS * 2);
  await cluster.untilAllReady(RECOVERY_LIMIT_MS);
  await untilWhole(cluster, RECOVERY_LIMIT_MS, plan.faults.includes('bitrot'));
  for (const machine of cluster.machines) {
    await scheduler.runToEnd(
      `reading everything through ${machine.name}`,
      workload.readAll(machine, `the reader of ${machine.name}`),
      RECOVERY_LIMIT_MS,
    );
  }
}

/** The cluster is born, with faults or without. */
async function found<P extends Inspectable>(plan: Plan, cluster: SimCluster<P>): Promise<void> {
  const { scheduler } = cluster;
  if (plan.strikesFounding) {
    const faults = plan.faults.filter((kind) => FOUNDING_FAULTS.has(kind));
    const nemesis = new Nemesis(cluster, faults, FOUNDING_INTERVAL_MS, 'nemesis of the founding');
    nemesis.start();
    for (const machine of cluster.machines) machine.start();
    await scheduler.runFor(FOUNDING_STRIKES_MS);
    nemesis.heal();
  } else {
    for (const machine of cluster.machines) machine.start();
  }
  await cluster.untilAllReady(START_LIMIT_MS);
}

/** Rejections that nobody handles are mistakes too; Node tells of them when the event loop turns. */
function collectUnhandledRejections(violations: Violation[]): () => Promise<void> {
  const onRejection = (reason: unknown) => {
    violations.push({ ...violationOf(reason), checker: 'rejections' });
  };
  process.on('unhandledRejection', onRejection);
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onRejection);
  };
}
