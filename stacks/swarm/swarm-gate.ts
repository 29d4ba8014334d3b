// The question before every zone of a deploy to a Swarm: may its services be touched now? Beside what stacks/gate.ts asks of a running
// cluster it knows the two cases in which there is nothing to protect: a zone of which no service exists yet, and a cluster that
// was never founded because not all of its nodes have been created.
import { setTimeout as delay } from 'node:timers/promises';
import { askGate, type GateAnswer, type GateTarget, isStarting } from '../gate.ts';
import { type RunningService, type SwarmHost, satisfies } from './swarm-facts.ts';

export interface SwarmGateProps {
  readonly target: GateTarget;
  /** Services that are to be touched. */
  readonly asked: readonly string[];
  /** How many storage services the whole cluster has. */
  readonly nodeCount: number;
  readonly services: readonly RunningService[];
  readonly hosts: readonly SwarmHost[];
  /** Instead of the published ports of the hosts; empty: those. */
  readonly endpoints: readonly string[];
  readonly token: string;
  readonly timeoutMs: number;
  readonly onBlocked: (reasons: readonly string[]) => void;
}

export type SwarmGateAnswer = GateAnswer | { readonly kind: 'nothing-to-protect'; readonly message: string };

const POLL_MS = 2_000;

export async function waitForSwarmGate(props: SwarmGateProps): Promise<SwarmGateAnswer> {
  const { target, asked, nodeCount, services, token } = props;
  const storage = services.filter(({ labels }) => labels['ashlar.node'] !== undefined);
  if (!storage.some(({ name }) => asked.includes(name))) {
    return { kind: 'nothing-to-protect', message: 'none of its services exists yet' };
  }
  const endpoints = props.endpoints.length > 0 ? props.endpoints : endpointsOf(storage, props.hosts, asked);
  if (endpoints.length === 0) {
    return {
      kind: 'refused',
      message: 'no service publishes a port to ask at; write gate.endpoints in the settings, or publish: true',
    };
  }
  const endMs = performance.now() + props.timeoutMs;
  let told = '';
  for (;;) {
    const answer = await askGate({ target, endpoints, token });
    if (answer.kind !== 'blocked') return answer;
    if (storage.length < nodeCount && (await isUnfounded(endpoints, token))) {
      return {
        kind: 'nothing-to-protect',
        message: `the cluster was never founded: ${nodeCount - storage.length} of its ${nodeCount} nodes do not exist yet`,
      };
    }
    const words = answer.reasons.join('\n');
    if (words !== told) props.onBlocked(answer.reasons);
    told = words;
    if (performance.now() >= endMs) return answer;
    await delay(POLL_MS);
  }
}

/** Published ports, those of services that stay first: what is to go has the last say. */
export function endpointsOf(
  services: readonly RunningService[],
  hosts: readonly SwarmHost[],
  asked: readonly string[],
): string[] {
  const order = [
    ...services.filter(({ name }) => !asked.includes(name)),
    ...services.filter(({ name }) => asked.includes(name)),
  ];
  return order.flatMap(({ constraints, ports }) => {
    const host = hosts.find((candidate) => satisfies(candidate, constraints));
    const [port] = ports;
    return host === undefined || port === undefined ? [] : [`http://${host.address}:${port.published}`];
  });
}

/** Every node answers, and every one that it has not joined a cluster. A founded cluster of which all nodes just start looks the same, but has no nodes missing. */
async function isUnfounded(endpoints: readonly string[], token: string): Promise<boolean> {
  const answers = await Promise.all(endpoints.map((endpoint) => isStarting(endpoint, token)));
  return answers.every((unfounded) => unfounded);
}
