// How the things of a cluster are called on Kubernetes, and which pod is which node of the plan. Node k of a zone, in the order of the
// plan, is pod k of the zone's StatefulSet, for ever: its volumes and its address go by that. Pure.
import type { Plan, PlanDrive, PlanNode } from '../../plan/plan.ts';

/** What all three engines listen on unless the spec says otherwise. */
const DEFAULT_PORT = 9000;

export const ZONE_LABEL = 'ashlar.zone';
export const INSTANCE_LABEL = 'app.kubernetes.io/instance';
export const COMPONENT_LABEL = 'app.kubernetes.io/component';

/** Of the headless service of the nodes alone, so that no pod is scraped twice. */
export const HEADLESS_LABEL = 'ashlar.nodes';

export type Component = 'storage' | 'balancer';

/** Selects the storage pods, and nothing else. */
export function selectorOf(plan: Plan, component: Component = 'storage'): Record<string, string> {
  return { [COMPONENT_LABEL]: component, [INSTANCE_LABEL]: plan.name };
}

export function labelsOf(plan: Plan, component: Component = 'storage'): Record<string, string> {
  return {
    ...selectorOf(plan, component),
    'app.kubernetes.io/managed-by': 'ashlar',
    'app.kubernetes.io/name': component === 'balancer' ? 'haproxy' : plan.engine,
    'app.kubernetes.io/part-of': 'ashlar',
  };
}

export function statefulSetName(plan: Plan, zone: string): string {
  return `${plan.name}-${zone}`;
}

/** The headless service that gives every pod a name, whether it is ready or not. */
export function nodesServiceName(plan: Plan): string {
  return `${plan.name}-nodes`;
}

/** Where clients go. */
export function clientServiceName(plan: Plan): string {
  return `${plan.name}-s3`;
}

export function balancerName(plan: Plan): string {
  return `${plan.name}-balancer`;
}

/** Which pod is which node, for the nodes themselves. */
export function nodeMapName(plan: Plan): string {
  return `${plan.name}-nodes`;
}

export function nodesOfZone(plan: Plan, zone: string): PlanNode[] {
  return plan.nodes.filter((node) => node.zone === zone);
}

export function podName(plan: Plan, node: PlanNode): string {
  return `${statefulSetName(plan, node.zone)}-${ordinalOf(plan, node)}`;
}

export function ordinalOf(plan: Plan, node: PlanNode): number {
  return nodesOfZone(plan, node.zone).findIndex(({ name }) => name === node.name);
}

/**
 * As the other pods know it. Relative to the namespace, which the search list of every pod completes: so the manifests hold in any
 * namespace, and in any cluster domain.
 */
export function podHost(plan: Plan, node: PlanNode): string {
  return `${podName(plan, node)}.${nodesServiceName(plan)}`;
}

export function portOf(plan: Plan): number {
  return plan.nodes[0]?.port ?? DEFAULT_PORT;
}

/** Of the volume claim template; its claims are called TEMPLATE-POD. */
export function claimTemplateName(drive: PlanDrive): string {
  return `data-${drive.name}`;
}

export const WAL_TEMPLATE = 'wal';

export function claimName(plan: Plan, node: PlanNode, template: string): string {
  return `${template}-${podName(plan, node)}`;
}

/** Of what belongs to no namespace, and must not meet another cluster's. */
export function globalName(plan: Plan, namespace: string, part: string): string {
  return `${namespace}-${plan.name}-${part}`;
}
