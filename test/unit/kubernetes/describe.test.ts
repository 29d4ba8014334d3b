import { describe, expect, test } from 'vitest';
import { describeKubernetes, type KubernetesStack } from '../../../stacks/kubernetes/describe.ts';
import { disruptionBudget } from '../../../stacks/kubernetes/disruption.ts';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { bytesQuantity, cpuQuantity, quantityValue } from '../../../stacks/kubernetes/quantity.ts';
import {
  FOUR_NODES,
  IMAGE,
  kubernetesSettingsOf,
  planOf,
  SECRETS,
  SIX_NODES,
  stackOf,
} from '../../support/kubernetes-specs.ts';

// biome-ignore lint/suspicious/noExplicitAny: manifests are plain JSON, looked into at will
type Json = any;

const find = ({ manifests }: KubernetesStack, kind: string, name: string): Json =>
  manifests.find((manifest: Manifest) => manifest.kind === kind && manifest.metadata.name === name);
const container = (stack: KubernetesStack, set: string): Json =>
  find(stack, 'StatefulSet', set).spec.template.spec.containers[0];

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

describe('the network policy', () => {
  const NODES = {
    podSelector: { matchLabels: { 'app.kubernetes.io/component': 'storage', 'app.kubernetes.io/instance': 'six' } },
  };
  const BALANCERS = {
    podSelector: { matchLabels: { 'app.kubernetes.io/component': 'balancer', 'app.kubernetes.io/instance': 'six' } },
  };
  const ingress = (settings: Record<string, unknown>, name: string) =>
    find(stackOf(planOf(SIX_NODES), settings), 'NetworkPolicy', name).spec.ingress[0].from;
  const peers = { clients: [{ podLabels: { app: 'web' } }], operators: [{ cidr: '10.0.0.0/8' }] };
  const WEB = { podSelector: { matchLabels: { app: 'web' } } };
  const OPERATORS = { ipBlock: { cidr: '10.0.0.0/8' } };

  test('lets nodes, operators and clients reach nodes, or everybody', () => {
    expect(ingress({ networkPolicy: peers }, 'six')).toEqual([NODES, OPERATORS, WEB]);
    expect(ingress({}, 'six')).toBeUndefined();
  });

  test('lets clients reach a balancer, and the nodes behind it no more', () => {
    const balancer = { image: IMAGE };
    expect(ingress({ balancer, networkPolicy: peers }, 'six')).toEqual([NODES, OPERATORS, BALANCERS]);
    expect(ingress({ balancer, networkPolicy: peers }, 'six-balancer')).toEqual([WEB]);
    expect(ingress({ balancer }, 'six')).toEqual([NODES, BALANCERS]);
    expect(ingress({ balancer }, 'six-balancer')).toBeUndefined();
  });
});

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
