// Plan and settings in, every object of the cluster out: pure, the same value for the same input, and refused with every reason at
// once before anything is touched when it could not work.
import { createHmac } from 'node:crypto';
import type { Plan } from '../../plan/plan.ts';
import { type ClusterSecrets, SECRET_FILES } from '../secret-files.ts';
import { balancerManifests } from './balancer.ts';
import { certificateSecret, certificates } from './certificates.ts';
import { disruptionBudget } from './disruption.ts';
import { refusal } from './errors.ts';
import type { Manifest } from './manifest.ts';
import {
  clientServiceName,
  labelsOf,
  nodeMapName,
  nodesOfZone,
  podName,
  selectorOf,
  statefulSetName,
} from './names.ts';
import { networkPolicies } from './network-policy.ts';
import { priorityClasses } from './priority-class.ts';
import { problemsWith } from './problems.ts';
import { routes } from './routes.ts';
import { serviceMonitors } from './service-monitor.ts';
import { clientPort, services } from './services.ts';
import type { KubernetesSettings } from './settings.ts';
import { statefulSet } from './stateful-set.ts';
import { localVolumes } from './volumes.ts';

export interface DescribeProps {
  readonly plan: Plan;
  readonly settings: KubernetesSettings;
  /** null with external secrets. */
  readonly secrets: ClusterSecrets | null;
}

export interface KubernetesStack {
  readonly cluster: string;
  readonly namespace: string;
  /** In the order in which they should be applied, each once. */
  readonly manifests: readonly Manifest[];
  /** One for each zone, in the order of the plan. */
  readonly zones: readonly StackZone[];
  /** Pods that may be away at once. */
  readonly budget: number;
  /** Name of the Secret that the pods use. */
  readonly secretName: string;
  /** Where clients inside the Kubernetes cluster go. */
  readonly endpoint: string;
}

export interface StackZone {
  readonly zone: string;
  readonly statefulSet: string;
  /** Pod and node of the plan. */
  readonly pods: readonly { readonly pod: string; readonly node: string }[];
}

/** Throws KubernetesError, or LoadBalancerError. */
export function describeKubernetes({ plan, settings, secrets }: DescribeProps): KubernetesStack {
  const problems = problemsWith(plan, settings, secrets !== null);
  if (problems.length > 0) throw refusal(`${plan.name} cannot run on Kubernetes like this`, problems);
  const secret = secretOf(plan, settings, secrets);
  const budget = settings.maxUnavailable ?? disruptionBudget(plan);
  return {
    cluster: plan.name,
    namespace: settings.namespace,
    manifests: [
      ...priorityClasses(plan, settings),
      ...localVolumes(plan, settings),
      serviceAccount(plan, settings),
      ...(secret.manifest === null ? [] : [secret.manifest]),
      ...(plan.engine === 'ashlar' ? [nodeMap(plan, settings)] : []),
      ...services(plan, settings),
      ...networkPolicies(plan, settings),
      disruption(plan, settings, budget),
      ...certificates(plan, settings),
      ...balancerManifests(plan, settings),
      ...routes(plan, settings),
      ...serviceMonitors(plan, settings),
      ...plan.zones.map((zone) => statefulSet(plan, zone, settings, secret.name)),
    ],
    zones: plan.zones.map((zone) => ({
      zone,
      statefulSet: statefulSetName(plan, zone),
      pods: nodesOfZone(plan, zone).map((node) => ({ pod: podName(plan, node), node: node.name })),
    })),
    budget,
    secretName: secret.name,
    endpoint: endpointOf(plan, settings),
  };
}

function endpointOf(plan: Plan, settings: KubernetesSettings): string {
  const endsTls = settings.balancer !== null && certificateSecret(plan, settings) !== null;
  const protocol = endsTls ? 'https' : 'http';
  const port = clientPort(plan, settings);
  return `${protocol}://${clientServiceName(plan)}.${settings.namespace}.svc${port === (endsTls ? 443 : 80) ? '' : `:${port}`}`;
}

/** Pods use no API, so none has a token. */
function serviceAccount(plan: Plan, { namespace }: KubernetesSettings): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: plan.name, namespace, labels: labelsOf(plan) },
    automountServiceAccountToken: false,
  };
}

/** Not named by its content: pods that run know their name, and growth only adds to it. */
function nodeMap(plan: Plan, { namespace }: KubernetesSettings): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: nodeMapName(plan), namespace, labels: labelsOf(plan) },
    data: Object.fromEntries(plan.nodes.map((node) => [podName(plan, node), node.name])),
  };
}

/** One budget over all zones together: who drains two hosts in two zones takes two nodes. */
function disruption(plan: Plan, { namespace }: KubernetesSettings, maxUnavailable: number): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: plan.name, namespace, labels: labelsOf(plan) },
    spec: { maxUnavailable, selector: { matchLabels: selectorOf(plan) } },
  };
}

function secretOf(
  plan: Plan,
  settings: KubernetesSettings,
  values: ClusterSecrets | null,
): { readonly name: string; readonly manifest: Manifest | null } {
  if (settings.secrets.kind === 'external' || values === null) {
    return { name: settings.secrets.kind === 'external' ? settings.secrets.name : '', manifest: null };
  }
  const data = {
    ...(plan.engine === 'ashlar' ? { [SECRET_FILES.clusterSecret]: values.clusterSecret } : {}),
    [SECRET_FILES.rootPassword]: values.secretAccessKey,
    [SECRET_FILES.rootUser]: values.accessKeyId,
  };
  const name = `${plan.name}-secrets-${secretDigest(values.clusterSecret, data)}`;
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return {
    name,
    manifest: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: settings.namespace, labels: labelsOf(plan) },
      type: 'Opaque',
      immutable: true,
      data: Object.fromEntries(encoded),
    },
  };
}

/**
 * Names of secrets are no secret. Under the random cluster secret as a key, because from a bare hash a weak password could be
 * found by trying.
 */
function secretDigest(key: string, data: Readonly<Record<string, string>>): string {
  return createHmac('sha256', key).update(JSON.stringify(data)).digest('hex').slice(0, 12);
}
