import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isComplete, parseClusterState } from '../../../stacks/kubernetes/cluster-state.ts';
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { rollPort } from '../../../stacks/kubernetes/roller.ts';
import { kubernetesSettingsOf, planOf, SECRETS, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';

const pod = (status: object, metadata: object = {}) => ({
  kind: 'Pod',
  metadata: { name: 'six-a-0', uid: 'u', labels: { 'controller-revision-hash': 'six-a-5f' }, ...metadata },
  spec: {},
  status,
});
const set = (name: string, metadata: object, status: object, replicas = 2) => ({
  kind: 'StatefulSet',
  metadata: { name, generation: 3, ...metadata },
  spec: { replicas },
  status,
});
const podOf = (status: object, metadata?: object) => parseClusterState({ items: [pod(status, metadata)] }).pods[0];

describe('a pod', () => {
  test('that serves', () => {
    const status = {
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ started: true, state: { running: {} } }],
    };
    expect(podOf(status)).toEqual({
      name: 'six-a-0',
      uid: 'u',
      revision: 'six-a-5f',
      isReady: true,
      isStarted: true,
      isTerminating: false,
      problem: null,
      isStuck: false,
    });
    expect(podOf(status, { deletionTimestamp: '2026-11-23T00:00:00Z' })).toMatchObject({ isTerminating: true });
  });

  test.each<[string, object, object]>([
    [
      'whose image cannot be had',
      {
        containerStatuses: [
          { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } } },
        ],
      },
      { isStarted: false, isStuck: true, problem: 'ImagePullBackOff: Back-off pulling image "x"' },
    ],
    [
      'that ends again and again, with how it ended',
      {
        containerStatuses: [
          {
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting' } },
            lastState: { terminated: { exitCode: 2, reason: 'Error' } },
          },
        ],
      },
      { isStuck: true, problem: 'CrashLoopBackOff: back-off 10s restarting: it ended with exit code 2 (Error)' },
    ],
    [
      'that has no host',
      {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
        ],
      },
      { isStuck: false, problem: 'Unschedulable: 0/3 nodes are available' },
    ],
    [
      'that is being made',
      { containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
      { isStuck: false, problem: null },
    ],
    ['of which nothing is known yet', {}, { isReady: false, isStarted: false, problem: null }],
  ])('%s', (_, status, expected) => {
    expect(podOf(status)).toMatchObject(expected);
  });
});

describe('a StatefulSet', () => {
  test('has a newest version once its controller has looked at it', () => {
    const [seen, unseen] = [3, 2].map(
      (observedGeneration) =>
        parseClusterState({ items: [set('six-a', {}, { observedGeneration, updateRevision: 'r2' })] }).statefulSets[0],
    );
    expect([seen?.updateRevision, unseen?.updateRevision]).toEqual(['r2', null]);
  });

  test('is missing, or too small, as long as the cluster is not complete', () => {
    const stack = stackOf(planOf(SIX_NODES));
    const sets = (replicas: number, names: string[]) =>
      parseClusterState({ items: names.map((name) => set(name, {}, {}, replicas)) });
    expect(isComplete(stack, sets(2, ['six-a', 'six-b', 'six-c']))).toBe(true);
    expect(isComplete(stack, sets(2, ['six-a', 'six-b']))).toBe(false);
    expect(isComplete(stack, sets(1, ['six-a', 'six-b', 'six-c']))).toBe(false);
  });
});

describe('a pod is taken down', () => {
  const asked: { args: readonly string[]; stdin: string | undefined }[] = [];
  const answering = (exitCode: number, stderr: string): Kubectl => ({
    try: async (args, stdin) => {
      asked.push({ args, stdin });
      return { exitCode, stdout: '', stderr };
    },
    forward: async () => {
      throw new Error('nobody is asked');
    },
  });
  const plan = planOf(SIX_NODES);
  const port = (kubectl: Kubectl) =>
    rollPort({ kubectl, plan, stack: stackOf(plan), settings: kubernetesSettingsOf(), secrets: SECRETS });

  test('through the API that keeps to the budget', async () => {
    asked.length = 0;
    expect(await port(answering(0, '')).evict('six-a-0')).toBeNull();
    expect(asked[0]!.args).toEqual(['create', '--raw', '/api/v1/namespaces/ashlar/pods/six-a-0/eviction', '-f', '-']);
    expect(JSON.parse(asked[0]!.stdin!)).toEqual({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'six-a-0', namespace: 'ashlar' },
    });
  });

  test('later, when the budget says so; never, when it may not be', async () => {
    const message =
      "Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget.";
    expect(await port(answering(1, message)).evict('six-a-0')).toContain("the pod's disruption budget");
    expect(
      await port(answering(1, 'Error from server (NotFound): pods "six-a-0" not found')).evict('six-a-0'),
    ).toBeNull();
    await expect(port(answering(1, 'Error from server (Forbidden): no')).evict('six-a-0')).rejects.toThrow(
      'pod six-a-0 cannot be evicted: Error from server (Forbidden): no',
    );
  });

  test('with an engine that has no gate, only while all others are ready', async () => {
    const rustfs = planOf(`${SIX_NODES}engine: rustfs\n`);
    const stack = stackOf(rustfs);
    const gate = rollPort({
      kubectl: answering(0, ''),
      plan: rustfs,
      stack,
      settings: kubernetesSettingsOf(),
      secrets: SECRETS,
    });
    const all = stack.zones.flatMap(({ pods }) => pods.map(({ pod: name }) => name));
    const state = (unready: string) =>
      parseClusterState({
        items: all.map((name) =>
          pod({ conditions: [{ type: 'Ready', status: name === unready ? 'False' : 'True' }] }, { name }),
        ),
      });
    expect(await gate.askGate('a1', state('six-a-0'))).toEqual({ kind: 'clear' });
    expect(await gate.askGate('a1', state('six-c-1'))).toEqual({ kind: 'blocked', reasons: ['six-c-1 is not ready'] });
  });
});

test('what a Kubernetes 1.33 printed while a bad image crashed in its first pod is understood', () => {
  const recorded = readFileSync(join(import.meta.dirname, 'recorded-bad-image.json'), 'utf8');
  const { statefulSets, pods } = parseClusterState(JSON.parse(recorded));
  const revisions = new Map(statefulSets.map(({ name, updateRevision }) => [name, updateRevision]));
  expect(pods.map(({ name, isReady, isStarted, isStuck }) => [name, isReady, isStarted, isStuck])).toEqual([
    ['kube-a-0', false, false, true],
    ...['b', 'c', 'd'].map((zone) => [`kube-${zone}-0`, true, true, false]),
  ]);
  expect(pods[0]!.problem).toMatch(
    /^CrashLoopBackOff: back-off 40s restarting .*: it ended with exit code 1 \(Error\)$/,
  );
  // All are as their StatefulSets say: only that of the first zone was updated.
  expect(pods.map(({ revision }) => revision)).toEqual(
    ['a', 'b', 'c', 'd'].map((zone) => revisions.get(`kube-${zone}`)),
  );
});
