// The socket: who is asked for a body and when, what happens to bodies that nobody wants, slow and vanished clients.
import { once } from 'node:events';
import { Agent, get, request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { sendRaw, signedHeaders } from './conformance/raw-request.ts';
import { HandClock } from './hand-clock.ts';
import { type MemoryTarget, startMemoryServer } from './memory-server.ts';
import { isComplete, openSocket, type RawSocket, signedHead } from './raw-socket.ts';
import { readingStore } from './scripted-store.ts';

const UNSIGNED = { payload: 'UNSIGNED-PAYLOAD' };

let target: MemoryTarget | null = null;
const sockets: RawSocket[] = [];

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await target?.stop();
  target = null;
});

const start = async (options: Parameters<typeof startMemoryServer>[0] = {}) => {
  target = await startMemoryServer(options);
  return target;
};

const open = async (on: MemoryTarget) => {
  const opened = await openSocket(on);
  sockets.push(opened);
  return opened;
};

/** Resolves when the condition holds; looks again whenever the event loop turns. */
const eventually = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

test('100 Continue comes after the signature is checked, and the body is then stored', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  const headers = { expect: '100-continue', 'content-length': '5' };
  await client.write(signedHead(on, 'PUT', '/bucket/k', { ...UNSIGNED, headers }));
  await client.until(() => client.received.includes('\r\n\r\n'));
  expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  await client.write('hello');
  await client.until(() => client.received.includes('HTTP/1.1 200'));
  expect((await sendRaw(on, 'GET', '/bucket/k')).text).toBe('hello');
});

test.each([
  ['unsigned', { signed: false }, '/bucket/k', 403, 'AccessDenied'],
  ['for a bucket that is not there', UNSIGNED, '/nowhere/k', 404, 'NoSuchBucket'],
  [
    'with a header that is refused',
    { ...UNSIGNED, extra: { 'x-amz-tagging': 'a=b' } },
    '/bucket/k',
    501,
    'NotImplemented',
  ],
  ['that fails its condition', { ...UNSIGNED, extra: { 'if-match': '"0"' } }, '/bucket/k', 404, 'NoSuchKey'],
] as const)('a request %s is never asked for its body', async (_, options, path, status, code) => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  const extra = 'extra' in options ? options.extra : {};
  const headers = { expect: '100-continue', 'content-length': '5000000000', ...extra };
  await client.write(signedHead(on, 'PUT', path, { ...options, headers }));
  await client.untilClosed();
  expect(client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(client.received.toLowerCase()).toContain('connection: close');
  expect(client.received).toContain(`<Code>${code}</Code>`);
});

test('a client that sends its large body without asking still gets the error and no reset', async () => {
  const on = await start();
  const client = await open(on);
  const sizeBytes = 64 * 1024 * 1024;
  const headers = { 'content-length': String(sizeBytes) };
  await client.write(signedHead(on, 'PUT', '/bucket/k', { signed: false, headers }));
  // Like many clients, this one looks for an answer only after it has sent everything.
  const piece = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < sizeBytes; sent += piece.length) await client.write(piece);
  await client.untilClosed();
  expect(client.error).toBeNull();
  expect(client.received).toMatch(/^HTTP\/1.1 403 /);
  expect(client.received).toContain('<Code>AccessDenied</Code>');
  expect(isComplete(client.received)).toBe(true);
  expect(client.received.toLowerCase()).toContain('connection: close');
});

test('the error is there while the body is still on its way', async () => {
  const on = await start();
  const client = await open(on);
  const headers = { 'content-length': '10000000' };
  await client.write(signedHead(on, 'PUT', '/bucket/k', { signed: false, headers }));
  await client.until(() => isComplete(client.received));
  expect(client.received).toContain('<Code>AccessDenied</Code>');
});

