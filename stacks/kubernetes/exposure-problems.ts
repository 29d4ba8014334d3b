// What stands against the way in that the settings describe, a sentence each. Pure.
import type { Plan } from '../../plan/plan.ts';
import { routeHosts } from './routes.ts';
import type { KubernetesSettings } from './settings.ts';

export function problemsWithExposure(plan: Plan, settings: KubernetesSettings): string[] {
  const { service, balancer, tls, ingress, gateway, networkPolicy, serviceMonitor } = settings;
  const problems: string[] = [];
  if (tls !== null && balancer === null && ingress === null) {
    problems.push(
      'tls: the nodes speak plain HTTP, and nothing is there that could end TLS; write balancer: {image: haproxy@sha256:…}, or ingress (a gateway has its own certificate)',
    );
  }
  if (balancer !== null && tls !== null && (ingress !== null || gateway !== null)) {
    problems.push('tls: it ends either at the balancer or at an Ingress or Gateway; leave one of them out');
  }
  if (ingress !== null && routeHosts(plan, ingress.host).length === 0) {
    problems.push('ingress.host is missing, and the spec names no endpoint and no domains that could take its place');
  }
  if (gateway !== null && routeHosts(plan, gateway.host).length === 0) {
    problems.push('gateway.host is missing, and the spec names no endpoint and no domains that could take its place');
  }
  const isClosed = networkPolicy !== null && (balancer !== null || networkPolicy.clients !== null);
  if (serviceMonitor !== null && isClosed && networkPolicy.operators.length === 0) {
    problems.push(
      'serviceMonitor: the network policy lets no Prometheus in; write who that is: networkPolicy.operators: [{namespaceLabels: {…}}]',
    );
  }
  const empty = [...(networkPolicy?.clients ?? []), ...(networkPolicy?.operators ?? [])].some(
    (peer) => !('cidr' in peer) && peer.namespaceLabels === undefined && peer.podLabels === undefined,
  );
  if (empty) {
    problems.push(
      'networkPolicy: {} names nobody; write namespaceLabels, podLabels or cidr, or clients: null for everybody',
    );
  }
  if (service.nodePort !== null && service.type === 'ClusterIP') {
    problems.push('service.nodePort means nothing with type ClusterIP; write NodePort or LoadBalancer');
  }
  if (service.type !== 'LoadBalancer' && (service.loadBalancerClass !== null || service.sourceRanges.length > 0)) {
    problems.push(
      'service.loadBalancerClass and service.sourceRanges are for type LoadBalancer; networkPolicy.clients says who may come in otherwise',
    );
  }
  return problems;
}
