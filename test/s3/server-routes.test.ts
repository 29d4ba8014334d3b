// What is S3's and what is not on one port, and what is observed of each S3 request.
import { once } from 'node:events';
import { request } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sendRaw, signedHeaders } from './conformance/raw-request.ts';
import { type MemoryTarget, startMemoryServer } from './memory-server.ts';

let target: MemoryTarget;

const routes = (app: FastifyInstance) => {
  app.get('/_ashlar/status', async () => ({ admin: true }));
  app.post('/_ashlar/echo', async ({ body }) => ({ echoed: body }));
  app.get('/metrics', async () => 'requests 1');
};

beforeAll(async () => {
  target = await startMemoryServer({ routes });
  for (const name of ['metrics', 'hosted']) await sendRaw(target, 'PUT', `/${name}`);
});
beforeEach(() => {
  target.observations.length = 0;
});
afterAll(() => target.stop());

test('paths below /_ashlar/ and the unsigned GET /metrics are not S3’s', async () => {
  const unsigned = { signed: false };
  expect((await sendRaw(target, 'GET', '/_ashlar/status', unsigned)).text).toBe('{"admin":true}');
  expect((await sendRaw(target, 'GET', '/_ashlar/nothing', unsigned)).headers['content-type']).toContain('json');
  expect((await sendRaw(target, 'GET', '/metrics', unsigned)).text).toBe('requests 1');
  expect((await sendRaw(target, 'GET', '/metrics?name=x', unsigned)).text).toBe('requests 1');
  expect(target.observations).toEqual([]);
});

test('everything else is, signed or not', async () => {
  expect((await sendRaw(target, 'GET', '/metrics')).text).toContain('<Name>metrics</Name>');
  for (const [method, path] of [
    ['PUT', '/metrics'],
    ['GET', '/metrics/key'],
    ['GET', '/metricsandmore'],
    ['GET', '/_ashlar'],
    ['GET', '/s3'],
    ['GET', '/'],
  ] as const) {
    const answer = await sendRaw(target, method, path, { signed: false });
    expect([method, path, answer.status, answer.headers.server]).toEqual([method, path, 403, 'Ashlar']);
  }
});

test('in a bucket that is named by the host these paths are keys', async () => {
  const host = `hosted.${target.domain}`;
  for (const path of ['/_ashlar/status', '/metrics', '/s3']) {
    await sendRaw(target, 'PUT', path, { host, body: `key ${path}` });
    expect((await sendRaw(target, 'GET', path, { host })).text).toBe(`key ${path}`);
    expect((await sendRaw(target, 'GET', `/hosted${path}`)).text).toBe(`key ${path}`);
    expect((await sendRaw(target, 'GET', path, { host, signed: false })).text).toContain('AccessDenied');
  }
});

test('other routes get their body, also from a client that waits to be asked', async () => {
  const { hostname, port } = new URL(target.endpoint);
  const headers = { 'content-type': 'application/json', 'content-length': '7', expect: '100-continue' };
  const outgoing = request({ hostname, port, method: 'POST', path: '/_ashlar/echo', headers, agent: false });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.end('{"a":1}');
  const [incoming] = await once(outgoing, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe('{"echoed":{"a":1}}');
});

test('each request is observed once, with its operation, status and bytes', async () => {
  await sendRaw(target, 'PUT', '/hosted/k', { body: 'x'.repeat(1000) });
  await sendRaw(target, 'GET', '/hosted/k');
  await sendRaw(target, 'GET', '/hosted/k', { headers: { range: 'bytes=0-9' } });
  await sendRaw(target, 'HEAD', '/hosted/k');
  await sendRaw(target, 'GET', '/hosted/none');
  await sendRaw(target, 'GET', '/hosted/k', { signed: false });
  expect(target.observations.map(({ operation, status, bytesIn }) => [operation, status, bytesIn])).toEqual([
    ['PutObject', 200, 1000],
    ['GetObject', 200, 0],
    ['GetObject', 206, 0],
    ['HeadObject', 200, 0],
    ['GetObject', 404, 0],
    ['Unknown', 403, 0],
  ]);
  expect(target.observations.slice(0, 4).map(({ bytesOut }) => bytesOut)).toEqual([0, 1000, 10, 0]);
  for (const { durationMs } of target.observations) expect(durationMs).toBeGreaterThanOrEqual(0);
});

test('a signature for another region is refused with the name of ours', async () => {
  const headers = signedHeaders({ ...target, region: 'eu-west-1' }, 'GET', '/hosted/k');
  const { hostname, port } = new URL(target.endpoint);
  const answer = await fetch(`http://${hostname}:${port}/hosted/k`, { headers });
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('<Region>us-east-1</Region>')]);
});
