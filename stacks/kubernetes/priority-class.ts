// How important the pods are beside others: a class that is there, or one of this cluster. Pure.
import type { Plan } from '../../plan/plan.ts';
import type { Manifest } from './manifest.ts';
import { globalName, labelsOf } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

/** undefined: the cluster's default. */
export function priorityClassName(plan: Plan, { priorityClass, namespace }: KubernetesSettings): string | undefined {
  if (priorityClass === null) return undefined;
  return priorityClass.kind === 'existing' ? priorityClass.name : globalName(plan, namespace, 'storage');
}

export function priorityClasses(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { priorityClass, namespace } = settings;
  if (priorityClass?.kind !== 'made') return [];
  return [
    {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: globalName(plan, namespace, 'storage'), labels: labelsOf(plan) },
      value: priorityClass.value,
      globalDefault: false,
      preemptionPolicy: 'PreemptLowerPriority',
      description: `Nodes of the storage cluster ${plan.name}.`,
    },
  ];
}
