// A rollout: every pod that is not what its StatefulSet says is replaced, one at a time, each after the gate said that its node can be spared
// and the budget let it go, the next when it is ready again. Stops at the first pod that does not come back, and says which and why;
// started again it goes on from what is there, forwards or backwards.
import type { GateAnswer } from '../gate.ts';
import type { ClusterState, PodState } from './cluster-state.ts';
import type { StackZone } from './describe.ts';
import { KubernetesError } from './errors.ts';
import { nextStep, type RollStep } from './roll-step.ts';

export interface RollPort {
  state(): Promise<ClusterState>;
  /** Whether the node behind the pod may be taken down now; once. */
  askGate(node: string, state: ClusterState): Promise<GateAnswer>;
  /** Through the API that keeps to the budget. null: it goes; else why it may not now. */
  evict(pod: string): Promise<string | null>;
  /** Without asking anybody. */
  remove(pod: string): Promise<void>;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

export interface RollProps {
  readonly zones: readonly StackZone[];
  /** 0: the plan survives the loss of no node, so no pod can ever be spared, and nobody is asked. */
  readonly budget: number;
  readonly gateMs: number;
  readonly readyMs: number;
  readonly say: (text: string) => void;
}

export interface RollOutcome {
  /** Pods that were replaced, in their order. */
  readonly replaced: readonly string[];
}

const POLL_MS = 2_000;
/** A reason that no waiting will change must hold for so long: a registry may stumble once. */
const STUCK_MS = 60_000;

/** Rejects with KubernetesError, kind 'failure'; what was replaced by then stays replaced. */
export async function roll(port: RollPort, props: RollProps): Promise<RollOutcome> {
  const replaced: string[] = [];
  for (;;) {
    const step = await settle(port, props);
    if (step.kind === 'done') return { replaced };
    await replace(port, props, step);
    replaced.push(step.pod.name);
  }
}

type Replacement = Extract<RollStep, { kind: 'replace' }>;

/** Until nothing is on its way any more. */
async function settle(
  port: RollPort,
  { zones, readyMs, say }: RollProps,
): Promise<Exclude<RollStep, { kind: 'wait' }>> {
  const startMs = port.nowMs();
  let stuck = null as { readonly pod: string; readonly sinceMs: number } | null;
  let told = '';
  for (;;) {
    const step = nextStep(zones, await port.state());
    if (step.kind !== 'wait') return step;
    const nowMs = port.nowMs();
    // A process that ends again and again runs in between, for ever shorter a part of the time: that does not count as a change.
    if (stuck?.pod !== step.pod) stuck = step.isStuck ? { pod: step.pod, sinceMs: nowMs } : null;
    const isGivenUp = step.isStuck && stuck !== null && nowMs - stuck.sinceMs >= STUCK_MS;
    const isOver = nowMs - startMs >= readyMs || isGivenUp;
    if (isOver) {
      throw new KubernetesError(
        'failure',
        `the rollout stops at pod ${step.pod}: ${step.reason}. The other pods were left as they are; ` +
          'roll out a version that works, or the one before, to go on',
      );
    }
    const text = `Waiting for ${step.pod}: ${step.reason}`;
    if (text !== told) say(text);
    told = text;
    await port.sleep(POLL_MS);
  }
}

async function replace(port: RollPort, props: RollProps, step: Replacement): Promise<void> {
  const { pod, isNeeded } = step;
  if (!isNeeded || props.budget === 0) {
    props.say(`Replacing ${pod.name}${isNeeded ? '' : ', which does not run'}.`);
    await port.remove(pod.name);
  } else {
    await sparing(port, props, step);
  }
  await gone(port, props, pod);
}

/** Asks, and takes it down at once when the answer is yes: the answer is about now. */
async function sparing(port: RollPort, { gateMs, say }: RollProps, { pod, node, zone }: Replacement): Promise<void> {
  const endMs = port.nowMs() + gateMs;
  let told = '';
  for (;;) {
    const answer = await port.askGate(node, await port.state());
    if (answer.kind === 'refused') {
      throw new KubernetesError(
        'failure',
        `the rollout cannot ask whether ${node} may be taken down: ${answer.message}`,
      );
    }
    let reasons = answer.kind === 'blocked' ? answer.reasons : [];
    if (answer.kind === 'clear') {
      const refused = await takeDown(port, pod);
      if (refused === null) {
        say(`Replacing ${pod.name} (node ${node}, zone ${zone}).`);
        return;
      }
      reasons = [refused];
    }
    if (port.nowMs() >= endMs) {
      throw new KubernetesError(
        'failure',
        [
          `the rollout stops: pod ${pod.name} (node ${node}, zone ${zone}) must stay up, and the time to wait is over:`,
          ...reasons.map((reason) => `  - ${reason}`),
        ].join('\n'),
      );
    }
    const words = [`${node} must stay up for now (waiting):`, ...reasons.map((reason) => `  - ${reason}`)].join('\n');
    if (words !== told) say(words);
    told = words;
    await port.sleep(POLL_MS);
  }
}

/**
 * The budget counts pods that are ready, so one that is not takes nothing from it; but where too few are ready already, the API would
 * refuse to evict even that.
 */
async function takeDown(port: RollPort, { name, isReady }: PodState): Promise<string | null> {
  if (isReady) return port.evict(name);
  await port.remove(name);
  return null;
}

async function gone(port: RollPort, { readyMs }: RollProps, pod: PodState): Promise<void> {
  const endMs = port.nowMs() + readyMs;
  for (;;) {
    const { pods } = await port.state();
    if (!pods.some(({ uid }) => uid === pod.uid)) return;
    if (port.nowMs() >= endMs) {
      throw new KubernetesError(
        'failure',
        `the rollout stops: pod ${pod.name} does not stop. When its host is gone for good: kubectl delete pod ${pod.name} --force`,
      );
    }
    await port.sleep(POLL_MS);
  }
}
