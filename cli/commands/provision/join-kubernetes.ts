// Whether the hosts of a spec are nodes of a Kubernetes, in their zones. How they join is the business of whoever runs that Kubernetes
// (kubeadm and its kind all differ); what is missing is said as the commands that mend it.
import { HostError } from '../../../host-tuning/errors.ts';
import type { ClusterSpec } from '../../../spec/cluster-spec.ts';
import { hostFacts } from '../../../stacks/kubernetes/facts.ts';
import { type Kubectl, readJson } from '../../../stacks/kubernetes/kubectl.ts';

export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Rejects with HostError that lists everything that is missing. */
export async function checkKubernetes(spec: ClusterSpec, kubectl: Kubectl, say: (line: string) => void): Promise<void> {
  const { items } = (await readJson(kubectl, ['get', 'nodes'])) as { items: Parameters<typeof hostFacts>[0][] };
  const facts = new Map(items.map(hostFacts).map((host) => [host.name, host]));
  const problems = spec.hosts.flatMap(({ name }) => {
    const host = facts.get(name);
    const { zone } = spec.nodes.find((node) => node.name === name)!;
    if (host === undefined) return [`${name} is no node: kubeadm join … --node-name ${name}, on ${name}`];
    return [
      ...(host.isReady ? [] : [`${name} is not ready: kubectl describe node ${name}`]),
      ...(host.labels[ZONE_LABEL] === zone ? [] : [`kubectl label node ${name} ${ZONE_LABEL}=${zone} --overwrite`]),
    ];
  });
  if (problems.length > 0)
    throw new HostError('failure', ['these are missing:', ...problems.map((problem) => `  - ${problem}`)].join('\n'));
  for (const { name } of spec.hosts) say(`${name}: a node, ready, in its zone`);
}
