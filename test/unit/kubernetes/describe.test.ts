import { describe, expect, test } from 'vitest';
import { describeKubernetes, type KubernetesStack } from '../../../stacks/kubernetes/describe.ts';
import { disruptionBudget } from '../../../stacks/kubernetes/disruption.ts';
import { KubernetesError } from '../../../stacks/kubernetes/errors.ts';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { bytesQuantity, cpuQuantity, quantityValue } from '../../../stacks/kubernetes/quantity.ts';
import { parseKubernetesSettings } from '../../../stacks/kubernetes/settings.ts';
import {
  FOUR_NODES,
  IMAGE,
  kubernetesSettingsOf,
  planOf,
  SECRETS,
  SIX_NODES,
  stackOf,
} from '../../support/kubernetes-cases.ts';

// biome-ignore lint/suspicious/noExplicitAny: manifests are plain JSON, looked into at will
type Json = any;

const find = ({ manifests }: KubernetesStack, kind: string, name: string): Json =>
  manifests.find((manifest: Manifest) => manifest.kind === kind && manifest.metadata.name === name);
const container = (stack: KubernetesStack, set: string): Json =>
  find(stack, 'StatefulSet', set).spec.template.spec.containers[0];

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof KubernetesError && error.kind === 'input') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a zone is', () => {
  const six = stackOf(planOf(SIX_NODES));

  test('one StatefulSet, pinned to it, with hosts of their own for its pods', () => {
    const { spec } = find(six, 'StatefulSet', 'six-b');
    expect(spec.replicas).toBe(2);
    expect(spec.podManagementPolicy).toBe('Parallel');
    expect(spec.template.spec.affinity).toMatchObject({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['b'] }] },
          ],
        },
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: {
              matchLabels: { 'app.kubernetes.io/component': 'storage', 'app.kubernetes.io/instance': 'six' },
            },
          },
        ],
      },
    });
  });

  test('told of all peers by the stable names of their pods, with pods that follow each other as a range', () => {
    expect(container(six, 'six-a').args.join(' ')).toBe(
      'server --zone a --scheme 4+2 --region us-east-1 ' +
        ['a', 'b', 'c'].map((zone) => `http://six-${zone}-{0...1}.six-nodes:9000/data/d1`).join(' '),
    );
  });

  test('never taken down by a changed template alone, and never loses a claim', () => {
    expect(find(six, 'StatefulSet', 'six-a').spec).toMatchObject({
      updateStrategy: { type: 'OnDelete' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    });
  });

  test('asked whether its pods live for life, and whether they are ready for readiness', () => {
    const { livenessProbe, readinessProbe, startupProbe } = container(six, 'six-a');
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/_ashlar/health/live',
      '/_ashlar/health/live',
      '/_ashlar/health/ready',
    ]);
  });

  test('reached under names that are there before anybody is ready', () => {
    expect(find(six, 'Service', 'six-nodes').spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(find(six, 'Service', 'six-s3').spec.publishNotReadyAddresses).toBeUndefined();
  });
});

describe('a node is', () => {
  const LONG =
    'name: odd\nerasure: 2+1\nnodes:\n  zeta: {zone: a, drives: [/mnt/x]}\n  alpha: {zone: a, drives: [/mnt/x]}\n  mid: {zone: b, drives: [/mnt/x]}\n  last: {zone: c, drives: [/mnt/x]}\n';

  test('the pod at its place in the zone, in the order of the plan, whatever it is called', () => {
    const stack = stackOf(planOf(LONG));
    expect(find(stack, 'ConfigMap', 'odd-nodes').data).toEqual({
      'odd-a-0': 'zeta',
      'odd-a-1': 'alpha',
      'odd-b-0': 'mid',
      'odd-c-0': 'last',
    });
    expect(stack.zones[0]!.pods).toEqual([
      { pod: 'odd-a-0', node: 'zeta' },
      { pod: 'odd-a-1', node: 'alpha' },
    ]);
  });

  test('told its name by the file that is called like its pod', () => {
    const { env, volumeMounts } = container(stackOf(planOf(LONG)), 'odd-a');
    const names = env.map(({ name }: { name: string }) => name);
    expect(env).toContainEqual({ name: 'ASHLAR_NAME_FILE', value: '/etc/ashlar/nodes/$(POD_NAME)' });
    // A variable may only name what comes before it.
    expect(names.indexOf('POD_NAME')).toBeLessThan(names.indexOf('ASHLAR_NAME_FILE'));
    expect(volumeMounts).toContainEqual({ name: 'nodes', mountPath: '/etc/ashlar/nodes', readOnly: true });
    expect(volumeMounts).toContainEqual({ name: 'data-x', mountPath: '/data/x' });
  });

  test('left alone when the spec grows and the founders are named', () => {
    const grown = planOf(SIX_NODES.replace('c: 2}', 'c: 2, d: 2}'));
    const founders = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'];
    const [before, after] = [stackOf(planOf(SIX_NODES)), stackOf(grown, { founders })];
    for (const zone of ['a', 'b', 'c'])
      expect(find(after, 'StatefulSet', `six-${zone}`)).toEqual(find(before, 'StatefulSet', `six-${zone}`));
    expect(container(after, 'six-d').args.join(' ')).toContain('http://six-d-{0...1}.six-nodes:9000/data/d1');
  });
});

