// What a Kubernetes is, as far as a check must know: asked here, judged elsewhere (check.ts). The parsing of what kubectl prints is apart from
// the asking, so that recorded answers can stand in for a cluster.
import { type ClusterState, readClusterState } from './cluster-state.ts';
import type { KubernetesStack } from './describe.ts';
import { type Kubectl, readJson } from './kubectl.ts';
import type { Manifest } from './manifest.ts';
import { quantityValue } from './quantity.ts';

export interface KubernetesFacts {
  /** "1.33"; null when it does not say. */
  readonly version: { readonly major: number; readonly minor: number } | null;
  /** null: there is none of that name. */
  readonly namespace: { readonly labels: Readonly<Record<string, string>>; readonly isTerminating: boolean } | null;
  readonly hosts: readonly HostFacts[];
  readonly storageClasses: readonly StorageClassFacts[];
  readonly volumes: readonly VolumeFacts[];
  /** "create statefulsets.apps": what may not be done. */
  readonly forbidden: readonly string[];
  /** Kinds of the stack, "Certificate.cert-manager.io", that the cluster does not know. */
  readonly unknownKinds: readonly string[];
  /** Secrets that the settings name, with their keys; null: it is not there. */
  readonly secrets: ReadonlyMap<string, readonly string[] | null>;
  readonly running: ClusterState;
}

export interface HostFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  readonly taints: readonly Taint[];
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface StorageClassFacts {
  readonly name: string;
  readonly isDefault: boolean;
  readonly bindsLate: boolean;
  readonly growsVolumes: boolean;
  readonly reclaimPolicy: string;
}

export interface VolumeFacts {
  readonly name: string;
  /** "Available", "Bound", "Released", "Failed" */
  readonly phase: string;
  /** "namespace/name" of its claim, or null. */
  readonly claim: string | null;
}

export interface Asked {
  /** Secrets that must be there, by name. */
  readonly secrets: readonly string[];
}

/** Throws KubernetesError when the cluster does not answer. */
export async function readFacts(kubectl: Kubectl, stack: KubernetesStack, asked: Asked): Promise<KubernetesFacts> {
  const items = async (kind: string) => listOf(await readJson(kubectl, ['get', kind]));
  // One after the other: the first that fails says why in its own words.
  const version = parseVersion(await readJson(kubectl, ['version']));
  const hosts = (await items('nodes')).map(hostFacts);
  const storageClasses = (await items('storageclasses')).map(storageClassFacts);
  const volumes = (await items('persistentvolumes')).map(volumeFacts);
  const namespace = await readNamespace(kubectl, stack.namespace);
  return {
    version,
    namespace,
    hosts,
    storageClasses,
    volumes,
    forbidden: await readForbidden(kubectl, stack.manifests),
    unknownKinds: await readUnknownKinds(kubectl, stack.manifests),
    secrets: namespace === null ? new Map() : await readSecrets(kubectl, asked.secrets),
    running: namespace === null ? { statefulSets: [], pods: [] } : await readClusterState(kubectl, stack.cluster),
  };
}

interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly Taint[];
    readonly claimRef?: { readonly namespace?: string; readonly name: string };
  };
  readonly status?: {
    readonly phase?: string;
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  readonly volumeBindingMode?: string;
  readonly allowVolumeExpansion?: boolean;
  readonly reclaimPolicy?: string;
}

export function parseVersion(answer: unknown): KubernetesFacts['version'] {
  const { serverVersion } = answer as { serverVersion?: { major?: string; minor?: string } };
  const [major, minor] = [serverVersion?.major, serverVersion?.minor].map((text) => Number.parseInt(text ?? '', 10));
  return Number.isNaN(major) || Number.isNaN(minor) ? null : { major: major!, minor: minor! };
}

