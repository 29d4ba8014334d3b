// Who may talk to the pods, and whom they may talk to: each other, clients on the one port, and name servers. Pure.
import type { Plan } from '../../plan/plan.ts';
import type { Manifest } from './manifest.ts';
import { balancerName, labelsOf, portOf, selectorOf } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

const DNS_PORTS = [
  { port: 53, protocol: 'UDP' },
  { port: 53, protocol: 'TCP' },
];

/** The kubelet's probes come from the pod's own host, which network policies let in everywhere. */
export function networkPolicies(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { networkPolicy, balancer } = settings;
  if (networkPolicy === null) return [];
  const port = { port: portOf(plan), protocol: 'TCP' };
  const nodes = { podSelector: { matchLabels: selectorOf(plan) } };
  const balancers = { podSelector: { matchLabels: selectorOf(plan, 'balancer') } };
  const clients = clientPeers(settings);
  const own = balancer === null ? [nodes] : [nodes, balancers];
  const names = { ports: DNS_PORTS };
  // No "from" at all is everybody; a list that names everybody besides would say the same twice.
  const toNodes = clients === null ? { ports: [port] } : { from: [...own, ...clients], ports: [port] };
  return [
    policy(plan, settings, plan.name, 'storage', [toNodes], [{ to: [nodes], ports: [port] }, names]),
    ...(balancer === null
      ? []
      : [
          policy(
            plan,
            settings,
            balancerName(plan),
            'balancer',
            [clients === null ? { ports: [BALANCER_PORT] } : { from: clients, ports: [BALANCER_PORT] }],
            [{ to: [nodes], ports: [port] }, names],
          ),
        ]),
  ];
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

function clientPeers({ networkPolicy }: KubernetesSettings): object[] | null {
  if (networkPolicy === null || networkPolicy.clients === null) return null;
  return networkPolicy.clients.map((client) => {
    if ('cidr' in client) return { ipBlock: { cidr: client.cidr } };
    return {
      ...(client.namespaceLabels === undefined ? {} : { namespaceSelector: { matchLabels: client.namespaceLabels } }),
      ...(client.podLabels === undefined ? {} : { podSelector: { matchLabels: client.podLabels } }),
    };
  });
}
