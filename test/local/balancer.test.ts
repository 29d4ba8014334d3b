// The local target's balancer over real sockets: which node a connection goes to, what happens when a node or a client is lost,
// half-closed connections, and back-pressure.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Balancer, preference, startBalancer } from '../../stacks/local/balancer.ts';

const HOST = '127.0.0.1';
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the order in which nodes are tried', () => {
  test('is ready before not ready, then fewest connections, then longest waiting', () => {
    const busy = { name: 'busy', ready: true, connections: 3, lastGiven: 1 };
    const justUsed = { name: 'just used', ready: true, connections: 1, lastGiven: 9 };
    const waiting = { name: 'waiting', ready: true, connections: 1, lastGiven: 4 };
    const away = { name: 'away', ready: false, connections: 0, lastGiven: 0 };
    const names = preference([away, busy, justUsed, waiting]).map((node) => node.name);
    expect(names).toEqual(['waiting', 'just used', 'busy', 'away']);
  });
});

describe('the balancer', () => {
  test('spreads connections over all ready nodes', async () => {
    const nodes = [await startNode('a'), await startNode('b'), await startNode('c')];
    const balancer = await balance(nodes);
    const open = await Promise.all(Array.from({ length: 6 }, () => openConnection(balancer.port)));
    const names = await Promise.all(open.map((socket) => ask(socket)));
    expect(names.sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  test('passes over a node that says it is not ready, and comes back to it', async () => {
    const [a, b] = [await startNode('a'), await startNode('b')];
    a.ready = false;
    const changes: string[] = [];
    const balancer = await balance([a, b], (node, ready) => changes.push(`${node} ${ready}`));
    expect(await askAnew(balancer.port)).toBe('b');
    expect(await askAnew(balancer.port)).toBe('b');
    a.ready = true;
    await until(() => changes.includes('a true'));
    const open = await Promise.all([openConnection(balancer.port), openConnection(balancer.port)]);
    expect((await Promise.all(open.map((socket) => ask(socket)))).sort()).toEqual(['a', 'b']);
  });

  test('gives a connection that a node refuses to the next node, without the client noticing', async () => {
    const [a, b] = [await startNode('a'), await startNode('b')];
    const balancer = await balance([a, b]);
    // Gone since the last question: the balancer still takes it for ready.
    await a.close();
    for (let i = 0; i < 4; i++) expect(await askAnew(balancer.port)).toBe('b');
  });

  test('resets the connections of a node that dies, so that no client takes half an answer for a whole one', async () => {
    const node = await startNode('a');
    const balancer = await balance([node]);
    const client = await openConnection(balancer.port);
    await ask(client);
    const failure = once(client, 'error');
    for (const socket of node.sockets) socket.resetAndDestroy();
    expect(await failure).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  test('answers 503 in the words of S3 when no node takes connections', async () => {
    const node = await startNode('a');
    await node.close();
    const balancer = await balance([node]);
    const answer = await fetch(`http://${HOST}:${balancer.port}/bucket`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.text()).toContain('<Code>ServiceUnavailable</Code>');
    expect((await fetch(`http://${HOST}:${balancer.port}/bucket`, { method: 'HEAD' })).status).toBe(503);
  });

  test('lets a client that has sent everything and closed its side read the whole answer', async () => {
    const upstream = await startRaw((socket, first) => {
      const pieces: Buffer[] = [first];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      // Only when the other side has ended: what arrives here late is what half-close is for.
      socket.on('end', () => socket.end(Buffer.concat([Buffer.from('echo:'), ...pieces])));
    });
    const balancer = await balance([{ name: 'raw', port: upstream }]);
    const client = await openConnection(balancer.port);
    client.end('all of it');
    expect(await readAll(client)).toBe('echo:all of it');
  });

  test('delivers an early answer to a client that is still sending', async () => {
    const upstream = await startRaw((socket) => {
      socket.end('denied');
    });
    const balancer = await balance([{ name: 'raw', port: upstream }]);
    const client = await openConnection(balancer.port);
    const body = Buffer.alloc(1_000_000);
    client.write(body);
    client.write(body);
    expect(await readAll(client)).toBe('denied');
  });

  test('closes the connection to the node when the client vanishes', async () => {
    const node = await startNode('a');
    const balancer = await balance([node]);
    const client = await openConnection(balancer.port);
    await ask(client);
    const [upstream] = node.sockets;
    client.resetAndDestroy();
    await closed(upstream!);
    expect(node.sockets.size).toBe(0);
  });

  test('does not read from a node faster than the client takes it', async () => {
    const total = 64 * 1024 * 1024;
    let sent = 0;
    const upstream = await startRaw((socket) => {
      const piece = Buffer.alloc(256 * 1024);
      const send = () => {
        while (sent < total) {
          sent += piece.length;
          if (!socket.write(piece)) return void socket.once('drain', send);
        }
        socket.end();
      };
      send();
    });
    const balancer = await balance([{ name: 'raw', port: upstream }]);
    const client = await openConnection(balancer.port);
    client.pause();
    client.write('all of it, please');
    // The kernel's buffers fill up, then everything stands still: twice the same count is the sign.
    let before = -1;
    while (before !== sent) {
      before = sent;
      await delay(200);
    }
    expect(sent).toBeLessThan(total / 2);
    let received = 0;
    client.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    client.resume();
    await once(client, 'end');
    expect(received).toBe(total);
  });

  test('cuts the connections of a node that hangs, and gives it no new ones', async () => {
    const [hanging, sound] = [await startNode('hanging'), await startNode('sound')];
    const balancer = await balance([hanging, sound]);
    const open = [await openConnection(balancer.port), await openConnection(balancer.port)];
    const names = await Promise.all(open.map((socket) => ask(socket)));
    const victim = open[names.indexOf('hanging')]!;
    hanging.silent = true;
    await closed(victim);
    expect(await askAnew(balancer.port)).toBe('sound');
    expect(await ask(open[names.indexOf('sound')]!)).toBe('sound');
  });

  test('closes only when the open connections are done, or at the deadline', async () => {
    const node = await startNode('a');
    const patient = await balance([node]);
    const client = await openConnection(patient.port);
    await ask(client);
    let isClosed = false;
    const closing = patient.close(60_000).then(() => {
      isClosed = true;
    });
    await expect(openConnection(patient.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await ask(client)).toBe('a');
    expect(isClosed).toBe(false);
    client.end();
    await closing;
    const hasty = await balance([node]);
    const kept = await openConnection(hasty.port);
    await ask(kept);
    await Promise.all([hasty.close(10), closed(kept)]);
  });

  test('rejects when its port is taken', async () => {
    const node = await startNode('a');
    await expect(balance([node], undefined, node.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

interface FakeNode {
  readonly name: string;
  readonly port: number;
  readonly sockets: Set<Socket>;
  ready: boolean;
  /** Answers nothing any more. */
  silent: boolean;
  close(): Promise<void>;
}

/** Answers every request with its name, on connections that stay open; and the question whether it is ready. */
async function startNode(name: string): Promise<FakeNode> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    if (node.silent) return;
    if (request.url === '/_ashlar/health/ready') response.writeHead(node.ready ? 200 : 503).end();
    else response.writeHead(200, { 'content-length': name.length }).end(name);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listening(server);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const node: FakeNode = { name, port, sockets, ready: true, silent: false, close };
  cleanups.push(close);
  return node;
}

/** Says that it is ready; every other connection is given to `serve` with the first bytes that came. */
async function startRaw(serve: (socket: Socket, first: Buffer) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      if (first.toString().startsWith('GET /_ashlar/')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      else serve(socket, first);
    });
  });
  cleanups.push(() => void server.close());
  return listening(server);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function balance(
  nodes: readonly { name: string; port: number }[],
  onChange?: (node: string, ready: boolean) => void,
  port = 0,
): Promise<Balancer> {
  const balancer = await startBalancer({
    listen: { host: HOST, port },
    nodes: nodes.map((node) => ({ name: node.name, address: { host: HOST, port: node.port } })),
    probe: { intervalMs: 20, timeoutMs: 100, cutAfter: 3 },
    ...(onChange === undefined ? {} : { onChange }),
  });
  cleanups.push(() => balancer.close(0));
  return balancer;
}

async function openConnection(port: number): Promise<Socket> {
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  await once(socket, 'connect');
  cleanups.push(() => void socket.destroy());
  return socket;
}

/** One request on an open connection; the body of the answer. */
async function ask(socket: Socket): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString().split('\r\n\r\n')[1]!;
}

async function askAnew(port: number): Promise<string> {
  const socket = await openConnection(port);
  const name = await ask(socket);
  socket.end();
  await once(socket, 'close');
  return name;
}

async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
}

async function readAll(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}
