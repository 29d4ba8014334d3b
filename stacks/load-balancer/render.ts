// Which files a load balancer amounts to, by name.

import type { Plan } from '../../plan/plan.ts';
import { type LoadBalancerProps, loadBalancerOf } from './load-balancer.ts';
import { HAPROXY_FILE, renderHaproxy } from './render-haproxy.ts';
import { NGINX_FILE, renderNginx } from './render-nginx.ts';

export const BALANCER_KINDS = ['haproxy', 'nginx', 'both'] as const;
export type BalancerKind = (typeof BALANCER_KINDS)[number];

/** Texts by file name. Throws LoadBalancerError with everything that stands against it. */
export function renderLoadBalancer(
  plan: Plan,
  kind: BalancerKind,
  props: LoadBalancerProps,
): ReadonlyMap<string, string> {
  const balancer = loadBalancerOf(plan, props);
  const files = new Map<string, string>();
  if (kind !== 'nginx') files.set(HAPROXY_FILE, renderHaproxy(balancer));
  if (kind !== 'haproxy') files.set(NGINX_FILE, renderNginx(balancer));
  return files;
}
