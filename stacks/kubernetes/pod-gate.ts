// The gate asked through the pods themselves, from a machine that is not in their network: "kubectl port-forward" to some that stay, and the
// question of stacks/gate.ts through that.
import { askGate, type GateAnswer, type GateTarget, isStarting } from '../gate.ts';
import type { ClusterState } from './cluster-state.ts';
import type { StackZone } from './describe.ts';
import { type Forwarding, type Kubectl, whyUnreachable } from './kubectl.ts';

export interface PodGateProps {
  readonly kubectl: Kubectl;
  readonly zones: readonly StackZone[];
  readonly port: number;
  /** Base URLs to ask instead of the pods; empty: the pods. */
  readonly endpoints: readonly string[];
  /** Bearer token of the admin interface. */
  readonly token: string;
}

/** Of those that could answer, so many are tried. */
const ASKED_MAX = 3;

/** Never rejects: that nobody answers is a reason not to go on. */
export async function askPods(props: PodGateProps, target: GateTarget, state: ClusterState): Promise<GateAnswer> {
  const { endpoints, token, zones } = props;
  if (endpoints.length > 0) return askGate({ target, endpoints, token });
  const own = zones.flatMap(({ zone, pods }) =>
    pods.filter(({ node }) => ('zone' in target ? target.zone === zone : target.node === node)).map(({ pod }) => pod),
  );
  const running = state.pods.filter(({ isStarted, isTerminating }) => isStarted && !isTerminating);
  const ready = running.filter(({ isReady }) => isReady);
  // Nobody is ready: either the cluster was never founded, or it serves nobody anyway; only they can tell.
  if (ready.length === 0)
    return askUnready(
      props,
      target,
      running.map(({ name }) => name),
    );
  // Those that stay have the say; what is to go is asked only when nobody else is there.
  const order = [...ready.filter(({ name }) => !own.includes(name)), ...ready.filter(({ name }) => own.includes(name))];
  return withPods(
    props,
    order.slice(0, ASKED_MAX).map(({ name }) => name),
    (urls) => askGate({ target, endpoints: urls, token }),
  );
}

/** Every node that runs says that it has not joined a cluster: then there is nothing to protect. */
async function askUnready(props: PodGateProps, target: GateTarget, pods: readonly string[]): Promise<GateAnswer> {
  if (pods.length === 0) return { kind: 'clear' };
  return withPods(props, pods, async (urls) => {
    const answers = await Promise.all(urls.map((url) => isStarting(url, props.token)));
    if (urls.length === pods.length && answers.every((isUnfounded) => isUnfounded)) return { kind: 'clear' };
    return askGate({ target, endpoints: urls, token: props.token });
  });
}

async function withPods(
  { kubectl, port }: PodGateProps,
  pods: readonly string[],
  ask: (urls: readonly string[]) => Promise<GateAnswer>,
): Promise<GateAnswer> {
  const ways: Forwarding[] = [];
  const failures: string[] = [];
  try {
    for (const pod of pods) {
      try {
        ways.push(await kubectl.forward(pod, port));
      } catch (error) {
        failures.push(whyUnreachable(error));
      }
    }
    if (ways.length === 0) return { kind: 'blocked', reasons: failures };
    return await ask(ways.map(({ url }) => url));
  } finally {
    for (const way of ways) way.close();
  }
}
