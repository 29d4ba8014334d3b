import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ClusterState } from '../../../stacks/kubernetes/cluster-state.ts';
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { askOtherEngine } from '../../../stacks/kubernetes/other-engine-gate.ts';
import { planOf, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';

const { zones } = stackOf(planOf(SIX_NODES));
const PODS = zones.flatMap((zone) => zone.pods.map(({ pod }) => pod));
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A cluster whose pods answer the maintenance check with 200, but for some. */
async function cluster(statuses: Readonly<Record<string, number>> = {}) {
  const asked: string[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    const pod = request.url!.split('/')[1]!;
    asked.push(request.url!.slice(pod.length + 1));
    response.writeHead(statuses[pod] ?? 200).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const kubectl: Kubectl = {
    try: async () => ({ exitCode: 0, stdout: '', stderr: '' }),
    forward: async (pod) => {
      if (statuses[pod] === 0) throw new Error('no such pod');
      open++;
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${pod}`, close: () => open-- };
    },
  };
  return { kubectl, asked, open: () => open };
}

const state = (unready: readonly string[] = []): ClusterState => ({
  statefulSets: [],
  pods: PODS.map((name) => ({
    ...{ name, uid: name, revision: 'v', isReady: !unready.includes(name), isStarted: true },
    ...{ isTerminating: false, problem: null, isStuck: false },
  })),
});
const ask = (kubectl: Kubectl, engine: 'minio' | 'rustfs', seen = state()) =>
  askOtherEngine({ kubectl, zones, port: 9000, engine }, 'a1', seen);

test('a MinIO may go when every other one sees drives enough to go itself', async () => {
  const { kubectl, asked, open } = await cluster();
  expect(await ask(kubectl, 'minio')).toEqual({ kind: 'clear' });
  expect(asked).toEqual(PODS.slice(1).map(() => '/minio/health/cluster?maintenance=true'));
  expect(open()).toBe(0);
});

test.each<[string, number, string]>([
  ['sees too few', 412, 'six-b-1 sees too few drives for a node to be away (HTTP 412)'],
  ['cannot be asked', 0, 'six-b-1 does not say how many drives it sees: no such pod'],
])('none may go while one %s', async (_, status, reason) => {
  const { kubectl, open } = await cluster({ 'six-b-1': status });
  expect(await ask(kubectl, 'minio')).toEqual({ kind: 'blocked', reasons: [reason] });
  expect(open()).toBe(0);
});

test('none may go while another is not ready, of whichever engine, and nobody is asked then', async () => {
  const { kubectl, asked } = await cluster();
  const blocked = { kind: 'blocked', reasons: ['six-c-0 is not ready'] };
  expect(await ask(kubectl, 'rustfs', state(['six-c-0', 'six-a-0']))).toEqual(blocked);
  expect(await ask(kubectl, 'minio', state(['six-c-0', 'six-a-0']))).toEqual(blocked);
  expect(asked).toEqual([]);
});

test('RustFS says nothing more than that it is ready', async () => {
  const { kubectl, asked } = await cluster({ 'six-b-1': 412 });
  expect(await ask(kubectl, 'rustfs')).toEqual({ kind: 'clear' });
  expect(asked).toEqual([]);
});
