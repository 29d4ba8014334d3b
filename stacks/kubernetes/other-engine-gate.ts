// What stands in for the gate where the nodes are of another engine: all others must be ready, and of MinIO every pod is asked whether it
// could go itself. A MinIO that has just started is ready long before the others have found it again.
// (https://min.io/docs/minio/linux/operations/monitoring/healthcheck-probe.html, "Cluster Maintenance Check")
import type { Engine } from '../../spec/cluster-spec.ts';
import type { GateAnswer } from '../gate.ts';
import type { ClusterState } from './cluster-state.ts';
import type { StackZone } from './describe.ts';
import { type Kubectl, whyUnreachable } from './kubectl.ts';

export interface OtherEngineGateProps {
  readonly kubectl: Kubectl;
  readonly zones: readonly StackZone[];
  readonly port: number;
  readonly engine: Engine;
}

/** 200: without this node's drives there is a write quorum; 412: there is not. Each counts the drives that it sees itself. */
const MAINTENANCE = '/minio/health/cluster?maintenance=true';
const ASK_TIMEOUT_MS = 10_000;

/** Never rejects: that somebody does not answer is a reason not to go on. */
export async function askOtherEngine(
  props: OtherEngineGateProps,
  node: string,
  state: ClusterState,
): Promise<GateAnswer> {
  const pods = props.zones.flatMap((zone) => zone.pods);
  const others = pods.filter((pod) => pod.node !== node);
  const missing = others.filter(({ pod }) => !state.pods.some(({ name, isReady }) => name === pod && isReady));
  if (missing.length > 0) return { kind: 'blocked', reasons: missing.map(({ pod }) => `${pod} is not ready`) };
  if (props.engine !== 'minio') return { kind: 'clear' };
  for (const { pod } of others) {
    const why = await whyNotSpared(props, pod);
    if (why !== null) return { kind: 'blocked', reasons: [why] };
  }
  return { kind: 'clear' };
}

async function whyNotSpared({ kubectl, port }: OtherEngineGateProps, pod: string): Promise<string | null> {
  try {
    const way = await kubectl.forward(pod, port);
    try {
      const { status } = await fetch(way.url + MAINTENANCE, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
      return status === 200 ? null : `${pod} sees too few drives for a node to be away (HTTP ${status})`;
    } finally {
      way.close();
    }
  } catch (error) {
    return `${pod} does not say how many drives it sees: ${whyUnreachable(error)}`;
  }
}
