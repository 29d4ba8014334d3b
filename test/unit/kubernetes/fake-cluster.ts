// A Kubernetes for rollouts, in memory: pods that are taken down come back as the newest version after a while, unless that version is a bad one.
import type { GateAnswer } from '../../../stacks/gate.ts';
import type { ClusterState, PodState, StatefulSetState } from '../../../stacks/kubernetes/cluster-state.ts';
import type { KubernetesStack } from '../../../stacks/kubernetes/describe.ts';
import type { RollPort } from '../../../stacks/kubernetes/roll.ts';

const STARTS_MS = 30_000;
const CRASH_PERIOD_MS = 20_000;
const CRASH_AFTER_MS = 4_000;

export class FakeCluster implements RollPort {
  readonly log: string[] = [];
  /** Versions whose pods never run. */
  readonly bad = new Set<string>();
  /** Versions whose pods end soon after each start, and are started again and again. */
  readonly crashing = new Set<string>();
  /** What the gate says, instead of yes, as long as this gives something. */
  objection: (node: string) => readonly string[] | null = () => null;
  /** What the budget says. */
  refusal: (pod: string) => string | null = () => null;
  #nowMs = 0;
  #uid = 0;
  readonly #pods = new Map<string, PodState & { readonly readyAtMs: number }>();
  readonly #versions = new Map<string, string>();
  readonly #stack: Pick<KubernetesStack, 'zones'>;

  constructor(stack: Pick<KubernetesStack, 'zones'>, version: string) {
    this.#stack = stack;
    this.apply(version);
    for (const { pods } of stack.zones) for (const { pod } of pods) this.#start(pod, -STARTS_MS);
  }

  /** As if manifests of this version were applied. */
  apply(version: string, zones: readonly string[] = this.#stack.zones.map(({ zone }) => zone)): void {
    for (const { zone, statefulSet } of this.#stack.zones)
      if (zones.includes(zone)) this.#versions.set(statefulSet, version);
  }

  versions(): Record<string, string> {
    return Object.fromEntries([...this.#pods.values()].map(({ name, revision }) => [name, revision]));
  }

  async state(): Promise<ClusterState> {
    const pods = [...this.#pods.values()].map((pod): PodState => {
      const isCrashing = this.crashing.has(pod.revision);
      const isDown = isCrashing && this.#nowMs % CRASH_PERIOD_MS >= CRASH_AFTER_MS;
      const isBad = this.bad.has(pod.revision) || isDown;
      return {
        ...pod,
        isReady: !isBad && !isCrashing && pod.readyAtMs <= this.#nowMs,
        isStarted: !isBad,
        problem: problemOf(isBad, isDown),
        isStuck: isBad,
      };
    });
    const statefulSets = this.#stack.zones.map(
      ({ statefulSet, pods: own }): StatefulSetState => ({
        name: statefulSet,
        updateRevision: this.#versions.get(statefulSet)!,
        replicas: own.length,
        spec: {},
        labels: {},
      }),
    );
    return { statefulSets, pods };
  }

  async askGate(node: string): Promise<GateAnswer> {
    const reasons = this.objection(node);
    this.log.push(`gate ${node}: ${reasons === null ? 'yes' : 'no'}`);
    return reasons === null ? { kind: 'clear' } : { kind: 'blocked', reasons };
  }

  async evict(pod: string): Promise<string | null> {
    const refused = this.refusal(pod);
    this.log.push(`evict ${pod}${refused === null ? '' : ': refused'}`);
    if (refused === null) this.#start(pod, this.#nowMs);
    return refused;
  }

  async remove(pod: string): Promise<void> {
    this.log.push(`remove ${pod}`);
    this.#start(pod, this.#nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
  }

  #start(name: string, nowMs: number): void {
    const { statefulSet } = this.#stack.zones.find(({ pods }) => pods.some(({ pod }) => pod === name))!;
    this.#pods.set(name, {
      name,
      uid: String(++this.#uid),
      revision: this.#versions.get(statefulSet)!,
      isReady: false,
      isStarted: true,
      isTerminating: false,
      problem: null,
      isStuck: false,
      readyAtMs: nowMs + STARTS_MS,
    });
  }
}

function problemOf(isBad: boolean, isDown: boolean): string | null {
  if (isDown) return 'CrashLoopBackOff: exit code 1';
  return isBad ? 'ImagePullBackOff: no such image' : null;
}