describe('volumes', () => {
  test('have the size of the settings, or that of the spec, in the words of Kubernetes', () => {
    const templates = (yaml: string, volumes: object) =>
      find(stackOf(planOf(yaml), { volumes }), 'StatefulSet', 'six-a').spec.volumeClaimTemplates.map(
        (template: Json) => [
          template.metadata.name,
          template.spec.storageClassName,
          template.spec.resources.requests.storage,
        ],
      );
    expect(templates(SIX_NODES, { kind: 'class', size: '512GiB' })).toEqual([['data-d1', undefined, '512Gi']]);
    expect(
      templates(`${SIX_NODES}capacity: 4TB\n`, { kind: 'class', storageClass: 'nvme', wal: { size: '8GiB' } }),
    ).toEqual([
      ['data-d1', 'nvme', '4T'],
      ['wal', 'nvme', '8Gi'],
    ]);
  });

  test('that are grown keep what they were made from', () => {
    const grown = stackOf(planOf(SIX_NODES), { volumes: { kind: 'class', size: '2TiB', grownFrom: '1TiB' } });
    expect(find(grown, 'StatefulSet', 'six-a')).toEqual(find(stackOf(planOf(SIX_NODES)), 'StatefulSet', 'six-a'));
  });

  test('on hosts are bound beforehand to the claim of their node, and kept', () => {
    const stack = stackOf(planOf(SIX_NODES), {
      volumes: { kind: 'local', dataRoot: '/srv', hosts: { b2: 'rack2-7' } },
    });
    expect(find(stack, 'PersistentVolume', 'ashlar-six-b2-d1').spec).toMatchObject({
      claimRef: { namespace: 'ashlar', name: 'data-d1-six-b-1' },
      local: { path: '/srv/d1' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['rack2-7'] }] },
          ],
        },
      },
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'ashlar-six-local',
    });
    expect(stack.manifests.filter(({ kind }) => kind === 'PersistentVolume')).toHaveLength(6);
  });
});

describe('the budget for evictions', () => {
  test.each([
    [
      'four zones of one node with two drives each, 4+2: one node is all that any partition can lose',
      FOUR_NODES.replace('2+2', '4+2'),
      1,
    ],
    ['six nodes with one drive each, 4+2: any two', SIX_NODES, 2],
    [
      'nine nodes, 8+1, which survives one drive',
      'name: x\nerasure: 8+1\nsurvive: node\nnodes: {' +
        Array.from({ length: 9 }, (_, i) => `n${i}: {zone: a, drives: [/mnt/d1]}`).join(', ') +
        '}\n',
      1,
    ],
    ['one node: none', 'name: x\nerasure: 2+1\nzones: {a: 1}\ndrives: 4\n', 0],
  ])('of %s', (_, yaml, budget) => {
    expect(disruptionBudget(planOf(yaml))).toBe(budget);
  });

  test('is over all zones together, and may be made smaller', () => {
    const pdb = (settings: object) =>
      find(stackOf(planOf(SIX_NODES), settings as Json), 'PodDisruptionBudget', 'six').spec;
    expect(pdb({})).toEqual({
      maxUnavailable: 2,
      selector: { matchLabels: { 'app.kubernetes.io/component': 'storage', 'app.kubernetes.io/instance': 'six' } },
    });
    expect(pdb({ maxUnavailable: 1 }).maxUnavailable).toBe(1);
  });

  test('never exceeds what an enumeration of all losses of so many nodes shows to be survived', async () => {
    const { assessLoss } = await import('../../../plan/evaluate-partitions.ts');
    const { parseClusterSpec } = await import('../../../spec/parse.ts');
    for (const yaml of [
      SIX_NODES,
      SIX_NODES.replace('drives: 1', 'drives: 2'),
      SIX_NODES.replace('4+2', '3+3'),
      FOUR_NODES,
    ]) {
      const parsed = parseClusterSpec(yaml, 'x');
      if (!parsed.ok) throw new Error('not a spec');
      const plan = planOf(yaml);
      const budget = disruptionBudget(plan);
      for (const lost of subsets(plan.nodes, budget)) {
        const left = assessLoss(
          parsed.spec,
          lost.flatMap(({ drives }) => drives.map(({ slot }) => slot)),
        );
        expect([left.reads, left.writes]).toEqual([true, true]);
      }
    }
  });
});

