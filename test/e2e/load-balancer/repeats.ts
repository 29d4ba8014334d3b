// What a balancer does when a node breaks off, is too busy, takes long or is not there at all: with nodes that only pretend, and count
// how often they are asked. Whatever is not a plain read reaches one node once, or none.

import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { check, type Kind, RunningBalancer, render } from './program.ts';
import type { Site } from './site.ts';

const NODES = ['a1', 'b1', 'c1', 'd1'];
/** Longer than nginx leaves out a node that has failed. */
const FORGIVEN_MS = 3_000;
/** Longer than clients may be silent while they send. */
const SLOW_ANSWER_MS = 65_000;

interface Case {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** What the nodes do with it (see pretend). */
  readonly path: string;
  readonly bodyBytes: number;
  readonly times: Readonly<Record<Kind, number>>;
  /** null: the connection is closed without an answer, or with a 5xx. */
  readonly status: Readonly<Record<Kind, number | null>>;
}

const FAILS = { haproxy: null, nginx: null };
const ONCE = { haproxy: 1, nginx: 1 };

const CASES: readonly Case[] = [
  // Of three attempts, or four, the second succeeds.
  {
    method: 'GET',
    path: '/break-once',
    bodyBytes: 0,
    times: { haproxy: 2, nginx: 2 },
    status: { haproxy: 200, nginx: 200 },
  },
  {
    method: 'HEAD',
    path: '/break-once',
    bodyBytes: 0,
    times: { haproxy: 2, nginx: 2 },
    status: { haproxy: 200, nginx: 200 },
  },
  { method: 'DELETE', path: '/break-once', bodyBytes: 0, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 0, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 900, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 90_000, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 999_999, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 1_000_000, times: ONCE, status: FAILS },
  { method: 'PUT', path: '/break-once', bodyBytes: 5_000_000, times: ONCE, status: FAILS },
  { method: 'POST', path: '/break-once', bodyBytes: 900, times: ONCE, status: FAILS },
  // HAProxy knows which nodes are ready and leaves 503 to the client; nginx must ask another node.
  {
    method: 'GET',
    path: '/busy-once',
    bodyBytes: 0,
    times: { haproxy: 1, nginx: 2 },
    status: { haproxy: 503, nginx: 200 },
  },
  { method: 'PUT', path: '/busy-once', bodyBytes: 900, times: ONCE, status: { haproxy: 503, nginx: 503 } },
];

export async function repeats(site: Site, kind: Kind): Promise<void> {
  const failed = new Set<string>();
  const nodes = await Promise.all(NODES.map(() => PretendingNode.start(failed)));
  try {
    const specFile = join(site.directory, `${kind}-pretending.yaml`);
    const spec = Object.fromEntries(
      nodes.map(({ port }, index) => [
        NODES[index],
        { zone: NODES[index]![0], address: `127.0.0.1:${port}`, drives: ['/d1'] },
      ]),
    );
    await writeFile(specFile, JSON.stringify({ name: 'pretending', erasure: '2+2', nodes: spec }));
    const rendered = await render(kind, join(site.directory, `${kind}-pretending`), specFile);
    await check(rendered);
    await using balancer = await RunningBalancer.start(rendered);
    for (const [index, wanted] of CASES.entries()) await tryCase(balancer, nodes, wanted, `${wanted.path}/${index}`);
    site.say(
      `${kind}: of requests that break off, reads are repeated and ${CASES.length - 4} others reach one node once`,
    );
    if (!site.ci) {
      await slowAnswer(balancer);
      site.say(`${kind}: an answer that takes ${SLOW_ANSWER_MS / 1000} s to begin comes through`);
    }
    // What broke off before is forgiven by then, and nobody knows yet that a node is gone.
    await delay(FORGIVEN_MS);
    nodes[0]!.close();
    await deadNode(site, balancer);
  } finally {
    for (const node of nodes) node.close();
  }
}

async function tryCase(
  { kind, endpoint }: RunningBalancer,
  nodes: readonly PretendingNode[],
  { method, bodyBytes, times, status }: Case,
  path: string,
): Promise<void> {
  const body = bodyBytes === 0 ? null : Buffer.alloc(bodyBytes, 'x');
  const answer = await fetch(endpoint + path, { method, body }).catch(() => null);
  await answer?.arrayBuffer();
  const asked = nodes.reduce((sum, node) => sum + (node.asked.get(path) ?? 0), 0);
  const what = `${kind}: ${method} ${path} with ${bodyBytes} bytes`;
  if (asked !== times[kind]) throw new Error(`${what} reached nodes ${asked} times, not ${times[kind]}`);
  const isRight = status[kind] === null ? answer === null || answer.status >= 500 : answer?.status === status[kind];
  if (!isRight) throw new Error(`${what} was answered with ${answer?.status ?? 'nothing'}`);
}

async function slowAnswer({ kind, endpoint }: RunningBalancer): Promise<void> {
  const { status } = await fetch(`${endpoint}/slow`, { method: 'POST', body: 'parts' });
  if (status !== 200) throw new Error(`${kind}: an answer that took ${SLOW_ANSWER_MS} ms became ${status}`);
}

/** How many writes without retries a node costs whose process is gone, until the balancer has found out. */
async function deadNode({ say }: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  let failures = 0;
  for (let number = 0; number < 100; number++) {
    const answer = await fetch(`${endpoint}/fine`, { method: 'PUT', body: 'x' }).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status !== 200) failures++;
  }
  say(`${kind}: of 100 small writes after a node's process has gone, ${failures} fail`);
  if (kind === 'haproxy' && failures > 0)
    throw new Error('haproxy gave up on a write that it could have sent to another node');
}

class PretendingNode {
  /** How often, by path. */
  readonly asked = new Map<string, number>();
  readonly #server: Server;
  /** Paths at which some node of the cluster has failed already. */
  readonly #failed: Set<string>;

  private constructor(server: Server, failed: Set<string>) {
    this.#server = server;
    this.#failed = failed;
  }

  static start(failed: Set<string>): Promise<PretendingNode> {
    const server = createServer((request, response) => void node.#pretend(request, response));
    const node = new PretendingNode(server, failed);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(node));
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #pretend(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!;
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    request.resume();
    if (path.startsWith('/slow')) await delay(SLOW_ANSWER_MS);
    const isFirst = !this.#failed.has(path);
    this.#failed.add(path);
    if (path.startsWith('/break-once') && isFirst) {
      // Once all of the body is here, as when a node dies between its work and its answer.
      if (!request.complete) await new Promise((resolve) => request.once('end', resolve).once('close', resolve));
      request.socket.destroy();
    } else if (path.startsWith('/busy-once') && isFirst) {
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    } else {
      response.end('fine');
    }
  }
}
