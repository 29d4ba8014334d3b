// Clusters on Kubernetes, one for each thing that makes their objects differ: the golden files, the policies and the Pulumi program are
// all tested with the same ones.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../../plan/plan.ts';
import type { DescribeProps } from '../../stacks/kubernetes/describe.ts';
import { type KubernetesSettingsInput, parseKubernetesSettings } from '../../stacks/kubernetes/settings.ts';
import { CLASS_VOLUMES, IMAGE, planOf, SECRETS, SIX_NODES } from './kubernetes-specs.ts';

const imageOf = (name: string) => IMAGE.replace('registry.example.com/ashlar', name);

const root = join(import.meta.dirname, '..', '..');
const BARE_METAL = `name: archive
erasure: 4+2
nodes:
  st1: {zone: a, drives: [/mnt/d1, /mnt/d2], capacity: 8TB, wal: /mnt/nvme/wal}
  st4: {zone: a, drives: [/mnt/d1, /mnt/d2], capacity: 8TB, wal: /mnt/nvme/wal}
  st2: {zone: b, drives: [/mnt/d1, /mnt/d2], capacity: 8TB, wal: /mnt/nvme/wal}
  st5: {zone: b, drives: [/mnt/d1, /mnt/d2], capacity: 8TB, wal: /mnt/nvme/wal}
  st3: {zone: c, drives: [/mnt/d1, /mnt/d2], capacity: 12TB, wal: /mnt/nvme/wal}
  st6: {zone: c, drives: [/mnt/d1, /mnt/d2], capacity: 16TB, wal: /mnt/nvme/wal}
endpoint: s3.archive.example:443
region: eu-central-1
domains: [s3.archive.example]
`;

export interface Case extends DescribeProps {
  /** What the settings were made from. */
  readonly input: KubernetesSettingsInput;
}

function caseOf(
  plan: Plan,
  settings: Readonly<Record<string, unknown>> = {},
  secrets: DescribeProps['secrets'] = SECRETS,
): Case {
  const input = { image: IMAGE, volumes: CLASS_VOLUMES, ...settings } as KubernetesSettingsInput;
  return { plan, input, settings: parseKubernetesSettings(input, 'the settings'), secrets };
}

export const CASES: Readonly<Record<string, Case>> = {
  default: caseOf(planOf(readFileSync(join(root, 'cluster.yaml'), 'utf8'))),
  'six-nodes': caseOf(planOf(SIX_NODES), {
    namespace: 'storage',
    volumes: {
      kind: 'class',
      storageClass: 'local-nvme',
      size: '3.5TiB',
      wal: { storageClass: 'optane', size: '64GiB' },
    },
    zones: { a: 'eu-central-1a', b: 'eu-central-1b', c: 'eu-central-1c' },
    nodeSelector: { 'node-role.example.com/storage': 'true' },
    tolerations: [{ key: 'storage', operator: 'Exists', effect: 'NoSchedule' }],
    imagePullSecrets: ['registry'],
    resources: { cpuRequest: 2, cpuLimit: 8, memoryRequest: '8GiB', memoryLimit: '16GiB' },
    environment: { ASHLAR_LOG_LEVEL: 'warn' },
    priorityClass: { kind: 'made' },
    networkPolicy: {
      clients: [{ namespaceLabels: { team: 'media' } }, { podLabels: { s3: 'yes' } }, { cidr: '10.0.0.0/8' }],
      operators: [{ namespaceLabels: { 'kubernetes.io/metadata.name': 'monitoring' } }],
    },
    serviceMonitor: { labels: { release: 'prometheus' } },
    service: {
      type: 'LoadBalancer',
      port: 80,
      sourceRanges: ['10.0.0.0/8'],
      annotations: { 'example.com/internal': 'true' },
    },
  }),
  'local-volumes': caseOf(planOf(BARE_METAL), {
    volumes: { kind: 'local', hosts: { st4: 'rack4.example.com' } },
    service: { type: 'NodePort', nodePort: 30900, port: 9000 },
    priorityClass: { kind: 'existing', name: 'system-cluster-critical' },
  }),
  'tls-own-ca': caseOf(planOf(`${SIX_NODES}domains: [s3.example.com]\n`), {
    balancer: { image: imageOf('haproxy') },
    tls: { kind: 'own-ca' },
    networkPolicy: { clients: [{ podLabels: { s3: 'yes' } }] },
    service: { type: 'LoadBalancer' },
  }),
  'tls-ingress': caseOf(planOf(`${SIX_NODES}domains: [s3.example.com]\n`), {
    tls: { kind: 'cert-manager', issuer: { name: 'letsencrypt' } },
    ingress: { className: 'nginx', annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '0' } },
    gateway: { name: 'public', namespace: 'gateways', section: 'https' },
    networkPolicy: null,
  }),
  'external-secrets': caseOf(planOf(SIX_NODES), { secrets: { kind: 'external', name: 'six-from-vault' } }, null),
  minio: caseOf(planOf(readFileSync(join(root, 'examples', 'minio.yaml'), 'utf8')), { image: imageOf('minio/minio') }),
  rustfs: caseOf(planOf(`${SIX_NODES}engine: rustfs\n`), { image: imageOf('rustfs/rustfs'), maxUnavailable: 1 }),
};
