// The node's own HTTP interface beside S3, as a Fastify plugin: the three health questions, status, metrics, and the few things
// that an operator may ask for. Decides nothing itself; the answers come from the functions it is given.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UnknownTargetError } from '../cluster/cluster-status.ts';
import { UnavailableError } from '../cluster/registers.ts';
import { RpcError, type RpcErrorCode } from '../cluster/rpc.ts';
import { adminToken, carriesToken } from './admin-token.ts';
import type { Metrics } from './metrics.ts';
import type { StatusReport } from './status.ts';

/** A health answer: ok, or why not, a sentence each. */
export interface HealthAnswer {
  readonly ok: boolean;
  readonly reasons: readonly string[];
}

export interface AdminDeps {
  readonly clusterSecret: string;
  /** Does the process work? When not, it should be started again. */
  readonly live: () => HealthAnswer;
  /** Can it serve clients? Another node's death never makes it unready. */
  readonly ready: () => HealthAnswer;
  /**
   * May this node, or all nodes of this zone, be taken down now? Rejects with UnknownTargetError, or with UnavailableError as
   * long as this node has not joined its cluster.
   */
  readonly spare: (target: SpareTarget) => Promise<HealthAnswer>;
  /** null as long as the node has not joined its cluster. */
  readonly status: () => Promise<StatusReport | null>;
  /** Puts a blank drive in the place of a lost one. Rejects with RpcError or UnavailableError. */
  readonly replaceDrive: (slot: string) => Promise<void>;
  /** Has all nodes scrub all drives from the start; names those that do, and those that did not answer. */
  readonly startScrub: () => Promise<{ started: string[]; silent: string[] }>;
  readonly metrics: Metrics;
}

export type SpareTarget = { readonly node: string } | { readonly zone: string };

/** Register with `await app.register(admin, deps)`. */
export async function admin(app: FastifyInstance, deps: AdminDeps): Promise<void> {
  const sendMetrics = async (_: FastifyRequest, reply: FastifyReply) => {
    reply.header('content-type', deps.metrics.contentType).header('cache-control', 'no-store');
    return deps.metrics.text();
  };
  // Where Prometheus looks when it is told nothing; with a signature the same path is a bucket's (s3/server.ts).
  app.get('/metrics', sendMetrics);
  await app.register(
    async (scope) => {
      scope.setErrorHandler(answerError);
      scope.setNotFoundHandler(({ method, url }, reply) =>
        refuse(reply, 404, 'not-found', `there is no ${method} ${url.split('?')[0]} on this node`),
      );
      scope.addHook('onSend', async (_, reply) => void reply.header('cache-control', 'no-store'));
      scope.get('/metrics', sendMetrics);
      addHealth(scope, deps);
      addOperations(scope, deps);
    },
    { prefix: '/_ashlar' },
  );
}

function addHealth(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/health/live', async (_, reply) => answerHealth(reply, deps.live()));
  app.get('/health/ready', async (_, reply) => answerHealth(reply, deps.ready()));
  app.get('/health/spare', { onRequest: requireToken(deps) }, async (request, reply) => {
    const target = spareTarget(request.query as Record<string, unknown>);
    if (target === null) return refuse(reply, 400, 'bad-request', 'ask for one: spare?node=NAME or spare?zone=NAME');
    return answerHealth(reply, await deps.spare(target));
  });
}

function addOperations(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/status', { onRequest: requireToken(deps) }, async (_, reply) => {
    const status = await deps.status();
    return status ?? refuse(reply, 503, 'starting', deps.ready().reasons.join('; ') || 'the node is starting');
  });
  const body = {
    type: 'object',
    required: ['slot'],
    properties: { slot: { type: 'string', pattern: '^[^/]+/[^/]+$' } },
  };
  app.post('/drives/replace', { onRequest: requireToken(deps), schema: { body } }, async (request) => {
    const { slot } = request.body as { slot: string };
    await deps.replaceDrive(slot);
    return { slot };
  });
  // Its progress is part of the status.
  app.post('/scrub', { onRequest: requireToken(deps) }, async () => deps.startScrub());
}

function answerHealth(reply: FastifyReply, { ok, reasons }: HealthAnswer): FastifyReply {
  return reply.code(ok ? 200 : 503).send({ ok, reasons });
}

function spareTarget(query: Record<string, unknown>): SpareTarget | null {
  const { node, zone } = query;
  // A parameter that is given twice is a list.
  if (typeof node === 'string' && node !== '' && zone === undefined) return { node };
  if (typeof zone === 'string' && zone !== '' && node === undefined) return { zone };
  return null;
}

function requireToken({ clusterSecret }: AdminDeps) {
  const token = adminToken(clusterSecret);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (carriesToken(request.headers.authorization, token)) return;
    reply.header('www-authenticate', 'Bearer realm="ashlar admin"');
    await refuse(
      reply,
      401,
      'unauthorized',
      'send "Authorization: Bearer TOKEN", where TOKEN is the hexadecimal HMAC-SHA256 of "ashlar admin" under the cluster secret',
    );
  };
}

/** What the cluster's refusals are in HTTP; whatever is not listed is a fault of ours. */
const STATUS_OF: Partial<Record<RpcErrorCode, number>> = {
  refused: 409,
  stale: 409,
  'unknown-drive': 404,
  'no-space': 507,
  'no-answer': 503,
  'not-leader': 503,
  unavailable: 503,
};

function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof RpcError && STATUS_OF[error.code] !== undefined) {
    return refuse(reply, STATUS_OF[error.code]!, error.code, error.message);
  }
  if (error instanceof UnknownTargetError) return refuse(reply, 404, 'unknown-target', error.message);
  if (error instanceof UnavailableError) return refuse(reply, 503, 'unavailable', error.message);
  // Fastify's own: a body that is no JSON, or not what the schema asks for.
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return refuse(reply, error.statusCode, 'bad-request', error.message);
  }
  request.log.error({ err: error }, 'an admin request could not be answered');
  return refuse(reply, 500, 'internal', 'the node could not answer; its log says why');
}

function refuse(reply: FastifyReply, status: number, error: string, message: string): FastifyReply {
  return reply.code(status).send({ error, message });
}