export function hostFacts({ metadata, spec, status }: KubernetesObject): HostFacts {
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    isCordoned: spec?.unschedulable === true,
    taints: spec?.taints ?? [],
    cpus: quantityValue(status?.allocatable?.cpu ?? '') ?? 0,
    memoryBytes: quantityValue(status?.allocatable?.memory ?? '') ?? 0,
  };
}

export function storageClassFacts({ metadata, ...rest }: KubernetesObject): StorageClassFacts {
  return {
    name: metadata.name,
    isDefault: metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    bindsLate: rest.volumeBindingMode === 'WaitForFirstConsumer',
    growsVolumes: rest.allowVolumeExpansion === true,
    reclaimPolicy: rest.reclaimPolicy ?? 'Delete',
  };
}

export function volumeFacts({ metadata, spec, status }: KubernetesObject): VolumeFacts {
  const claim = spec?.claimRef;
  return {
    name: metadata.name,
    phase: status?.phase ?? 'Pending',
    claim: claim === undefined ? null : `${claim.namespace ?? ''}/${claim.name}`,
  };
}

function listOf(answer: unknown): readonly KubernetesObject[] {
  return (answer as { items: readonly KubernetesObject[] }).items;
}

async function readNamespace(kubectl: Kubectl, name: string): Promise<KubernetesFacts['namespace']> {
  const found = await readOptional(kubectl, ['namespace', name]);
  if (found === null) return null;
  return { labels: found.metadata.labels ?? {}, isTerminating: found.status?.phase === 'Terminating' };
}

async function readSecrets(kubectl: Kubectl, names: readonly string[]): Promise<Map<string, readonly string[] | null>> {
  const result = new Map<string, readonly string[] | null>();
  for (const name of names) {
    const found = (await readOptional(kubectl, ['secret', name])) as { data?: Record<string, string> } | null;
    result.set(name, found === null ? null : Object.keys(found.data ?? {}));
  }
  return result;
}

/** null: there is none. */
async function readOptional(kubectl: Kubectl, what: readonly string[]): Promise<KubernetesObject | null> {
  const { exitCode, stdout } = await kubectl.try(['get', ...what, '--ignore-not-found', '-o', 'json']);
  return exitCode !== 0 || stdout.trim() === '' ? null : (JSON.parse(stdout) as KubernetesObject);
}

/** Beside the objects of the stack, what a rollout does. */
const ROLLOUT_NEEDS = ['delete pods', 'create pods/eviction', 'create pods/portforward', 'list pods'];

async function readForbidden(kubectl: Kubectl, manifests: readonly Manifest[]): Promise<string[]> {
  const resources = [...new Set(manifests.map(resourceOf))];
  const needs = [...resources.flatMap((resource) => [`create ${resource}`, `patch ${resource}`]), ...ROLLOUT_NEEDS];
  const forbidden: string[] = [];
  for (const need of needs) {
    const { stdout } = await kubectl.try(['auth', 'can-i', ...need.split(' ')]);
    if (stdout.trim().startsWith('no')) forbidden.push(need);
  }
  return forbidden;
}

async function readUnknownKinds(kubectl: Kubectl, manifests: readonly Manifest[]): Promise<string[]> {
  const custom = manifests.filter(
    ({ apiVersion }) => /\.(?:io|com)\//.test(apiVersion) && !/\.k8s\.io\//.test(apiVersion),
  );
  const gateways = manifests.filter(({ apiVersion }) => apiVersion.startsWith('gateway.networking.k8s.io/'));
  const names = [...new Set([...custom, ...gateways].map(resourceOf))];
  const unknown: string[] = [];
  for (const name of names) if ((await readOptional(kubectl, ['crd', name])) === null) unknown.push(name);
  return unknown;
}

/** "statefulsets.apps", as kubectl and CRDs name it. */
export function resourceOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  const singular = kind.toLowerCase();
  const plural = singular.endsWith('s')
    ? `${singular}es`
    : singular.endsWith('y')
      ? `${singular.slice(0, -1)}ies`
      : `${singular}s`;
  return `${plural}${group}`;
}
