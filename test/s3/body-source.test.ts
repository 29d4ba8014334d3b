// Reading a request's bytes from a real connection: clients that vanish, fall silent, or are not read to the end.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../node/io/clock.ts';
import { requestSource } from '../../node/s3/body/source.ts';

const EVENTS = ['readable', 'end', 'error', 'close', 'data'] as const;
const open: { server: Server; sockets: Socket[] }[] = [];

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

/** A server that hands its first request to the test, and a raw connection to it. */
async function connection(): Promise<{ socket: Socket; request: Promise<[IncomingMessage, ServerResponse]> }> {
  const server = createServer();
  const request = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  open.push({ server, sockets: [socket] });
  return { socket, request };
}

function listenerCounts(request: IncomingMessage): number[] {
  return EVENTS.map((event) => request.listenerCount(event));
}

/** Timers fire only when the test says so. */
function manualClock(): { clock: Clock; fire: () => void; pending: () => number } {
  const timers = new Set<() => void>();
  const clock: Clock = {
    wallMs: () => 0,
    monotonicMs: () => 0,
    setTimer: (_, callback) => {
      timers.add(callback);
      return { cancel: () => timers.delete(callback) };
    },
  };
  return {
    clock,
    pending: () => timers.size,
    fire: () => {
      for (const callback of [...timers]) callback();
    },
  };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('gives every byte of a body that comes in many packets, and leaves no listener and no timer behind', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n');
  const [incoming] = await request;
  const before = listenerCounts(incoming);
  const { clock, pending } = manualClock();
  const collected = collect(requestSource(incoming, { clock }));
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  for (let at = 0; at < body.length; at += 70_000) {
    socket.write(body.subarray(at, at + 70_000));
    await new Promise(setImmediate);
  }
  expect((await collected).equals(body)).toBe(true);
  expect(listenerCounts(incoming)).toEqual(before);
  expect(pending()).toBe(0);
});

test('gives nothing for an empty body', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  const [incoming] = await request;
  expect((await collect(requestSource(incoming, { clock: systemClock() }))).length).toBe(0);
});

test('gives nothing more when the body was read to its end before', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab');
  const [incoming] = await request;
  expect((await collect(requestSource(incoming, { clock: systemClock() }))).toString()).toBe('ab');
  expect((await collect(requestSource(incoming, { clock: systemClock() }))).length).toBe(0);
});

test('a client that vanishes in the middle is IncompleteBody, and no listener or timer stays', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  const [incoming] = await request;
  const before = listenerCounts(incoming);
  const { clock, pending } = manualClock();
  const source = requestSource(incoming, { clock });
  expect((await source.next()).value?.toString()).toBe('abc');
  const next = source.next();
  socket.destroy();
  await expect(next).rejects.toMatchObject({ code: 'IncompleteBody' });
  expect(listenerCounts(incoming)).toEqual(before);
  expect(pending()).toBe(0);
});

test('a client that vanished before anybody read is IncompleteBody', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  const [incoming] = await request;
  socket.destroy();
  await new Promise<void>((resolve) => incoming.on('close', resolve));
  await expect(collect(requestSource(incoming, { clock: systemClock() }))).rejects.toMatchObject({
    code: 'IncompleteBody',
  });
});

test('a client that falls silent is RequestTimeout, but only while it is waited for', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  const [incoming] = await request;
  const before = listenerCounts(incoming);
  const { clock, fire, pending } = manualClock();
  const source = requestSource(incoming, { clock });
  expect((await source.next()).value?.toString()).toBe('abc');
  expect(pending()).toBe(0);
  const next = source.next();
  expect(pending()).toBe(1);
  fire();
  await expect(next).rejects.toMatchObject({ code: 'RequestTimeout', status: 400 });
  expect(listenerCounts(incoming)).toEqual(before);
});

test('a body that is not read to its end can still be answered on the same connection', async () => {
  const { socket, request } = await connection();
  socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  const [incoming, response] = await request;
  const before = listenerCounts(incoming);
  for await (const piece of requestSource(incoming, { clock: systemClock() })) {
    expect(piece.toString()).toBe('abc');
    break;
  }
  expect(listenerCounts(incoming)).toEqual(before);
  response.writeHead(403, { connection: 'close' }).end('no');
  const answer = await collect(socket as AsyncIterable<Buffer>);
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n.*no/s);
});

test('what the consumer does not ask for stays with the client', async () => {
  const { socket, request } = await connection();
  socket.write(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 ** 3}\r\n\r\n`);
  const [incoming] = await request;
  const source = requestSource(incoming, { clock: systemClock() });
  const megabyte = Buffer.alloc(1024 ** 2);
  for (let i = 0; i < 32; i++) socket.write(megabyte);
  await source.next();
  for (let i = 0; i < 200; i++) await new Promise(setImmediate);
  expect(incoming.socket.bytesRead).toBeLessThanOrEqual(512 * 1024);
  await source.return(undefined);
});
