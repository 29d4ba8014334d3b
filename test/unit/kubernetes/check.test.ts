import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { storageMtu } from '../../../spec/hosts.ts';
import { type CheckResult, checkKubernetes, neededSecrets } from '../../../stacks/kubernetes/check.ts';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { parseVersion, readFacts, resourceOf } from '../../../stacks/kubernetes/facts.ts';
import { growthsOf } from '../../../stacks/kubernetes/grow.ts';
import { problemsWithRunning } from '../../../stacks/kubernetes/immutable.ts';
import { readSpecFile } from '../../../stacks/spec-file.ts';
import { kubernetesSettingsOf, planOf, SECRETS, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';
import { healthy, type Recorded, recordedKubectl } from './recorded.ts';

type Json = Record<string, unknown>;

const BARE_METAL = join(import.meta.dirname, '..', '..', '..', 'examples', 'bare-metal.yaml');
const bareMetal = () => readSpecFile(BARE_METAL, 'bare-metal.yaml', (message) => new Error(message));

/** What differs from a cluster that has everything and settings that ask for nothing special. */
interface Case {
  readonly settings?: Json;
  /** Changes what the cluster answers. */
  readonly cluster?: (answers: Recorded) => void;
  /** What the user may not do. */
  readonly refused?: string[];
  /** Of the hosts of the spec. */
  readonly linkMtu?: number;
}

async function check({ settings = {}, cluster = () => {}, refused = [], linkMtu }: Case = {}): Promise<CheckResult> {
  const answers = healthy();
  cluster(answers);
  const plan = planOf(SIX_NODES);
  const parsed = kubernetesSettingsOf(settings);
  const stack = describeKubernetes({ plan, settings: parsed, secrets: SECRETS });
  const secrets = neededSecrets({ settings: parsed });
  const facts = await readFacts(recordedKubectl(answers, refused), stack, { secrets });
  return checkKubernetes({ plan, settings: parsed, stack, facts, linkMtu: linkMtu ?? null });
}

interface Host {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly spec: { unschedulable?: boolean; taints?: object[] };
  readonly status: {
    readonly allocatable: Record<string, string>;
    readonly conditions: { type: string; status: string }[];
  };
}

/** Of every host but the first of each zone, so that one is left. */
const ofMost = (change: (host: Host) => void) => (answers: Recorded) => {
  for (const host of (answers['get nodes'] as { items: Host[] }).items)
    if (!host.metadata.name.endsWith('1')) change(host);
};
const without = (question: string) => (answers: Recorded) => {
  delete answers[question];
};
const answering = (question: string, answer: Json) => (answers: Recorded) => {
  answers[question] = answer;
};
const ON_NETWORK: Case = { settings: { volumes: { kind: 'class', storageClass: 'network', size: '1TiB' } } };
/** The drive d1 of node a1 is a volume that this claim has. */
const volumeOf = (claimRef: Json, phase: string) =>
  answering('get persistentvolumes', {
    items: [{ metadata: { name: 'ashlar-six-a1-d1' }, spec: { claimRef }, status: { phase } }],
  });

describe('nothing stands against a deploy', () => {
  test('to a Kubernetes that has everything', async () => {
    expect(await check()).toEqual({ problems: [], remarks: [] });
  });

  test('where enough hosts have the label that nodes are to have', async () => {
    const labelled = (answers: Recorded) => {
      for (const { metadata } of (answers['get nodes'] as { items: Host[] }).items)
        if (!metadata.name.endsWith('3')) metadata.labels.disk = 'nvme';
    };
    const { problems } = await check({ settings: { nodeSelector: { disk: 'nvme' } }, cluster: labelled });
    expect(problems).toEqual([]);
  });
});

describe('it says what is wrong, and what to do:', () => {
  test.each<[string, Case, string]>([
    [
      'an old Kubernetes',
      { cluster: answering('version', { serverVersion: { major: '1', minor: '27' } }) },
      'Kubernetes 1.27 is too old; 1.28 is the least',
    ],
    [
      'one that does not say',
      { cluster: answering('version', {}) },
      'the cluster does not say which version of Kubernetes it is',
    ],
    [
      'no namespace',
      { cluster: without('get namespace ashlar') },
      'there is no namespace ashlar; kubectl create namespace ashlar (and kubectl label namespace ashlar pod-security.kubernetes.io/enforce=restricted)',
    ],
    [
      'a namespace that goes',
      {
        cluster: answering('get namespace ashlar', { metadata: { name: 'ashlar' }, status: { phase: 'Terminating' } }),
      },
      'namespace ashlar is being deleted; wait until it is gone, and make it anew',
    ],
    [
      'no host in a zone',
      { settings: { zones: { c: 'eu-1c' } } },
      'zone c: no host has the label topology.kubernetes.io/zone=eu-1c; kubectl label node HOST topology.kubernetes.io/zone=eu-1c, or say in the settings what the zone is called: zones: {c: …}',
    ],
    [
      'too few hosts in a zone',
      {
        cluster: (answers) => {
          const list = answers['get nodes'] as { items: Host[] };
          list.items = list.items.filter(({ metadata }) => !['b2', 'b3'].includes(metadata.name));
        },
      },
      'zone b: 2 nodes need as many hosts, and 1 can take one; add hosts to the zone',
    ],
    [
      'hosts that are cordoned',
      {
        cluster: ofMost((host) => {
          host.spec.unschedulable = true;
        }),
      },
      'zone a: 2 nodes need as many hosts, and 1 can take one (a2 is cordoned: kubectl uncordon a2; a3 is cordoned: kubectl uncordon a3)',
    ],
    [
      'hosts that are not ready',
      {
        cluster: ofMost((host) => {
          host.status.conditions[1]!.status = 'Unknown';
        }),
      },
      'a2 is not ready',
    ],
    [
      'hosts that nobody may use',
      {
        cluster: ofMost((host) => {
          host.spec.taints = [{ key: 'gpu', effect: 'NoSchedule' }];
        }),
      },
      'a2 has the taint gpu:NoSchedule, which tolerations do not name',
    ],
    [
      'hosts without the label, when too few have it',
      { settings: { nodeSelector: { disk: 'nvme' } } },
      'zone a: 2 nodes need as many hosts, and none can take one (a1 has not the label disk=nvme of nodeSelector;',
    ],
    [
      'small hosts',
      { settings: { resources: { memoryRequest: '64GiB', memoryLimit: '64GiB' } } },
      'a1 has 32Gi of memory for pods, and 64Gi are requested',
    ],
    [
      'slow hosts',
      { settings: { resources: { cpuRequest: 8, cpuLimit: 8 } } },
      'a1 has 7910m processors for pods, and 8 are requested',
    ],
    [
      'a storage class that is not there',
      { settings: { volumes: { kind: 'class', storageClass: 'gold', size: '1TiB' } } },
      'there is no storage class gold; there are: local-nvme, network',
    ],
    [
      'no default storage class',
      { cluster: answering('get storageclasses', { items: [] }) },
      'the cluster has no default storage class; write volumes.storageClass, one of: none',
    ],
    [
      'a storage class that binds too early',
      ON_NETWORK,
      'storage class network makes volumes before it is known where their pod can run (volumeBindingMode: Immediate), so they may lie in another zone; use one with WaitForFirstConsumer',
    ],
    [
      'a host that is called otherwise',
      { settings: { volumes: { kind: 'local', hosts: { a1: 'rack1' } } } },
      'node a1: there is no host with kubernetes.io/hostname=rack1; say which it is: volumes.hosts: {a1: HOST}',
    ],
    [
      'a host in another zone',
      { settings: { volumes: { kind: 'local', hosts: { a1: 'b3' } } } },
      'node a1: its host b3 is in zone b, and not in a',
    ],
    [
      'a volume that lost its claim',
      {
        settings: { volumes: { kind: 'local' } },
        cluster: volumeOf({ namespace: 'ashlar', name: 'data-d1-six-a-0' }, 'Released'),
      },
      'volume ashlar-six-a1-d1 waits for a claim that was deleted; its data is there. To give it to the new one: kubectl patch pv ashlar-six-a1-d1 --type json',
    ],
    [
      'a volume of somebody else',
      {
        settings: { volumes: { kind: 'local' } },
        cluster: volumeOf({ namespace: 'other', name: 'x' }, 'Bound'),
      },
      'volume ashlar-six-a1-d1 belongs to claim other/x, and not to ashlar/data-d1-six-a-0',
    ],
    [
      'kinds that nobody defined',
      { settings: { serviceMonitor: {} } },
      'the cluster knows no servicemonitors.monitoring.coreos.com; install the Prometheus operator, or leave serviceMonitor out',
    ],
    [
      'no Secret where one was named',
      { settings: { secrets: { kind: 'external', name: 'vault' } } },
      'there is no Secret vault in namespace ashlar; make it first',
    ],
    [
      'a Secret without its keys',
      {
        settings: { secrets: { kind: 'external', name: 'vault' } },
        cluster: answering('get secret vault', { metadata: { name: 'vault' }, data: { 'root-user': 'eA==' } }),
      },
      'the Secret vault has no cluster-secret, root-password',
    ],
  ])('%s', async (_, where, problem) => {
    expect((await check(where)).problems.join('\n')).toContain(problem);
  });

  test('what you may not do, in one sentence', async () => {
    const { problems } = await check({ refused: ['create statefulsets.apps', 'create pods/eviction'] });
    expect(problems).toEqual([
      'you may not create statefulsets.apps, create pods/eviction; ask for a role that may, or for somebody who has it',
    ]);
  });

  test('everything at once', async () => {
    const { problems } = await check({
      settings: { zones: { a: 'x', b: 'y', c: 'z' } },
      cluster: without('get namespace ashlar'),
    });
    expect(problems).toHaveLength(4);
  });
});

describe('it remarks', () => {
  test.each<[string, Case, string]>([
    [
      'on a namespace that lets more pass than is needed',
      { cluster: answering('get namespace ashlar', { metadata: { name: 'ashlar' } }) },
      'namespace ashlar enforces no Pod Security',
    ],
    [
      'on a class that deletes',
      ON_NETWORK,
      'storage class network deletes the data of a claim that is deleted (reclaimPolicy: Delete); Retain keeps it',
    ],
    ['on volumes that cannot grow', ON_NETWORK, 'volumes of storage class network cannot grow'],
    [
      'on zones without a spare host',
      {
        cluster: ofMost((host) => {
          if (host.metadata.name.endsWith('3')) host.spec.unschedulable = true;
        }),
      },
      'zone a has exactly as many hosts as nodes',
    ],
    [
      'on what cannot be seen from outside',
      { settings: { volumes: { kind: 'local' } } },
      'what is mounted on the hosts cannot be seen from here',
    ],
    [
      'on the network of the pods, which must keep up with that of the hosts',
      { linkMtu: storageMtu(bareMetal().hosts)! },
      'the storage network of the hosts has MTU 9000: give the network of the pods 9000 (routed), 8950 (VXLAN) or 8940',
    ],
  ])('%s', async (_, where, remark) => {
    expect((await check(where)).remarks.join('\n')).toContain(remark);
  });
});

describe('what runs can never become', () => {
  const wanted = stackOf(planOf(SIX_NODES));
  const running = (settings: Json = {}, yaml = SIX_NODES, change: (spec: Json) => Json = (spec) => spec) => ({
    pods: [],
    statefulSets: stackOf(planOf(yaml), settings)
      .manifests.filter(({ kind }) => kind === 'StatefulSet')
      .map(({ metadata, spec }) => ({
        name: metadata.name,
        updateRevision: 'r',
        replicas: (spec as { replicas: number }).replicas,
        spec: change(spec as Json),
        labels: {},
      })),
  });

  test('is nothing where it is as it should be, or has another image', () => {
    expect(problemsWithRunning(wanted, running())).toEqual([]);
    // Where no class is named, any will do.
    expect(
      problemsWithRunning(wanted, running({ volumes: { kind: 'class', storageClass: 'gold', size: '1TiB' } })),
    ).toEqual([]);
    expect(problemsWithRunning(wanted, running({ drainSeconds: 1, resources: { cpuLimit: 2 } }))).toEqual([]);
    expect(problemsWithRunning(wanted, { pods: [], statefulSets: [] })).toEqual([]);
  });

  test.each<[string, ReturnType<typeof running>, string]>([
    [
      'larger volumes',
      running({ volumes: { kind: 'class', size: '512GiB' } }),
      'StatefulSet six-a makes volumes data-d1 of 512Gi, and 1Ti are wanted; write volumes.grownFrom: 512GiB, and "ashlar kubernetes grow" grows them in place',
    ],
    [
      'smaller volumes',
      running({ volumes: { kind: 'class', size: '2TiB' } }),
      'StatefulSet six-a has volumes data-d1 of 2Ti, and 1Ti are wanted; volumes never shrink',
    ],
    [
      'nodes with a drive less',
      running({}, SIX_NODES.replace('drives: 1', 'drives: 2')),
      'StatefulSet six-a has a volume that the spec has not data-d2; drives of nodes that run cannot come or go like this',
    ],
    [
      'a zone with fewer nodes',
      running({}, SIX_NODES.replace('a: 2', 'a: 3')),
      'StatefulSet six-a has 3 pods, and 2 are wanted; the nodes that would go hold data',
    ],
    [
      'a cluster without one of its zones',
      running({}, SIX_NODES.replace('c: 2}', 'c: 2, d: 2}')),
      'StatefulSet six-d runs and belongs to six, but the spec has no such zone any more',
    ],
    [
      'a StatefulSet of another make',
      running({}, SIX_NODES, (spec) => ({ ...spec, serviceName: 'old' })),
      'StatefulSet six-a has serviceName old, and six-nodes is wanted; it was not made by this cluster, or by another version: "kubectl delete statefulset six-a --cascade=orphan" leaves its pods and volumes as they are',
    ],
    [
      'somebody else’s',
      running({}, SIX_NODES, (spec) => ({ ...spec, selector: { matchLabels: { app: 'x' } } })),
      'StatefulSet six-a selects other pods than this cluster’s'.replace('’', "'"),
    ],
  ])('%s', (_, state, problem) => {
    expect(problemsWithRunning(wanted, state)[0]).toContain(problem);
  });

  test('a named class where another is wanted by name', () => {
    const gold = stackOf(planOf(SIX_NODES), { volumes: { kind: 'class', storageClass: 'gold', size: '1TiB' } });
    expect(
      problemsWithRunning(gold, running({ volumes: { kind: 'class', storageClass: 'iron', size: '1TiB' } }))[0],
    ).toContain('StatefulSet six-a has volumes data-d1 of class iron, and gold is wanted; a volume keeps its class');
  });
});

describe('volumes grow', () => {
  const claim = (name: string, storage: string) => ({
    metadata: { name },
    spec: { resources: { requests: { storage } } },
  });

  test('where they are smaller than they should be, and only there', () => {
    const claims = [
      claim('data-d1-six-a-0', '1Ti'),
      claim('data-d1-six-a-1', '2Ti'),
      claim('data-d1-six-b-0', '2048Gi'),
      claim('other', '1Gi'),
    ];
    const settings = kubernetesSettingsOf({ volumes: { kind: 'class', size: '2TiB', grownFrom: '1TiB' } });
    expect(growthsOf(planOf(SIX_NODES), settings, claims)).toEqual([
      { claim: 'data-d1-six-a-0', from: '1Ti', to: '2Ti' },
    ]);
  });

  test('but not on hosts', () => {
    const settings = kubernetesSettingsOf({ volumes: { kind: 'local' } });
    expect(() => growthsOf(planOf(SIX_NODES), settings, [])).toThrow('local volumes are as large as their drives');
  });
});

test('versions and resources are read as Kubernetes writes them', () => {
  expect(parseVersion({ serverVersion: { major: '1', minor: '33+' } })).toEqual({ major: 1, minor: 33 });
  const names = [
    ['v1', 'Service'],
    ['networking.k8s.io/v1', 'NetworkPolicy'],
    ['networking.k8s.io/v1', 'Ingress'],
    ['scheduling.k8s.io/v1', 'PriorityClass'],
  ];
  expect(
    names.map(([apiVersion, kind]) => resourceOf({ apiVersion: apiVersion!, kind: kind!, metadata: { name: 'x' } })),
  ).toEqual([
    'services',
    'networkpolicies.networking.k8s.io',
    'ingresses.networking.k8s.io',
    'priorityclasses.scheduling.k8s.io',
  ]);
});
