// The admin interface through Fastify's inject: who may ask what, and what the answers are.
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AdminDeps, admin, type SpareTarget } from '../../node/admin/admin.ts';
import { adminToken } from '../../node/admin/admin-token.ts';
import { createMetrics } from '../../node/admin/metrics.ts';
import type { StatusReport } from '../../node/admin/status.ts';
import { UnknownTargetError } from '../../node/cluster/cluster-status.ts';
import { UnavailableError } from '../../node/cluster/registers.ts';
import { RpcError } from '../../node/cluster/rpc.ts';

const SECRET = 'the secret of the cluster';
const bearer = { authorization: `Bearer ${adminToken(SECRET)}` };
const OK = { ok: true, reasons: [] };

const STATUS: StatusReport = {
  clusterId: '0'.repeat(32),
  scheme: '4+2',
  epoch: 3,
  partitionCount: 128,
  health: 'healthy',
  reasons: [],
  nodes: [],
};

const running: FastifyInstance[] = [];
afterEach(() => Promise.all(running.splice(0).map((app) => app.close())));

async function start(overrides: Partial<AdminDeps> = {}): Promise<FastifyInstance> {
  const app = Fastify();
  running.push(app);
  await app.register(admin, {
    clusterSecret: SECRET,
    live: () => OK,
    ready: () => OK,
    spare: async () => OK,
    status: async () => STATUS,
    replaceDrive: async () => {},
    startScrub: async () => ({ started: ['a1', 'b1'], silent: ['c1'] }),
    metrics: createMetrics({ node: 'a1', zone: 'a', snapshot: async () => null }),
    ...overrides,
  });
  return app;
}

async function ask(app: FastifyInstance, options: InjectOptions): Promise<[number, unknown]> {
  const response = await app.inject(options);
  return [response.statusCode, response.json()];
}

describe('adminToken', () => {
  it('is the HMAC-SHA256 of "ashlar admin" under the cluster secret, in hexadecimal', () => {
    // printf 'ashlar admin' | openssl dgst -sha256 -hmac secret
    expect(adminToken('secret')).toBe('ecaf2cc9fe11f07d7cef18bf5f65fa448980eb95bd597c8170eea4f8ff2554e6');
  });
});

describe('live and ready', () => {
  it.each(['live', 'ready'] as const)('%s answers 200 without a token when all is well', async (question) => {
    const app = await start();
    expect(await ask(app, { url: `/_ashlar/health/${question}` })).toEqual([200, OK]);
  });

  it.each(['live', 'ready'] as const)('%s answers 503 and says why when it is not', async (question) => {
    const no = { ok: false, reasons: ['waiting for http://b1:9000'] };
    const app = await start({ [question]: () => no });
    expect(await ask(app, { url: `/_ashlar/health/${question}` })).toEqual([503, no]);
  });

  it('are not to be cached, and answer HEAD', async () => {
    const response = await (await start()).inject({ method: 'HEAD', url: '/_ashlar/health/live' });
    expect([response.statusCode, response.headers['cache-control'], response.body]).toEqual([200, 'no-store', '']);
  });
});

describe('spare', () => {
  it('asks about the node or the zone, and answers 200', async () => {
    const asked: SpareTarget[] = [];
    const spare = async (target: SpareTarget) => {
      asked.push(target);
      return OK;
    };
    const app = await start({ spare });
    expect(await ask(app, { url: '/_ashlar/health/spare?node=a1', headers: bearer })).toEqual([200, OK]);
    expect(await ask(app, { url: '/_ashlar/health/spare?zone=b', headers: bearer })).toEqual([200, OK]);
    expect(asked).toEqual([{ node: 'a1' }, { zone: 'b' }]);
  });

  it('answers 503 with every reason when it must stay', async () => {
    const no = { ok: false, reasons: ['b1 has 3 registers or shards to heal', 'node c1 (zone c) does not answer'] };
    const app = await start({ spare: async () => no });
    expect(await ask(app, { url: '/_ashlar/health/spare?node=a1', headers: bearer })).toEqual([503, no]);
  });

  it('answers 404 about what the cluster does not have', async () => {
    const spare = () =>
      Promise.reject(new UnknownTargetError('there is no node a11 in this cluster; did you mean a1?'));
    const app = await start({ spare });
    expect(await ask(app, { url: '/_ashlar/health/spare?node=a11', headers: bearer })).toEqual([
      404,
      { error: 'unknown-target', message: 'there is no node a11 in this cluster; did you mean a1?' },
    ]);
  });

  it.each(['', '?node=a1&zone=a', '?node=', '?node=a1&node=a2', '?nodes=a1'])(
    'refuses the question "%s"',
    async (query) => {
      const app = await start();
      expect(await ask(app, { url: `/_ashlar/health/spare${query}`, headers: bearer })).toEqual([
        400,
        { error: 'bad-request', message: 'ask for one: spare?node=NAME or spare?zone=NAME' },
      ]);
    },
  );
});