function* subsets<Item>(items: readonly Item[], count: number, from = 0): Generator<Item[]> {
  if (count === 0) yield [];
  else
    for (let i = from; i < items.length; i++)
      for (const rest of subsets(items, count - 1, i + 1)) yield [items[i]!, ...rest];
}

describe('secrets', () => {
  test('are named by their content, which the pods use by that name', () => {
    const name = (secrets: typeof SECRETS) => {
      const stack = describeKubernetes({ plan: planOf(SIX_NODES), settings: kubernetesSettingsOf(), secrets });
      expect(find(stack, 'Secret', stack.secretName)).toMatchObject({ immutable: true });
      return stack.secretName;
    };
    expect(name(SECRETS)).toMatch(/^six-secrets-[0-9a-f]{12}$/);
    expect(name({ ...SECRETS, secretAccessKey: 'another' })).not.toBe(name(SECRETS));
  });

  test('of somebody else are only mounted', () => {
    const stack = describeKubernetes({
      plan: planOf(SIX_NODES),
      settings: kubernetesSettingsOf({ secrets: { kind: 'external', name: 'vault' } }),
      secrets: null,
    });
    expect(stack.manifests.some(({ kind }) => kind === 'Secret')).toBe(false);
    expect(JSON.stringify(find(stack, 'StatefulSet', 'six-a'))).toContain('"secretName":"vault"');
  });
});

describe('engines with sets', () => {
  test('find their nodes under the hosts of their volume arguments, which are services of single pods', () => {
    const stack = stackOf(planOf(`${SIX_NODES}engine: minio\n`));
    expect(find(stack, 'Service', 'b2').spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { 'statefulset.kubernetes.io/pod-name': 'six-b-1' },
    });
    expect(container(stack, 'six-a').args.slice(0, 5)).toEqual([
      'server',
      '--address',
      ':9000',
      'http://a1:9000/data/d1',
      'http://b1:9000/data/d1',
    ]);
    expect(stack.manifests.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'six-nodes')).toBe(
      false,
    );
  });

  test('are refused with hosts that pods cannot have', () => {
    const yaml =
      'name: x\nengine: minio\nerasure: 2+2\nsurvive: node\nnodes:\n' +
      [1, 2, 3, 4].map((i) => `  n${i}: {zone: a, address: "10.0.0.${i}", drives: [/mnt/d1]}\n`).join('');
    expect(refusalOf(() => stackOf(planOf(yaml)))).toContain(
      'the volumes of minio name node n1 by 10.0.0.1, which is an address, and pods have others each time',
    );
  });
});

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
});

describe('quantities', () => {
  test.each([
    [4e12, '4T'],
    [64 * 2 ** 30, '64Gi'],
    [1536 * 2 ** 20, '1536Mi'],
    [2 ** 40, '1Ti'],
    [1_000, '1k'],
    [1_001, '1001'],
    [0, '0'],
  ])('%d bytes are %s, as the API server writes it', (bytes, text) => {
    expect(bytesQuantity(bytes)).toBe(text);
    expect(quantityValue(text)).toBe(bytes);
  });

  test('processors are whole or in thousandths', () => {
    expect([cpuQuantity(4), cpuQuantity(0.25), cpuQuantity(1.5)]).toEqual(['4', '250m', '1500m']);
    expect([quantityValue('250m'), quantityValue('1e3'), quantityValue('1.5Gi'), quantityValue('many')]).toEqual([
      0.25,
      1_000,
      1.5 * 2 ** 30,
      null,
    ]);
  });
});
