// The volumes of a zone: claim templates, and with drives that are mounted on hosts already a PersistentVolume for each, bound beforehand
// to the one claim that may have it, so that a node's data can never come to lie in another's pod. Pure.
import type { Plan, PlanDrive, PlanNode } from '../../plan/plan.ts';
import { containerPath, WAL_DIRECTORY } from './engine.ts';
import type { Manifest } from './manifest.ts';
import { claimName, claimTemplateName, globalName, labelsOf, nodesOfZone, selectorOf, WAL_TEMPLATE } from './names.ts';
import { bytesQuantity } from './quantity.ts';
import { type KubernetesSettings, walTemplate } from './settings.ts';

export const HOSTNAME_LABEL = 'kubernetes.io/hostname';

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
}

/** Of what the first node of the zone has; problems.ts has refused zones whose nodes differ. */
export function claimTemplates(plan: Plan, zone: string, settings: KubernetesSettings): object[] {
  const nodes = nodesOfZone(plan, zone);
  const drives = nodes[0]!.drives.map((drive) => {
    // A claim may ask for less than its volume has: where hosts have drives of different sizes, for the least.
    const same = nodes.flatMap((node) => node.drives.filter(({ name }) => name === drive.name));
    const sizeBytes = grownFrom(settings) ?? Math.min(...same.map((one) => driveBytes(one, settings) ?? 0));
    return template(plan, claimTemplateName(drive), sizeBytes, classOf(plan, settings, 'drive'));
  });
  if (!walTemplate(settings, nodes[0]!.wal)) return drives;
  return [...drives, template(plan, WAL_TEMPLATE, walBytes(settings), classOf(plan, settings, 'wal'))];
}

export function volumeMounts(plan: Plan, zone: string, settings: KubernetesSettings): VolumeMount[] {
  const [node] = nodesOfZone(plan, zone);
  return [
    ...node!.drives.map((drive) => ({ name: claimTemplateName(drive), mountPath: containerPath(plan, drive) })),
    ...(walTemplate(settings, node!.wal) ? [{ name: WAL_TEMPLATE, mountPath: WAL_DIRECTORY }] : []),
  ];
}

/** null: neither the spec nor the settings say it. */
export function driveBytes({ capacityBytes }: PlanDrive, { volumes }: KubernetesSettings): number | null {
  return capacityBytes ?? volumes.size;
}

/** The directory of the drive on its host. */
export function drivePath(drive: PlanDrive, dataRoot: string): string {
  return drive.path ?? `${dataRoot}/${drive.name}`;
}

export function hostOf({ volumes }: KubernetesSettings, node: PlanNode): string | null {
  return volumes.kind === 'local' ? (volumes.hosts[node.name] ?? node.name) : null;
}

/** Of drives that are mounted on hosts: none with a storage class that makes volumes itself. */
export function localVolumes(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { volumes } = settings;
  if (volumes.kind !== 'local') return [];
  const claimed = plan.nodes.flatMap((node) => [
    ...node.drives.map((drive) => ({
      node,
      part: drive.name,
      template: claimTemplateName(drive),
      path: drivePath(drive, volumes.dataRoot),
      sizeBytes: drive.capacityBytes ?? volumes.size,
    })),
    ...(node.wal === null
      ? []
      : [{ node, part: WAL_TEMPLATE, template: WAL_TEMPLATE, path: node.wal, sizeBytes: volumes.walSize }]),
  ]);
  return [storageClass(plan, settings), ...claimed.map((volume) => localVolume(plan, settings, volume))];
}

function storageClass(plan: Plan, settings: KubernetesSettings): Manifest {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: localClass(plan, settings), labels: labelsOf(plan) },
    provisioner: 'kubernetes.io/no-provisioner',
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'WaitForFirstConsumer',
  };
}

interface LocalVolume {
  readonly node: PlanNode;
  readonly part: string;
  readonly template: string;
  readonly path: string;
  readonly sizeBytes: number;
}

function localVolume(
  plan: Plan,
  settings: KubernetesSettings,
  { node, part, template, path, sizeBytes }: LocalVolume,
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: globalName(plan, settings.namespace, `${node.name}-${part}`),
      labels: labelsOf(plan),
      annotations: { 'ashlar.node': node.name },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: bytesQuantity(sizeBytes) },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name: claimName(plan, node, template),
        namespace: settings.namespace,
      },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: HOSTNAME_LABEL, operator: 'In', values: [hostOf(settings, node)] }] },
          ],
        },
      },
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: localClass(plan, settings),
      volumeMode: 'Filesystem',
    },
  };
}

/** With defaults written out that the API server would add, so that what is there and what was asked for are the same. */
function template(plan: Plan, name: string, sizeBytes: number, storageClassName: string | null): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, labels: selectorOf(plan) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: bytesQuantity(sizeBytes) } },
      ...(storageClassName === null ? {} : { storageClassName }),
      volumeMode: 'Filesystem',
    },
  };
}

function classOf(plan: Plan, settings: KubernetesSettings, use: 'drive' | 'wal'): string | null {
  const { volumes } = settings;
  if (volumes.kind === 'local') return localClass(plan, settings);
  return use === 'wal' ? (volumes.wal?.storageClass ?? volumes.storageClass) : volumes.storageClass;
}

export function localClass(plan: Plan, { namespace }: KubernetesSettings): string {
  return globalName(plan, namespace, 'local');
}

function grownFrom({ volumes }: KubernetesSettings): number | null {
  return volumes.kind === 'class' ? volumes.grownFrom : null;
}

function walBytes({ volumes }: KubernetesSettings): number {
  return volumes.kind === 'local' ? volumes.walSize : (volumes.wal?.size ?? 0);
}
