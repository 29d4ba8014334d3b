import { describe, expect, test } from 'vitest';
import type { ClusterState, PodState } from '../../../stacks/kubernetes/cluster-state.ts';
import { type RollProps, roll } from '../../../stacks/kubernetes/roll.ts';
import { nextStep } from '../../../stacks/kubernetes/roll-step.ts';
import { planOf, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';
import { FakeCluster } from './fake-cluster.ts';

const stack = stackOf(planOf(SIX_NODES));
const { zones } = stack;
const PODS = ['six-a-0', 'six-a-1', 'six-b-0', 'six-b-1', 'six-c-0', 'six-c-1'];

function start(cluster: FakeCluster, props: Partial<RollProps> = {}) {
  const said: string[] = [];
  const limits = { zones, budget: 2, gateMs: 600_000, readyMs: 600_000 };
  return { said, ended: roll(cluster, { ...limits, say: (text) => said.push(text), ...props }) };
}

describe('a rollout', () => {
  test('replaces every pod, one at a time, each only when the gate says so and the one before is ready', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2');
    const { replaced } = await start(cluster).ended;
    expect(replaced).toEqual(PODS);
    expect(cluster.log).toEqual(
      ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'].flatMap((node, i) => [`gate ${node}: yes`, `evict ${PODS[i]}`]),
    );
    // Six pods that take 30 s each to be ready: none was taken down while another was starting.
    expect(cluster.nowMs()).toBeGreaterThanOrEqual(6 * 30_000);
    expect(new Set(Object.values(cluster.versions()))).toEqual(new Set(['v2']));
  });

  test('does nothing, and asks nobody, when all pods are as they should be', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    expect(await start(cluster).ended).toEqual({ replaced: [] });
    expect(cluster.log).toEqual([]);
  });

  test('touches only the zones that it was given', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2');
    await start(cluster, { zones: zones.filter(({ zone }) => zone === 'b') }).ended;
    expect(cluster.versions()).toMatchObject({ 'six-a-0': 'v1', 'six-b-0': 'v2', 'six-b-1': 'v2', 'six-c-0': 'v1' });
  });

  test('waits for the gate, and for the budget, and says why', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2', ['a']);
    cluster.objection = () => (cluster.nowMs() < 60_000 ? ['c1 has 3 objects to heal'] : null);
    cluster.refusal = () => (cluster.nowMs() < 120_000 ? 'the disruption budget: no' : null);
    const { said, ended } = start(cluster);
    expect((await ended).replaced).toEqual(['six-a-0', 'six-a-1']);
    expect(said.slice(0, 3)).toEqual([
      'a1 must stay up for now (waiting):\n  - c1 has 3 objects to heal',
      'a1 must stay up for now (waiting):\n  - the disruption budget: no',
      'Replacing six-a-0 (node a1, zone a).',
    ]);
    expect(cluster.log.filter((line) => line === 'evict six-a-0')).toHaveLength(1);
  });

  test('gives up when the gate never says yes, with its reasons, and has touched nothing', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2');
    cluster.objection = () => ['zone c is away'];
    await expect(start(cluster).ended).rejects.toThrow(
      'the rollout stops: pod six-a-0 (node a1, zone a) must stay up, and the time to wait is over:\n  - zone c is away',
    );
    expect(new Set(Object.values(cluster.versions()))).toEqual(new Set(['v1']));
  });

  test('of a bad version stops at its first pod, and names it and the reason', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('bad');
    cluster.bad.add('bad');
    await expect(start(cluster).ended).rejects.toThrow(
      'the rollout stops at pod six-a-0: ImagePullBackOff: no such image. The other pods were left as they are',
    );
    expect(cluster.versions()).toEqual({ ...Object.fromEntries(PODS.map((pod) => [pod, 'v1'])), 'six-a-0': 'bad' });
    // A minute for a registry that stumbles, and not ten.
    expect(cluster.nowMs()).toBeLessThan(120_000);
  });

  test('of a version that ends again and again stops as soon, although it runs in between', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2');
    cluster.crashing.add('v2');
    await expect(start(cluster).ended).rejects.toThrow(
      'the rollout stops at pod six-a-0: CrashLoopBackOff: exit code 1. The other pods were left as they are',
    );
    expect(cluster.versions()['six-a-1']).toBe('v1');
    expect(cluster.nowMs()).toBeLessThan(120_000);
  });

  test.each([
    ['the version before', 'v1', 1],
    ['a good one', 'v3', 6],
  ])('after that, of %s, begins with what is broken, and asks nobody about that', async (_, version, count) => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('bad');
    cluster.bad.add('bad');
    await start(cluster).ended.catch(() => {});
    cluster.log.length = 0;
    cluster.apply(version);
    const { replaced } = await start(cluster).ended;
    expect(replaced).toHaveLength(count);
    expect(cluster.log[0]).toBe('remove six-a-0');
    expect(cluster.log.filter((line) => line.startsWith('gate'))).toHaveLength(count - 1);
    expect(new Set(Object.values(cluster.versions()))).toEqual(new Set([version]));
  });

  test('takes a pod that is not ready down without the budget, which does not count it, but not without the gate', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('slow', ['a']);
    const { ended } = start(cluster, { readyMs: 10_000 });
    await expect(ended).rejects.toThrow('the rollout stops at pod six-a-0: it is not ready yet');
    cluster.log.length = 0;
    cluster.apply('v3', ['a']);
    cluster.refusal = () => 'the disruption budget: no';
    await expect(start(cluster, { gateMs: 60_000, readyMs: 600_000 }).ended).rejects.toThrow(
      'pod six-a-1 (node a2, zone a) must stay up',
    );
    expect(cluster.log.slice(0, 3)).toEqual(['gate a1: yes', 'remove six-a-0', 'gate a2: yes']);
  });

  test('of a plan that survives no node asks nobody: every restart is an outage', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2', ['a']);
    cluster.objection = () => ['no'];
    await start(cluster, { budget: 0 }).ended;
    expect(cluster.log).toEqual(['remove six-a-0', 'remove six-a-1']);
  });

  test('stops when the question itself is wrong', async () => {
    const cluster = new FakeCluster(stack, 'v1');
    cluster.apply('v2');
    cluster.askGate = async () => ({ kind: 'refused', message: 'the token is not the cluster’s' });
    await expect(start(cluster).ended).rejects.toThrow(
      'the rollout cannot ask whether a1 may be taken down: the token',
    );
  });
});

