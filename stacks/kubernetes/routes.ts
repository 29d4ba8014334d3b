// Ways in through what a cluster has in front of its services already: an Ingress, or a Gateway. Pure.
import type { Plan } from '../../plan/plan.ts';
import { certificateSecret } from './certificates.ts';
import type { Manifest } from './manifest.ts';
import { clientServiceName, labelsOf } from './names.ts';
import { clientPort } from './services.ts';
import type { KubernetesSettings } from './settings.ts';

export function routes(plan: Plan, settings: KubernetesSettings): Manifest[] {
  return [...ingresses(plan, settings), ...httpRoutes(plan, settings)];
}

/** Buckets as subdomains need their own entry: a host does not cover what is below it. */
export function routeHosts(plan: Plan, host: string | null): string[] {
  return [
    ...new Set([host ?? plan.endpoint.host, ...plan.domains.flatMap((domain) => [domain, `*.${domain}`])]),
  ].filter((name) => name !== null);
}

function ingresses(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { ingress, namespace, balancer } = settings;
  if (ingress === null) return [];
  const hosts = routeHosts(plan, ingress.host);
  // With a balancer TLS ends there, and the Ingress only passes on.
  const secretName = balancer === null ? certificateSecret(plan, settings) : null;
  const backend = { service: { name: clientServiceName(plan), port: { name: 's3' } } };
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        name: clientServiceName(plan),
        namespace,
        labels: labelsOf(plan),
        ...(Object.keys(ingress.annotations).length === 0 ? {} : { annotations: ingress.annotations }),
      },
      spec: {
        ingressClassName: ingress.className,
        ...(secretName === null ? {} : { tls: [{ hosts, secretName }] }),
        rules: hosts.map((host) => ({ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } })),
      },
    },
  ];
}

function httpRoutes(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { gateway, namespace } = settings;
  if (gateway === null) return [];
  return [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: clientServiceName(plan), namespace, labels: labelsOf(plan) },
      spec: {
        parentRefs: [
          {
            group: 'gateway.networking.k8s.io',
            kind: 'Gateway',
            name: gateway.name,
            ...(gateway.namespace === null ? {} : { namespace: gateway.namespace }),
            ...(gateway.section === null ? {} : { sectionName: gateway.section }),
          },
        ],
        hostnames: routeHosts(plan, gateway.host),
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: '/' } }],
            backendRefs: [
              {
                group: '',
                kind: 'Service',
                name: clientServiceName(plan),
                port: clientPort(plan, settings),
                weight: 1,
              },
            ],
          },
        ],
      },
    },
  ];
}
