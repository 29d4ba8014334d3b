// What the Kubernetes target has to know beyond the plan, as one zod schema: names, sizes and classes that belong to the platform and not
// to the cluster. It is the text of kubernetes.yaml beside the spec, and the `settings` of the Pulumi component. Pure.
import { z } from 'zod';
import { CAPACITY_PATTERN, capacityBytes } from '../../spec/quantities.ts';
import { settingsProblems } from '../settings-problems.ts';
import { refusal } from './errors.ts';
import { exposureSchema, image } from './exposure-settings.ts';

/** Absolute, without what a shell, a URL or a template would take apart. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const LABEL_KEY = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const MIB = 2 ** 20;

const path = z.string().regex(PATH, 'is no absolute path');
const size = z.string().regex(CAPACITY_PATTERN, 'is no size; write 4GiB').transform(capacityBytes);
const cpus = z.number().min(0.001);
const name = z.string().regex(DNS_NAME, 'is no name of a Kubernetes object');
const labels = z.record(
  z.string().regex(LABEL_KEY, 'is no label'),
  z.string().regex(LABEL_VALUE, 'is no value of a label'),
);
const environment = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'is no variable'), z.string());
const seconds = z.int().min(1).max(86_400);

/** Limits are never missing: a node without one could take its host down, and other pods with it. */
export const resources = z.strictObject({
  cpuRequest: cpus.default(0.25),
  cpuLimit: cpus.default(4),
  memoryRequest: size.prefault('1GiB'),
  memoryLimit: size.prefault('4GiB'),
});

/** A place for the write-ahead log, apart from the drives. */
const wal = z.strictObject({ storageClass: name.nullable().default(null), size: size.prefault('16GiB') });

const volumes = z.discriminatedUnion('kind', [
  /** Volumes that a storage class makes, local NVMe at best; null: the cluster's default class. */
  z.strictObject({
    kind: z.literal('class'),
    storageClass: name.nullable().default(null),
    /** Of every drive to which the spec gives no capacity. */
    size: size.nullable().default(null),
    /** What drives had when the cluster was made, if that was less: what makes volumes can never change, so they are grown from it. */
    grownFrom: size.nullable().default(null),
    wal: wal.nullable().default(null),
  }),
  /** File systems that are mounted on the hosts already; a PersistentVolume is written for each. */
  z.strictObject({
    kind: z.literal('local'),
    /** A drive without a path in the spec is DATA_ROOT/DRIVE of its host. */
    dataRoot: path.default('/mnt'),
    /** By name of the node: the host (its label kubernetes.io/hostname), where it is not called like the node. */
    hosts: z.record(z.string(), name).default({}),
    /** What the volumes say of their size where the spec gives no capacity; nothing enforces it. */
    size: size.prefault('1TiB'),
    walSize: size.prefault('16GiB'),
  }),
]);

/** Somebody in the network. */
const peer = z.union([
  z.strictObject({ cidr: z.union([z.cidrv4(), z.cidrv6()]) }),
  z.strictObject({ namespaceLabels: labels.optional(), podLabels: labels.optional() }),
]);