describe('scrub', () => {
  it('is started on every node that answers, and says which those are', async () => {
    const answer = await ask(await start(), { method: 'POST', url: '/_ashlar/scrub', headers: bearer });
    expect(answer).toEqual([200, { started: ['a1', 'b1'], silent: ['c1'] }]);
  });
});

describe('without the token', () => {
  const requests = [
    { method: 'GET', url: '/_ashlar/status' },
    { method: 'GET', url: '/_ashlar/health/spare?node=a1' },
    { method: 'POST', url: '/_ashlar/drives/replace', payload: { slot: 'a1/d1' } },
    { method: 'POST', url: '/_ashlar/scrub' },
  ] as const;
  const wrong = [undefined, '', 'Bearer', 'Bearer x', `Bearer ${adminToken('other')}`, `Basic ${adminToken(SECRET)}`];

  it.each(requests)('$method $url answers 401 and does nothing', async (request) => {
    const [status, spare, replaceDrive] = [vi.fn(async () => STATUS), vi.fn(async () => OK), vi.fn(async () => {})];
    const app = await start({ status, spare, replaceDrive });
    for (const authorization of wrong) {
      const response = await app.inject({ ...request, headers: authorization === undefined ? {} : { authorization } });
      expect([response.statusCode, response.json().error]).toEqual([401, 'unauthorized']);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="ashlar admin"');
    }
    for (const forbidden of [status, spare, replaceDrive]) expect(forbidden).not.toHaveBeenCalled();
  });
});

describe('status', () => {
  it('is the report', async () => {
    expect(await ask(await start(), { url: '/_ashlar/status', headers: bearer })).toEqual([200, STATUS]);
  });

  it('is 503 with what the node waits for before it has joined', async () => {
    const app = await start({
      status: async () => null,
      ready: () => ({ ok: false, reasons: ['waiting for http://b1:9000'] }),
    });
    expect(await ask(app, { url: '/_ashlar/status', headers: bearer })).toEqual([
      503,
      { error: 'starting', message: 'waiting for http://b1:9000' },
    ]);
  });
});

describe('drives/replace', () => {
  const replace = (payload: unknown): InjectOptions => ({
    method: 'POST',
    url: '/_ashlar/drives/replace',
    headers: { ...bearer, 'content-type': 'application/json' },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });

  it('replaces the drive that was named', async () => {
    const replaced: string[] = [];
    const app = await start({ replaceDrive: async (slot) => void replaced.push(slot) });
    expect(await ask(app, replace({ slot: 'a1/d2' }))).toEqual([200, { slot: 'a1/d2' }]);
    expect(replaced).toEqual(['a1/d2']);
  });

  it.each([
    [{}, "body must have required property 'slot'"],
    [{ slot: 'd2' }, 'body/slot must match pattern "^[^/]+/[^/]+$"'],
    ['no json', expect.stringContaining('JSON')],
  ])('refuses %j', async (payload, message) => {
    const replaced: string[] = [];
    const app = await start({ replaceDrive: async (slot) => void replaced.push(slot) });
    expect(await ask(app, replace(payload))).toEqual([400, { error: 'bad-request', message }]);
    expect(replaced).toEqual([]);
  });

  it.each([
    [
      new RpcError('refused', 'drive a1/d2 is open: only a blank drive can take the place of a lost one'),
      409,
      'refused',
    ],
    [new RpcError('unknown-drive', 'no such drive'), 404, 'unknown-drive'],
    [new RpcError('no-answer', 'a1 did not answer'), 503, 'no-answer'],
    [new UnavailableError('no quorum'), 503, 'unavailable'],
  ])('passes on %s', async (error, status, code) => {
    const app = await start({ replaceDrive: () => Promise.reject(error) });
    expect(await ask(app, replace({ slot: 'a1/d2' }))).toEqual([status, { error: code, message: error.message }]);
  });

  it.each([new Error('private detail'), new RpcError('internal', 'private detail')])(
    'keeps %s to the log',
    async (error) => {
      const app = await start({ replaceDrive: () => Promise.reject(error) });
      expect(await ask(app, replace({ slot: 'a1/d2' }))).toEqual([
        500,
        { error: 'internal', message: 'the node could not answer; its log says why' },
      ]);
    },
  );
});

describe('metrics', () => {
  it.each(['/metrics', '/_ashlar/metrics'])('are at %s without a token', async (url) => {
    const response = await (await start()).inject({ url });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.body).toContain('ashlar_node_info{node="a1",zone="a"} 1\n');
  });
});

describe('whatever else is asked for below /_ashlar/', () => {
  it.each([
    ['GET', '/_ashlar/nothing?x=1', 'there is no GET /_ashlar/nothing on this node'],
    ['POST', '/_ashlar/status', 'there is no POST /_ashlar/status on this node'],
  ] as const)('%s %s is 404', async (method, url, message) => {
    expect(await ask(await start(), { method, url })).toEqual([404, { error: 'not-found', message }]);
  });
});
