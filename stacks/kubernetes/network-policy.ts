// Who may talk to the pods, and whom they may talk to: each other, clients on the one port, and name servers. Pure.
import type { Plan } from '../../plan/plan.ts';
import type { Manifest } from './manifest.ts';
import { balancerName, labelsOf, portOf, selectorOf } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

const DNS_PORTS = [
  { port: 53, protocol: 'UDP' },
  { port: 53, protocol: 'TCP' },
];

/**
 * With a balancer clients reach that alone: it keeps from them what is the nodes' own. The kubelet's probes come from the pod's own host,
 * which network policies let in everywhere, and what is forwarded by kubectl from within the pod.
 */
export function networkPolicies(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { networkPolicy, balancer } = settings;
  if (networkPolicy === null) return [];
  const clients = networkPolicy.clients?.map(peer) ?? null;
  const port = { port: portOf(plan), protocol: 'TCP' };
  const nodes = { podSelector: { matchLabels: selectorOf(plan) } };
  const balancers = { podSelector: { matchLabels: selectorOf(plan, 'balancer') } };
  const own = [nodes, ...networkPolicy.operators.map(peer)];
  const names = { ports: DNS_PORTS };
  const toNodes =
    balancer === null ? fromAll(clients === null ? null : [...own, ...clients]) : fromAll([...own, balancers]);
  const ofNodes = policy(
    plan,
    settings,
    plan.name,
    'storage',
    [{ ...toNodes, ports: [port] }],
    [{ to: [nodes], ports: [port] }, names],
  );
  if (balancer === null) return [ofNodes];
  const toBalancers = [{ ...fromAll(clients), ports: [BALANCER_PORT] }];
  const fromBalancers = [{ to: [nodes], ports: [port] }, names];
  return [ofNodes, policy(plan, settings, balancerName(plan), 'balancer', toBalancers, fromBalancers)];
}

/** No "from" at all is everybody, which is what null means here. */
function fromAll(peers: readonly object[] | null): { readonly from?: readonly object[] } {
  return peers === null ? {} : { from: peers };
}

const BALANCER_PORT = { port: 's3', protocol: 'TCP' };

function policy(
  plan: Plan,
  { namespace }: KubernetesSettings,
  name: string,
  component: 'storage' | 'balancer',
  ingress: readonly object[],
  egress: readonly object[],
): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: labelsOf(plan, component) },
    spec: {
      podSelector: { matchLabels: selectorOf(plan, component) },
      policyTypes: ['Ingress', 'Egress'],
      ingress,
      egress,
    },
  };
}

function peer(somebody: NonNullable<NonNullable<KubernetesSettings['networkPolicy']>['clients']>[number]): object {
  if ('cidr' in somebody) return { ipBlock: { cidr: somebody.cidr } };
  const { namespaceLabels, podLabels } = somebody;
  return {
    ...(namespaceLabels === undefined ? {} : { namespaceSelector: { matchLabels: namespaceLabels } }),
    ...(podLabels === undefined ? {} : { podSelector: { matchLabels: podLabels } }),
  };
}