export const kubernetesSettingsSchema = z.strictObject({
  image,
  imagePullSecrets: z.array(name).default([]),
  /** It must be there: who deletes a namespace deletes the claims in it, so none is made, or removed, with the cluster. */
  namespace: z.string().regex(DNS_LABEL, 'is no namespace').default('ashlar'),
  /** Of the kubeconfig; null: the current one. */
  context: z.string().min(1).nullable().default(null),
  /** Only HAProxy needs it: its resolver knows no search list. */
  clusterDomain: z.string().regex(DNS_NAME, 'is no domain').default('cluster.local'),
  /** null: pods are not pinned to zones; only where the plan has one zone. */
  zoneLabel: z.string().regex(LABEL_KEY, 'is no label').nullable().default('topology.kubernetes.io/zone'),
  /** By zone of the spec: the value of the label, where it is another, for instance {a: eu-central-1a}. */
  zones: z.record(z.string(), z.string().regex(LABEL_VALUE, 'is no value of a label')).default({}),
  nodeSelector: labels.default({}),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().optional(),
        operator: z.enum(['Exists', 'Equal']).optional(),
        value: z.string().optional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
        tolerationSeconds: z.int().min(0).optional(),
      }),
    )
    .default([]),
  volumes: volumes.prefault({ kind: 'class' }),
  resources: resources.prefault({}),
  /** Further settings of the storage node, for instance ASHLAR_LOG_LEVEL. */
  environment: environment.default({}),
  /** Existing ones by name; 'made': one for this cluster, above everything that does not say otherwise. */
  priorityClass: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('existing'), name }),
      z.strictObject({ kind: z.literal('made'), value: z.int().min(1).max(1_000_000_000).default(1_000_000) }),
    ])
    .nullable()
    .default(null),
  /** Nodes that were there when the cluster was created: their peer list stays what it was. null: all of the spec. */
  founders: z.array(z.string()).min(1).nullable().default(null),
  secrets: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('managed') }),
      /** A Secret that somebody else makes, with the keys cluster-secret, root-user and root-password. */
      z.strictObject({ kind: z.literal('external'), name }),
    ])
    .default({ kind: 'managed' }),
  /** Pods that may be evicted at once; null: what the plan proves that it survives. */
  maxUnavailable: z.int().min(1).nullable().default(null),
  /** For so long a pod that was told to stop serves on, no longer an endpoint, until everybody has heard of it. */
  drainSeconds: z.int().min(0).max(600).default(10),
  stopGraceSeconds: seconds.default(60),
  /** For so long a container that does not answer is given the benefit of the doubt. */
  startSeconds: seconds.default(300),
  rollout: z
    .strictObject({
      /** To wait until a pod may be taken down. */
      gateSeconds: seconds.default(1_800),
      /** To wait until a pod that was taken down is ready again. */
      readySeconds: seconds.default(1_800),
      /** Base URLs to ask the gate at; empty: a pod, through "kubectl port-forward". */
      endpoints: z.array(z.url({ protocol: /^https?$/ })).default([]),
    })
    .prefault({}),
  networkPolicy: z
    .strictObject({
      /** null: anybody may come in where clients do. */
      clients: z.array(peer).nullable().default(null),
      /** Who may reach the nodes beside clients and, with a balancer, in spite of it: what scrapes metrics, for instance. */
      operators: z.array(peer).default([]),
    })
    .nullable()
    .prefault({}),
  /** Makes a ServiceMonitor, whose CRD must be there; labels are what your Prometheus selects by. */
  serviceMonitor: z
    .strictObject({ labels: labels.default({}), intervalSeconds: seconds.default(30) })
    .nullable()
    .default(null),
  ...exposureSchema.shape,
});

export type KubernetesSettingsInput = z.input<typeof kubernetesSettingsSchema>;
export type KubernetesSettings = z.output<typeof kubernetesSettingsSchema>;

/** Throws KubernetesError with everything that is wrong with them. */
export function parseKubernetesSettings(value: unknown, where: string): KubernetesSettings {
  const result = kubernetesSettingsSchema.safeParse(value ?? {});
  if (result.success) return result.data;
  throw refusal(`${where} does not say how to run the cluster on Kubernetes`, settingsProblems(result.error));
}

/** The value of the label that hosts of the zone have. */
export function zoneValue({ zones }: KubernetesSettings, zone: string): string {
  return zones[zone] ?? zone;
}

export function walTemplate({ volumes }: KubernetesSettings, nodeWal: string | null): boolean {
  return volumes.kind === 'class' ? volumes.wal !== null : nodeWal !== null;
}

/** Memory below this is no storage node. */
export const MEMORY_LIMIT_MIN_BYTES = 256 * MIB;