test('a connection outlives the error of a request with a small body', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  const body = 'x'.repeat(1000);
  await client.write(signedHead(on, 'PUT', '/bucket/k', { signed: false, headers: { 'content-length': '1000' } }));
  await client.until(() => isComplete(client.received));
  await client.write(body);
  client.received = '';
  await client.write(signedHead(on, 'PUT', '/bucket/k', { ...UNSIGNED, headers: { 'content-length': '1000' } }) + body);
  await client.until(() => isComplete(client.received));
  expect(client.received).toMatch(/^HTTP\/1.1 200 /);
  expect((await sendRaw(on, 'GET', '/bucket/k')).text).toBe(body);
});

test('the body of a request that has no use for one is passed over', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  for (const method of ['GET', 'DELETE', 'GET']) {
    client.received = '';
    await client.write(signedHead(on, method, '/bucket/k', { ...UNSIGNED, headers: { 'content-length': '5' } }));
    await client.write('abcde');
    await client.until(() => client.received.includes('\r\n\r\n') && isComplete(client.received));
    expect(client.received).toMatch(method === 'GET' ? /^HTTP\/1.1 404 / : /^HTTP\/1.1 204 /);
  }
});

test('a client that goes silent in the middle of an unwanted body is cut off', async () => {
  const clock = new HandClock();
  const on = await start({ overrides: { clock } });
  const client = await open(on);
  await client.write(signedHead(on, 'PUT', '/bucket/k', { signed: false, headers: { 'content-length': '10000000' } }));
  await client.until(() => isComplete(client.received));
  await clock.fire(10_000);
  await client.untilClosed();
  await eventually(() => clock.pendingCount === 0);
});

test('a client that goes silent in the middle of its upload gets RequestTimeout, and nothing is stored', async () => {
  const clock = new HandClock();
  const on = await start({ overrides: { clock } });
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  await client.write(signedHead(on, 'PUT', '/bucket/k', { ...UNSIGNED, headers: { 'content-length': '1000' } }));
  await client.write('the beginning');
  await clock.fire(60_000);
  await client.until(() => isComplete(client.received));
  expect(client.received).toMatch(/^HTTP\/1.1 400 /);
  expect(client.received).toContain('<Code>RequestTimeout</Code>');
  client.socket.destroy();
  expect((await sendRaw(on, 'HEAD', '/bucket/k')).status).toBe(404);
});

test('a body that ends before its length is IncompleteBody and changes nothing', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  await sendRaw(on, 'PUT', '/bucket/k', { body: 'before' });
  const client = await open(on);
  await client.write(signedHead(on, 'PUT', '/bucket/k', { ...UNSIGNED, headers: { 'content-length': '100' } }));
  await client.write('only so much');
  client.socket.end();
  await client.untilClosed();
  expect(client.received).toMatch(/^HTTP\/1.1 400 /);
  expect(client.received).toContain('<Code>IncompleteBody</Code>');
  expect((await sendRaw(on, 'GET', '/bucket/k')).text).toBe('before');
});

test('a client that vanishes in the middle of its upload leaves nothing behind', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  const client = await open(on);
  await client.write(signedHead(on, 'PUT', '/bucket/k', { ...UNSIGNED, headers: { 'content-length': '10000000' } }));
  await client.write(Buffer.alloc(100_000));
  client.socket.resetAndDestroy();
  await eventually(() => on.observations.some(({ operation }) => operation === 'PutObject'));
  expect(on.observations.at(-1)).toMatchObject({ operation: 'PutObject', status: 499 });
  expect((await sendRaw(on, 'HEAD', '/bucket/k')).status).toBe(404);
});

const endless = async function* () {
  for (;;) yield Buffer.alloc(256 * 1024);
};

test('a client that does not read stops the store, and one that leaves ends the reading', async () => {
  const { store, counts } = readingStore(2 ** 40, endless);
  const on = await start({ store });
  const client = await open(on);
  client.socket.pause();
  await client.write(signedHead(on, 'GET', '/bucket/k'));
  // What fits into the buffers of both kernels goes out; then nothing more is pulled, however long it takes.
  let before = -1;
  while (counts.pulled === 0 || counts.pulled !== before) {
    before = counts.pulled;
    await sendRaw(on, 'GET', '/', { signed: false });
  }
  expect(counts.pulled * 256 * 1024).toBeLessThan(64 * 1024 * 1024);
  client.socket.resetAndDestroy();
  await eventually(() => counts.closed === 1);
});

