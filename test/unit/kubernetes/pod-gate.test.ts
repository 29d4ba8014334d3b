import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClusterState } from '../../../stacks/kubernetes/cluster-state.ts';
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { askPods } from '../../../stacks/kubernetes/pod-gate.ts';
import { planOf, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';

const { zones } = stackOf(planOf(SIX_NODES));
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

type Answer = readonly [status: number, body: object];
const CLEAR: Answer = [200, { ok: true, reasons: [] }];
const STARTING: Answer = [503, { error: 'starting', message: 'the node has not joined its cluster yet' }];

async function node(spare: Answer, status: Answer = [200, {}]): Promise<string> {
  const server = createServer((request, response) => {
    const [code, body] = request.url!.startsWith('/_ashlar/health/spare') ? spare : status;
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** urls: by pod; there is no way to others. */
function ways(urls: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  let open = 0;
  const kubectl: Kubectl = {
    try: async () => ({ exitCode: 0, stdout: '', stderr: '' }),
    forward: async (pod) => {
      asked.push(pod);
      const url = urls[pod];
      if (url === undefined) throw new Error(`no way to ${pod}`);
      open++;
      return { url, close: () => open-- };
    },
  };
  return { kubectl, asked, open: () => open };
}

const pods = (ready: readonly string[], started: readonly string[] = ready): ClusterState => ({
  statefulSets: [],
  pods: started.map((name) => ({
    name,
    uid: name,
    revision: 'v',
    isReady: ready.includes(name),
    isStarted: true,
    isTerminating: false,
    problem: null,
    isStuck: false,
  })),
});

const ask = (kubectl: Kubectl, state: ClusterState, endpoints: readonly string[] = []) =>
  askPods({ kubectl, zones, port: 9000, endpoints, token: 't' }, { node: 'a1' }, state);

describe('the gate through the pods', () => {
  test('asks pods that stay before the one that is to go, and leaves no way open', async () => {
    const { kubectl, asked, open } = ways({ 'six-a-0': await node(CLEAR), 'six-b-0': await node(CLEAR) });
    expect(await ask(kubectl, pods(['six-a-0', 'six-b-0']))).toEqual({ kind: 'clear' });
    expect(asked).toEqual(['six-b-0', 'six-a-0']);
    expect(open()).toBe(0);
  });

  test('hands on what the nodes say', async () => {
    const { kubectl } = ways({ 'six-b-0': await node([503, { ok: false, reasons: ['b2 has 1 object to heal'] }]) });
    expect(await ask(kubectl, pods(['six-b-0']))).toEqual({ kind: 'blocked', reasons: ['b2 has 1 object to heal'] });
  });

  test('asks where the settings say, if they do', async () => {
    const { kubectl, asked } = ways({});
    expect(await ask(kubectl, pods(['six-b-0']), [await node(CLEAR)])).toEqual({ kind: 'clear' });
    expect(asked).toEqual([]);
  });

  test('is blocked when there is no way to anybody', async () => {
    const { kubectl } = ways({});
    expect(await ask(kubectl, pods(['six-b-0']))).toEqual({ kind: 'blocked', reasons: ['no way to six-b-0'] });
  });

  test('has nothing to protect when every node says that it has joined no cluster', async () => {
    const starting = await node([503, { ok: false, reasons: ['starting'] }], STARTING);
    const { kubectl } = ways({ 'six-a-0': starting, 'six-b-0': starting });
    expect(await ask(kubectl, pods([], ['six-a-0', 'six-b-0']))).toEqual({ kind: 'clear' });
    expect(await ask(kubectl, pods([], []))).toEqual({ kind: 'clear' });
  });

  test('protects a founded cluster of which nobody is ready, and one of which somebody cannot be asked', async () => {
    const starting = await node([503, { ok: false, reasons: ['not now'] }], STARTING);
    const joined = await node([503, { ok: false, reasons: ['not now'] }], [200, {}]);
    const blocked = { kind: 'blocked', reasons: ['not now'] };
    const one = ways({ 'six-a-0': starting, 'six-b-0': joined });
    expect(await ask(one.kubectl, pods([], ['six-a-0', 'six-b-0']))).toEqual(blocked);
    const two = ways({ 'six-a-0': starting });
    expect(await ask(two.kubectl, pods([], ['six-a-0', 'six-b-0']))).toEqual(blocked);
  });
});
