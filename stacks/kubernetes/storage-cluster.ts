// The Pulumi component of a storage cluster on Kubernetes. It registers what describeKubernetes decided, and with it the order: zone after
// zone, the next only when the one before has been rolled out. Made for other people's programs as for ours.

import type { ComponentResourceOptions, CustomResource, Input, Inputs, Output } from '@pulumi/pulumi';
import pulumi from '@pulumi/pulumi';
import type { Plan } from '../../plan/plan.ts';
import type { ClusterSecrets } from '../secret-files.ts';
import { describeKubernetes, type KubernetesStack } from './describe.ts';
import type { Manifest } from './manifest.ts';
import { statefulSetName } from './names.ts';
import { engineAnnotations, isLoadBalancer, isNeededByPods, logicalName, register } from './registration.ts';
import { type KubernetesSettingsInput, parseKubernetesSettings } from './settings.ts';

export interface StorageClusterArgs {
  /** Of a safe plan; an unsafe one is refused. */
  readonly plan: Plan;
  /** By digest: "REGISTRY/NAME@sha256:…". */
  readonly image: Input<string>;
  /** As in kubernetes.yaml, without the image. */
  readonly settings?: Omit<KubernetesSettingsInput, 'image'>;
  /** null: external. They are secrets in Pulumi's state. */
  readonly secrets: Input<ClusterSecrets> | null;
  /** What makes pods take on what their StatefulSets say; null: nothing does, and "ashlar kubernetes roll" is yours to run. */
  readonly rollout: ZoneRollout | null;
}

/** Between zones. In a preview nothing of it is called. */
export interface ZoneRollout {
  /** The order in which zones are touched. */
  readonly zones: readonly string[];
  /** Resolves when all pods of the zone are as its StatefulSet says, and ready. Rejects with what stopped it. */
  zone(zone: string): Promise<void>;
  /** The same of the whole cluster. */
  all(): Promise<void>;
  /** How the cluster is when that was done, in one line. */
  readonly outcome: string;
}

/** Only to find out which objects there are: it takes the place of what is known later. */
const SOME_IMAGE = `image@sha256:${'0'.repeat(64)}`;
const SOME_SECRETS: ClusterSecrets = { clusterSecret: '', accessKeyId: '', secretAccessKey: '' };

export class StorageCluster extends pulumi.ComponentResource {
  /** Where clients go: of a load balancer from outside, else from within the cluster. */
  readonly endpoint: Output<string>;
  /** Name of the Secret with root-user and root-password. */
  readonly credentialsSecret: Output<string>;
  /** How the rollout ended; in a preview how it should end. */
  readonly status: Output<string>;
  /** By logical name. */
  readonly children: ReadonlyMap<string, CustomResource>;

  /** Throws KubernetesError when it cannot be deployed like this, with every reason. */
  constructor(name: string, args: StorageClusterArgs, options?: ComponentResourceOptions) {
    super('ashlar:kubernetes:StorageCluster', name, {}, options);
    const describe = (image: string, secrets: ClusterSecrets | null): KubernetesStack =>
      describeKubernetes({
        plan: args.plan,
        settings: parseKubernetesSettings({ ...args.settings, image }, 'settings'),
        secrets,
      });
    const outline = describe(SOME_IMAGE, args.secrets === null ? null : SOME_SECRETS);
    // Only the Secret's own data is marked as secret (resourceArgs), or everything would be, down to the labels.
    const stack = pulumi
      .all([args.image, args.secrets === null ? null : pulumi.unsecret(pulumi.output(args.secrets))])
      .apply(([image, secrets]) => describe(image, secrets as ClusterSecrets | null));
    const argsOf = (index: number, after: Output<unknown>) =>
      pulumi.all([stack, after]).apply(([{ manifests }]) => resourceArgs(manifests[index]!));
    const children = new Map<string, CustomResource>();
    const add = (index: number, after: Output<unknown>, dependsOn: readonly CustomResource[]): CustomResource => {
      const manifest = outline.manifests[index]!;
      const id = logicalName(manifest);
      const child = register(`${name}-${id}`, manifest, fieldsOf(manifest, argsOf(index, after)), {
        parent: this,
        dependsOn: [...dependsOn],
      });
      children.set(id, child);
      return child;
    };
    const atOnce = pulumi.output(null);
    const needed: CustomResource[] = [];
    for (const [index, manifest] of outline.manifests.entries()) {
      if (manifest.kind === 'StatefulSet') continue;
      const child = add(index, atOnce, []);
      if (isNeededByPods(manifest)) needed.push(child);
    }
    const rollout = pulumi.runtime.isDryRun() ? null : args.rollout;
    let after: Output<unknown> = atOnce;
    for (const zone of rollout?.zones ?? args.plan.zones) {
      const index = outline.manifests.findIndex(
        ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === statefulSetName(args.plan, zone),
      );
      const set = add(index, after, needed);
      if (rollout !== null) after = pulumi.all([set.id, after]).apply(() => rollout.zone(zone));
    }
    this.children = children;
    this.endpoint = endpointOf(stack, outline, children);
    this.credentialsSecret = stack.apply(({ secretName }) => secretName);
    this.status = (rollout === null ? after : after.apply(() => rollout.all())).apply(
      () => args.rollout?.outcome ?? 'pods were left as they are',
    );
    this.registerOutputs({
      endpoint: this.endpoint,
      credentialsSecret: this.credentialsSecret,
      status: this.status,
    });
  }
}

/** What the class of the object gets: all of it but what the class says itself. Values of a Secret stay secret. */
function resourceArgs(manifest: Manifest): Inputs {
  const { apiVersion, kind, metadata, ...rest } = manifest;
  const annotations = { ...metadata.annotations, ...engineAnnotations(manifest) };
  return {
    apiVersion,
    kind,
    metadata: { ...metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    ...rest,
    ...(kind === 'Secret' ? { data: pulumi.secret(rest.data) } : {}),
  };
}

/** Classes look at which fields there are before their values are known. */
function fieldsOf(manifest: Manifest, args: Output<Inputs>): Inputs {
  return Object.fromEntries(
    Object.keys(manifest).map((field) => [field, args.apply((resolved): unknown => resolved[field])]),
  );
}

/** Waits for the service only where it brings an address: a preview could not say where clients go. */
function endpointOf(
  stack: Output<KubernetesStack>,
  outline: KubernetesStack,
  children: ReadonlyMap<string, CustomResource>,
): Output<string> {
  const service = outline.manifests.find(isLoadBalancer);
  const made =
    service && (children.get(logicalName(service)) as { readonly status?: Output<ServiceStatus | undefined> });
  const status = made?.status;
  return pulumi.all([stack, status ?? null]).apply(([{ endpoint }, seen]) => {
    const [ingress] = (seen as ServiceStatus | null)?.loadBalancer?.ingress ?? [];
    const host = ingress?.hostname ?? ingress?.ip;
    if (host === undefined) return endpoint;
    const url = new URL(endpoint);
    url.hostname = host;
    return url.href.replace(/\/$/, '');
  });
}

interface ServiceStatus {
  readonly loadBalancer?: { readonly ingress?: readonly { readonly hostname?: string; readonly ip?: string }[] };
}
