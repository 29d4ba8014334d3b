import { describe, expect, test } from 'vitest';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { KubernetesError } from '../../../stacks/kubernetes/errors.ts';
import { parseKubernetesSettings } from '../../../stacks/kubernetes/settings.ts';
import { FOUR_NODES, IMAGE, kubernetesSettingsOf, planOf, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof KubernetesError && error.kind === 'input') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('it is refused', () => {
  const ZONED = (a2: string) =>
    `name: x\nerasure: 2+1\nnodes:\n  a1: {zone: a, drives: [/mnt/d1, /mnt/d2]}\n  a2: {zone: a, ${a2}}\n  b1: {zone: b, drives: [/mnt/d1, /mnt/d2]}\n  c1: {zone: c, drives: [/mnt/d1, /mnt/d2]}\n`;

  test.each<[string, string, Record<string, unknown>, string]>([
    [
      'an unsafe plan',
      'name: x\nerasure: 4+2\nsurvive: zone\nzones: {a: 3, b: 3}\ndrives: 2\n',
      {},
      'the plan is not safe: ',
    ],
    [
      'a zone with unlike nodes',
      ZONED('drives: [/mnt/d1]'),
      {},
      'zone a: the pods of a zone are alike, and a1 has drives /data/d1, /data/d2, but a2 has /data/d1; give all nodes of a zone the same drives, or make two zones of it',
    ],
    [
      'a zone in which one node has a log of its own',
      ZONED('drives: [/mnt/d1, /mnt/d2], wal: /mnt/wal'),
      {},
      'zone a: of a1 and a2 only one has a write-ahead log of its own; give it to all',
    ],
    [
      'volumes without a size',
      SIX_NODES,
      { volumes: { kind: 'class' } },
      'nothing says how large drive a1/d1 is; write volumes.size, or a capacity in the spec',
    ],
    [
      'a log without a size',
      SIX_NODES.replace(
        'zones: {a: 2, b: 2, c: 2}\ndrives: 1',
        'nodes:\n' +
          ['a', 'b', 'c']
            .flatMap((z) => [1, 2].map((i) => `  ${z}${i}: {zone: ${z}, drives: [/mnt/d1], wal: /mnt/wal}`))
            .join('\n'),
      ),
      {},
      'node a1 has a write-ahead log of its own, and its volume needs a size; write volumes.wal: {size: 16GiB}',
    ],
    [
      'a drive whose name is none for a volume',
      SIX_NODES.replace('drives: 1', 'drives: [/mnt/Disk_1]'),
      {},
      'drive Disk_1: volumes of Kubernetes have names of lower-case letters, digits and hyphens; name its directory so',
    ],
    [
      'two nodes on one host',
      SIX_NODES,
      { volumes: { kind: 'local', hosts: { a1: 'h', b1: 'h' } } },
      'a1 and b1 would be on the same host h',
    ],
    [
      'names that the spec has not',
      SIX_NODES,
      { founders: ['a9'], zones: { z: 'eu-1' } },
      'founders names a9, and the spec has no such node\n  - zones names z, and the spec has no such zone',
    ],
    [
      'two zones that are one',
      SIX_NODES,
      { zones: { a: 'eu', b: 'eu' } },
      'zones: a and b are both eu on Kubernetes, and would be lost together',
    ],
    [
      'zones without a label',
      SIX_NODES,
      { zoneLabel: null },
      'zoneLabel is null, and then nothing keeps the zones of the plan apart',
    ],
    [
      'a cluster named like no service',
      SIX_NODES.replace('name: six', 'name: 6nodes'),
      {},
      'the name 6nodes does not begin with a letter',
    ],
    [
      'names that grow too long',
      SIX_NODES.replace('name: six', `name: ${'c'.repeat(40)}`).replace(
        '{a: 2, b: 2, c: 2}',
        `{${'z'.repeat(20)}: 2, b: 2, c: 2}`,
      ),
      {},
      'would have 61 letters in its name, and 52 are allowed',
    ],
    [
      'more evictions than the plan survives',
      FOUR_NODES,
      { maxUnavailable: 3 },
      'maxUnavailable: 3 is more than the plan survives: ',
    ],
    [
      'requests above limits',
      SIX_NODES,
      { resources: { memoryRequest: '8GiB', cpuRequest: 9 } },
      'resources: memoryRequest is more than memoryLimit allows\n  - resources: cpuRequest is more than cpuLimit allows',
    ],
    [
      'too little time to stop',
      SIX_NODES,
      { drainSeconds: 50, stopGraceSeconds: 60 },
      'stopGraceSeconds: 60 is less than the 65 that a node may take to stop',
    ],
    [
      'variables that are ours',
      SIX_NODES,
      { environment: { ASHLAR_LISTEN: 'x' } },
      'environment: ASHLAR_LISTEN is set by the stack itself',
    ],
    [
      'TLS that nobody ends',
      SIX_NODES,
      { tls: { kind: 'secret', name: 't' } },
      'tls: the nodes speak plain HTTP, and nothing is there that could end TLS',
    ],
    [
      'TLS that two would end',
      SIX_NODES,
      { tls: { kind: 'secret', name: 't' }, balancer: { image: IMAGE }, ingress: { className: 'n', host: 's3.x' } },
      'tls: it ends either at the balancer or at an Ingress or Gateway',
    ],
    ['an Ingress without a host', SIX_NODES, { ingress: { className: 'n' } }, 'ingress.host is missing'],
    [
      'a node port on a cluster IP',
      SIX_NODES,
      { service: { nodePort: 30_000 } },
      'service.nodePort means nothing with type ClusterIP',
    ],
    [
      'volumes that would shrink',
      SIX_NODES,
      { volumes: { kind: 'class', size: '1TiB', grownFrom: '2TiB' } },
      'volumes.grownFrom is more than drive a1/d1 is to have; volumes never shrink',
    ],
    [
      'logs of engines that have none',
      `${SIX_NODES}engine: rustfs\n`,
      { volumes: { kind: 'class', size: '1TiB', wal: {} } },
      'rustfs has no write-ahead log',
    ],
    [
      'a network policy that nobody is named by',
      SIX_NODES,
      { networkPolicy: { clients: [{}] } },
      'networkPolicy: {} names nobody; write namespaceLabels, podLabels or cidr',
    ],
    [
      'metrics that nobody can fetch',
      SIX_NODES,
      { networkPolicy: { clients: [] }, serviceMonitor: {} },
      'serviceMonitor: the network policy lets no Prometheus in',
    ],
  ])('with %s', (_, yaml, settings, message) => {
    expect(refusalOf(() => stackOf(planOf(yaml), settings))).toContain(message);
  });

  test('without secrets, with what makes them', () => {
    expect(
      refusalOf(() => describeKubernetes({ plan: planOf(SIX_NODES), settings: kubernetesSettingsOf(), secrets: null })),
    ).toContain('six has no secrets yet; "ashlar kubernetes secrets" makes them, once');
  });

  test('with settings that are none, all at once', () => {
    const message = refusalOf(() => parseKubernetesSettings({ namespace: 'A B', gate: 1 }, 'kubernetes.yaml'));
    expect(message).toContain('kubernetes.yaml does not say how to run the cluster on Kubernetes:');
    expect(message).toContain('image: is missing; write REGISTRY/NAME@sha256:… as "ashlar image push" prints it');
    expect(message).toContain('namespace: is no namespace');
    expect(message).toContain('gate');
    expect(refusalOf(() => parseKubernetesSettings({ image: 'ashlar:latest' }, 'x'))).toContain(
      'image: is no image with a digest',
    );
  });

  test('with engines whose volume arguments name hosts that pods cannot have', () => {
    const yaml =
      'name: x\nengine: minio\nerasure: 2+2\nsurvive: node\nnodes:\n' +
      [1, 2, 3, 4].map((i) => `  n${i}: {zone: a, address: "10.0.0.${i}", drives: [/mnt/d1]}\n`).join('');
    expect(refusalOf(() => stackOf(planOf(yaml)))).toContain(
      'the volumes of minio name node n1 by 10.0.0.1, which is an address, and pods have others each time',
    );
  });
});