describe('the next step', () => {
  const pod = (name: string, more: Partial<PodState> = {}): PodState => ({
    name,
    uid: name,
    revision: 'v2',
    isReady: true,
    isStarted: true,
    isTerminating: false,
    problem: null,
    isStuck: false,
    ...more,
  });
  const state = (
    changed: Readonly<Record<string, Partial<PodState> | null>>,
    revision: string | null = 'v2',
  ): ClusterState => ({
    statefulSets: zones.map(({ statefulSet }) => ({
      name: statefulSet,
      updateRevision: revision,
      replicas: 2,
      spec: {},
      labels: {},
    })),
    pods: PODS.filter((name) => changed[name] !== null).map((name) => pod(name, changed[name] ?? {})),
  });

  test.each<[string, ClusterState, object]>([
    ['none, when all is well', state({}), { kind: 'done' }],
    [
      'to wait for a StatefulSet that its controller has not looked at',
      state({}, null),
      { kind: 'wait', pod: 'six-a-0' },
    ],
    [
      'to wait for a pod that is not there',
      state({ 'six-b-0': null }),
      { kind: 'wait', pod: 'six-b-0', reason: 'it is not there yet' },
    ],
    [
      'to wait for a pod that stops',
      state({ 'six-b-0': { isTerminating: true, revision: 'v1' } }),
      { kind: 'wait', reason: 'it is stopping' },
    ],
    [
      'to wait for a new pod, and not to begin with another',
      state({ 'six-a-0': { revision: 'v1' }, 'six-c-0': { isReady: false, problem: 'Unschedulable' } }),
      { kind: 'wait', pod: 'six-c-0', reason: 'Unschedulable' },
    ],
    [
      'what does not run, before anything else',
      state({ 'six-a-0': { revision: 'v1' }, 'six-c-1': { revision: 'v1', isStarted: false, isReady: false } }),
      { kind: 'replace', node: 'c2', isNeeded: false },
    ],
    [
      'what runs and is not ready, before what serves; and the gate is asked',
      state({ 'six-a-0': { revision: 'v1' }, 'six-c-1': { revision: 'v1', isReady: false } }),
      { kind: 'replace', node: 'c2', isNeeded: true },
    ],
    [
      'the first that is stale, in a cluster that nobody serves and that waits for all to be alike',
      state(Object.fromEntries(PODS.map((name, i) => [name, { isReady: false, revision: i === 0 ? 'v2' : 'v1' }]))),
      { kind: 'replace', node: 'a2', isNeeded: true },
    ],
  ])('is %s', (_, seen, step) => {
    expect(nextStep(zones, seen)).toMatchObject(step);
  });
});
