// The names and addresses of a cluster: one headless service for its nodes, one for clients. Pure.
import type { Plan } from '../../plan/plan.ts';
import { layoutPools } from '../../plan/set-layout.ts';
import type { Manifest } from './manifest.ts';
import { clientServiceName, HEADLESS_LABEL, labelsOf, nodesServiceName, podName, portOf, selectorOf } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';

export function services(plan: Plan, settings: KubernetesSettings): Manifest[] {
  return [nodesService(plan, settings), ...hostServices(plan, settings), clientService(plan, settings)];
}

/** Where clients come in. */
export function clientPort(plan: Plan, { service, balancer, tls }: KubernetesSettings): number {
  return service.port ?? plan.endpoint.port ?? (balancer !== null && tls !== null ? 443 : portOf(plan));
}

/** Nodes must find each other before any of them can be ready. */
function nodesService(plan: Plan, { namespace }: KubernetesSettings): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: nodesServiceName(plan), namespace, labels: { ...labelsOf(plan), [HEADLESS_LABEL]: plan.name } },
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorOf(plan),
      ports: [{ name: 's3', port: portOf(plan), targetPort: 's3', protocol: 'TCP' }],
    },
  };
}

/** RustFS and MinIO know their nodes by the hosts in their volume arguments, which can never change: each host is a name of its pod. */
function hostServices(plan: Plan, { namespace }: KubernetesSettings): Manifest[] {
  return [...volumeHosts(plan)].map(
    ([host, node]): Manifest => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: host, namespace, labels: labelsOf(plan) },
      spec: {
        type: 'ClusterIP',
        clusterIP: 'None',
        publishNotReadyAddresses: true,
        selector: { ...selectorOf(plan), [POD_NAME_LABEL]: podName(plan, node) },
        ports: [{ name: 's3', port: portOf(plan), targetPort: 's3', protocol: 'TCP' }],
      },
    }),
  );
}

/** Hosts in the volume arguments, each with its node; none with our own engine. */
export function volumeHosts(plan: Plan): ReadonlyMap<string, Plan['nodes'][number]> {
  const { layout, engine, scheme, nodes } = plan;
  if (layout?.kind !== 'sets') return new Map();
  const rules = { engine: engine === 'minio' ? 'minio' : 'rustfs', setSize: scheme.k + scheme.m } as const;
  const endpoints = layoutPools(layout.volumes, rules).flatMap(({ sets }) => sets.flat());
  const hosts = new Set(endpoints.map((endpoint) => new URL(endpoint).hostname));
  const found = [...hosts].flatMap((host): [string, Plan['nodes'][number]][] => {
    const node = nodes.find(({ name, host: address }) => host === name || host === address);
    return node === undefined ? [] : [[host, node]];
  });
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function clientService(plan: Plan, settings: KubernetesSettings): Manifest {
  const { service, namespace, balancer } = settings;
  const component = balancer === null ? 'storage' : 'balancer';
  const isOpen = service.type !== 'ClusterIP';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: clientServiceName(plan),
      namespace,
      labels: labelsOf(plan, component),
      ...(Object.keys(service.annotations).length === 0 ? {} : { annotations: service.annotations }),
    },
    spec: {
      type: service.type,
      selector: selectorOf(plan, component),
      ports: [
        {
          name: 's3',
          port: clientPort(plan, settings),
          targetPort: 's3',
          protocol: 'TCP',
          ...(service.nodePort === null ? {} : { nodePort: service.nodePort }),
        },
      ],
      ...(isOpen ? { externalTrafficPolicy: 'Cluster' } : {}),
      ...(service.loadBalancerClass === null ? {} : { loadBalancerClass: service.loadBalancerClass }),
      ...(service.sourceRanges.length === 0 ? {} : { loadBalancerSourceRanges: service.sourceRanges }),
    },
  };
}
