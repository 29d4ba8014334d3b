import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { RunningService } from '../../../stacks/swarm/swarm-facts.ts';
import { waitForSwarmGate } from '../../../stacks/swarm/swarm-gate.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

type Answer = readonly [status: number, body: object];
const CLEAR: Answer = [200, { ok: true, reasons: [] }];
const BLOCKED: Answer = [503, { ok: false, reasons: ['a1 has 3 objects to heal'] }];
const STARTING: Answer = [503, { error: 'starting', message: 'the node has not joined its cluster yet' }];
const STATUS: Answer = [200, {}];

/** A node that gives these answers to the question of sparing, the last one again and again. */
async function node(spare: readonly Answer[], status: Answer = STATUS): Promise<string> {
  let asked = 0;
  const server = createServer((request, response) => {
    const isSpare = request.url!.startsWith('/_ashlar/health/spare');
    const [code, body] = isSpare ? spare[Math.min(asked++, spare.length - 1)]! : status;
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const service = (name: string): RunningService => ({
  name: `x-${name}`,
  version: 1,
  labels: { 'ashlar.node': name },
  constraints: [],
  ports: [],
});

async function ask(names: readonly string[], endpoints: readonly string[], timeoutMs = 0) {
  const told: string[] = [];
  const answer = await waitForSwarmGate({
    target: { zone: 'a' },
    asked: ['x-a1'],
    nodeCount: 2,
    services: names.map(service),
    hosts: [],
    endpoints,
    token: 't',
    timeoutMs,
    onBlocked: (reasons) => told.push(...reasons),
  });
  return { answer, told };
}

describe('a zone may be touched', () => {
  test('when none of its services exists, without asking anybody', async () => {
    const { answer } = await ask(['b1'], ['http://127.0.0.1:1']);
    expect(answer).toEqual({ kind: 'nothing-to-protect', message: 'none of its services exists yet' });
  });

  test('when the cluster says so', async () => {
    expect((await ask(['a1', 'b1'], [await node([CLEAR])])).answer.kind).toBe('clear');
  });

  test('when it says so later', async () => {
    const { answer, told } = await ask(['a1', 'b1'], [await node([BLOCKED, CLEAR])], 60_000);
    expect(answer.kind).toBe('clear');
    expect(told).toEqual(['a1 has 3 objects to heal']);
  });

  test('when nodes are missing and those that are there all say that they never joined', async () => {
    const { answer } = await ask(['a1'], [await node([STARTING], STARTING)]);
    expect(answer).toEqual({
      kind: 'nothing-to-protect',
      message: 'the cluster was never founded: 1 of its 2 nodes do not exist yet',
    });
  });
});

describe('a zone must not be touched', () => {
  test('when the cluster says no', async () => {
    expect((await ask(['a1', 'b1'], [await node([BLOCKED])])).answer).toEqual({
      kind: 'blocked',
      reasons: ['a1 has 3 objects to heal'],
    });
  });

  test('when all nodes exist and are just starting: they may hold data', async () => {
    expect((await ask(['a1', 'b1'], [await node([STARTING], STARTING)])).answer.kind).toBe('blocked');
  });

  test('when nodes are missing and one of the others is silent: it may know more', async () => {
    expect((await ask(['a1'], [await node([STARTING], STARTING), 'http://127.0.0.1:1'])).answer.kind).toBe('blocked');
  });

  test('when nodes are missing because the cluster grows', async () => {
    expect((await ask(['a1'], [await node([BLOCKED], STATUS)])).answer.kind).toBe('blocked');
  });

  test('when there is nobody to ask', async () => {
    const { answer } = await ask(['a1', 'b1'], []);
    expect(answer).toMatchObject({ kind: 'refused' });
  });
});
