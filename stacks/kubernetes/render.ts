// The objects of a cluster as files for `kubectl apply -k` or Argo CD: one for each object, and a kustomization that names them; drives of
// hosts apart. Pure.
import { stringify } from 'yaml';
import type { KubernetesStack } from './describe.ts';
import { type Manifest, manifestId, manifestText } from './manifest.ts';

/** Not part of the kustomization: `kubectl delete -k` must leave the way to the data, as `pulumi destroy` does. */
const VOLUMES_FILE = 'volumes.yaml';
const VOLUME_KINDS = new Set(['PersistentVolume', 'StorageClass']);

/**
 * Texts by file name. Secrets are left out: such directories end up in version control. "ashlar kubernetes secrets --apply" brings
 * them to the cluster.
 */
export function renderKubernetes(stack: KubernetesStack): Map<string, string> {
  const volumes = stack.manifests.filter(({ kind }) => VOLUME_KINDS.has(kind));
  const others = stack.manifests.filter(({ kind }) => kind !== 'Secret' && !VOLUME_KINDS.has(kind));
  const files = new Map(others.map((manifest) => [fileName(manifest), manifestText(manifest)]));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [...files.keys()],
  };
  return new Map([
    ['kustomization.yaml', stringify(kustomization, { lineWidth: 0 })],
    ...(volumes.length === 0 ? [] : [[VOLUMES_FILE, manifestsText(volumes)] as const]),
    ...files,
  ]);
}

/** All of them in one text, secrets included. */
export function manifestsText(manifests: readonly Manifest[]): string {
  return manifests.map(manifestText).join('---\n');
}

function fileName(manifest: Manifest): string {
  return `${manifestId(manifest)}.yaml`;
}
