// How one object of the description is registered with Pulumi: by which class, under which name, and with which options. The traps of
// the provider are handled here, each with its reason.
import k8s from '@pulumi/kubernetes';
import type { CustomResource, CustomResourceOptions, Input, Inputs } from '@pulumi/pulumi';
import type { Manifest } from './manifest.ts';

type ResourceClass = new (name: string, args: Inputs, options: CustomResourceOptions) => CustomResource;

/** Its engine's own instructions; the API server gets them too, and nobody else heeds them. */
export const ENGINE_ANNOTATIONS = 'pulumi.com/';

/**
 * Whatever changes in these, the provider would delete the StatefulSet, with its pods, and make another. None is ever meant to change;
 * what was changed nevertheless is refused before anything is touched (immutable.ts), and where nobody could look, left as it was.
 */
const NEVER_REPLACED = [
  'spec.podManagementPolicy',
  'spec.revisionHistoryLimit',
  'spec.selector',
  'spec.serviceName',
  'spec.volumeClaimTemplates',
];

/** What pods cannot start without. */
const NEEDED_BY_PODS = new Set([
  'ConfigMap',
  'PersistentVolume',
  'PriorityClass',
  'Secret',
  'ServiceAccount',
  'StorageClass',
]);

/** Stays the same when the content changes: an object whose name holds a digest of it is one resource that is replaced. */
export function logicalName({ kind, metadata }: Manifest): string {
  const name = metadata.name.replace(/-[0-9a-f]{12}$/, '');
  return `${kind.toLowerCase()}-${name}`;
}

export function isNeededByPods({ kind }: Manifest): boolean {
  return NEEDED_BY_PODS.has(kind);
}

export function register(
  id: string,
  manifest: Manifest,
  args: Input<Inputs>,
  options: CustomResourceOptions,
): CustomResource {
  const ResourceClassOf = classOf(manifest);
  return new ResourceClassOf(id, args as Inputs, { ...options, ...optionsOf(manifest) });
}

/** For Pulumi alone, beside what the object says for itself. */
export function engineAnnotations(manifest: Manifest): Record<string, string> {
  switch (manifest.kind) {
    case 'Service':
      // The engine would wait for ready pods, which roll.ts does with better words; but only a wait brings a load balancer's address.
      return isLoadBalancer(manifest) ? {} : { [`${ENGINE_ANNOTATIONS}skipAwait`]: 'true' };
    case 'StatefulSet':
      // Its pods are ready when the cluster is founded, which takes all zones; and a rollout is waited for by roll.ts, which knows more.
      // Nor is its deletion waited for then. In the foreground it would stay until its pods have stopped, and a deploy meanwhile be applied to
      // what is about to vanish; in the background it is gone at once, and the next one waits for the names of the pods.
      return {
        [`${ENGINE_ANNOTATIONS}deletionPropagationPolicy`]: 'background',
        [`${ENGINE_ANNOTATIONS}skipAwait`]: 'true',
      };
    case 'Ingress':
      // Some controllers never write an address.
      return { [`${ENGINE_ANNOTATIONS}skipAwait`]: 'true' };
    default:
      return {};
  }
}

/** Its address is known once it is made. */
export function isLoadBalancer({ kind, spec }: Manifest): boolean {
  return kind === 'Service' && (spec as { type?: string }).type === 'LoadBalancer';
}

function optionsOf({ kind }: Manifest): CustomResourceOptions {
  switch (kind) {
    case 'StatefulSet':
      return { ignoreChanges: NEVER_REPLACED };
    case 'PersistentVolume':
    case 'StorageClass':
      // The way to the data: "pulumi destroy" leaves them, as it leaves the claims.
      return { retainOnDelete: true };
    default:
      return {};
  }
}

function classOf({ apiVersion, kind }: Manifest): ResourceClass {
  const found = CLASSES[`${apiVersion} ${kind}`];
  // Of a CRD; anything else of Kubernetes itself is a slip, and would not be understood by the provider's checks.
  return (found?.() ?? k8s.apiextensions.CustomResource) as ResourceClass;
}

/** Called late, because the library loads its thousands of classes one by one. */
const CLASSES: Readonly<Record<string, () => unknown>> = {
  'v1 ConfigMap': () => k8s.core.v1.ConfigMap,
  'v1 PersistentVolume': () => k8s.core.v1.PersistentVolume,
  'v1 Secret': () => k8s.core.v1.Secret,
  'v1 Service': () => k8s.core.v1.Service,
  'v1 ServiceAccount': () => k8s.core.v1.ServiceAccount,
  'apps/v1 Deployment': () => k8s.apps.v1.Deployment,
  'apps/v1 StatefulSet': () => k8s.apps.v1.StatefulSet,
  'networking.k8s.io/v1 Ingress': () => k8s.networking.v1.Ingress,
  'networking.k8s.io/v1 NetworkPolicy': () => k8s.networking.v1.NetworkPolicy,
  'policy/v1 PodDisruptionBudget': () => k8s.policy.v1.PodDisruptionBudget,
  'scheduling.k8s.io/v1 PriorityClass': () => k8s.scheduling.v1.PriorityClass,
  'storage.k8s.io/v1 StorageClass': () => k8s.storage.v1.StorageClass,
};
