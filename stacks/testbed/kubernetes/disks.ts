// The disks of the hosts as volumes of a storage class, which is the default one: as a provisioner for local disks makes them of what it
// finds mounted. Nothing measures them; each says that it is as large as anybody could want.
import { basename, join } from 'node:path';
import { DISKS_PATH } from '../layout.ts';
import { DISK_NAMES } from '../power.ts';
import type { KubernetesLayout } from './layout.ts';

export const STORAGE_CLASS = 'testbed-disks';
const CAPACITY = '1Ti';

/** As Kubernetes objects. */
export function diskManifests({ hosts }: KubernetesLayout): Record<string, unknown>[] {
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Retain',
    // To a claim that grows nobody does anything: there is as much as it could want.
    allowVolumeExpansion: true,
  };
  const volumes = hosts.flatMap(({ name }) =>
    DISK_NAMES.map((disk) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `${name}-${basename(disk)}` },
      spec: {
        capacity: { storage: CAPACITY },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: STORAGE_CLASS,
        local: { path: join(DISKS_PATH, disk) },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onHost(name)] }] } },
      },
    })),
  );
  return [storageClass, ...volumes];
}

function onHost(name: string): unknown {
  return { key: 'kubernetes.io/hostname', operator: 'In', values: [name] };
}