test('a client that does not read for long is cut off', async () => {
  const { store, counts } = readingStore(2 ** 40, endless);
  const clock = new HandClock();
  const on = await start({ store, overrides: { clock } });
  const client = await open(on);
  client.socket.pause();
  await client.write(signedHead(on, 'GET', '/bucket/k'));
  await eventually(() => counts.pulled > 4 && clock.pendingCount > 0);
  while (counts.closed === 0) {
    await clock.fire(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(counts).toMatchObject({ opened: 1, closed: 1 });
});

test('a hundred downloads that are broken off leave no reading open', async () => {
  const { store, counts } = readingStore(2 ** 40, endless);
  const on = await start({ store });
  const { hostname, port } = new URL(on.endpoint);
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const outgoing = get({ hostname, port, path: '/bucket/k', headers: signedHeaders(on, 'GET', '/bucket/k') });
      const [incoming] = await once(outgoing, 'response');
      await once(incoming, 'readable');
      outgoing.on('error', () => undefined);
      incoming.on('error', () => undefined);
      incoming.destroy();
    }),
  );
  await eventually(() => counts.closed === 100);
  expect(counts.opened).toBe(100);
});

test('HEAD and conditional answers do not open the body', async () => {
  const { store, counts } = readingStore(1000, endless);
  const on = await start({ store });
  expect((await sendRaw(on, 'HEAD', '/bucket/k')).headers['content-length']).toBe('1000');
  const headers = { 'if-none-match': '*' };
  expect((await sendRaw(on, 'GET', '/bucket/k', { headers })).status).toBe(304);
  expect(counts).toEqual({ pulled: 0, opened: 0, closed: 0 });
});

test('requests follow one another on a kept connection', async () => {
  const on = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (const [method, path, body] of [
    ['PUT', '/bucket', ''],
    ['PUT', '/bucket/k', 'content'],
    ['HEAD', '/bucket/k', ''],
    ['GET', '/bucket/none', ''],
    ['GET', '/bucket/k', ''],
    ['DELETE', '/bucket/k', ''],
  ] as const) {
    const headers = { ...signedHeaders(on, method, path, { body }), 'content-length': String(body.length) };
    const { hostname, port } = new URL(on.endpoint);
    const outgoing = request({ hostname, port, method, path, headers, agent });
    outgoing.end(body);
    const [incoming] = await once(outgoing, 'response');
    incoming.resume();
    await once(incoming, 'end');
    ports.add(outgoing.socket?.localPort);
  }
  agent.destroy();
  expect(ports.size).toBe(1);
});

test('what is no HTTP gets a document and a closed connection', async () => {
  const client = await open(await start());
  await client.write('EHLO there\r\n\r\n');
  await client.untilClosed();
  expect(client.received).toMatch(/^HTTP\/1.1 400 /);
  expect(client.received).toContain('<Code>BadRequest</Code>');
});

test('headers without end are refused', async () => {
  const client = await open(await start());
  await client.write(`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(40_000)}\r\n\r\n`);
  await client.untilClosed();
  expect(client.received).toContain('<Code>RequestHeaderSectionTooLarge</Code>');
});

test('a target with bytes that are not ASCII is no HTTP', async () => {
  const on = await start();
  const client = await open(on);
  await client.write(signedHead(on, 'GET', '/bucket/%C3%BC').replace('/%C3%BC', '/\u00c3\u00bc'));
  await client.untilClosed();
  expect(client.received).toContain('<Code>BadRequest</Code>');
});

test('a target with scheme and host, as proxies send it, means the same', async () => {
  const on = await start();
  await sendRaw(on, 'PUT', '/bucket');
  await sendRaw(on, 'PUT', '/bucket/k', { body: 'content' });
  const client = await open(on);
  await client.write(signedHead(on, 'GET', '/bucket/k').replace('GET /bucket', `GET ${on.endpoint}/bucket`));
  await client.until(() => isComplete(client.received));
  expect(client.received).toMatch(/content$/);
});
