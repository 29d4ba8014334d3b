// The S3 front end as a Fastify plugin, and the options that its Fastify must be made with. Fastify owns the listening
// socket and the routes of others (/_ashlar/*, /metrics); for S3 it only hands over the raw request: no body is parsed, no path is
// decoded, because signatures and keys are about the bytes as they came.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import type { ObjectStore } from '../cluster/object-store.ts';
import type { Clock } from '../io/clock.ts';
import type { Random } from '../io/random.ts';
import { bucketOfHost } from './address.ts';
import type { Credentials } from './auth/authentication.ts';
import { Authenticator } from './auth/authenticator.ts';
import { Front, type Observation } from './front.ts';
import { OPERATIONS } from './operations/registry.ts';
import { Router } from './router.ts';
import { element, plainXmlDocument } from './xml.ts';

export interface S3Options {
  readonly store: ObjectStore;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  /** For instance "us-east-1"; requests signed for another one are refused. */
  readonly region: string;
  /** Host names under which buckets are host names too (bucket.DOMAIN). The same as given to `s3ServerOptions`. */
  readonly domains: readonly string[];
  /** Sent as x-amz-id-2, so that an answer says which node gave it; a node learns its name after it has begun to listen. */
  readonly nodeName: () => string;
  readonly observe: (observation: Observation) => void;
}

/** Where S3 requests are routed inside Fastify. No client can ask for it: every S3 target is rewritten to it. */
const ROUTE = '/s3';

/** Slow headers and idle connections are ended; a request as a whole may take as long as bytes keep coming (wire.ts). */
const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** What `fastify({ … })` must be given for the plugin to work. */
export function s3ServerOptions(domains: readonly string[]) {
  return {
    rewriteUrl: (request: IncomingMessage) => (isForS3(request, request.url!, domains) ? ROUTE : request.url!),
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, noDelay: true, keepAlive: true },
    clientErrorHandler: answerUnreadable,
  } satisfies FastifyHttpOptions<Server>;
}

/** Registers the S3 front end: `await app.register(s3, options)`. */
export async function s3(app: FastifyInstance, options: S3Options): Promise<void> {
  const { store, credentials, clock, random, region, domains, nodeName, observe } = options;
  const front = new Front({
    authenticator: new Authenticator({ credentials, region, clock }),
    router: new Router(OPERATIONS),
    context: { store, clock, region },
    domains,
    nodeName,
    requestIdPrefix: random.bytes(4).toString('hex').toUpperCase(),
    observe,
    onFault: (error, requestId) => app.log.error({ err: error, requestId }, 'an S3 request could not be answered'),
  });
  const waiting = new WeakSet<IncomingMessage>();
  // Node would say 100 Continue at once. For S3 that is said when the body is wanted, for everybody else here.
  app.server.on('checkContinue', (request, response) => {
    if (isForS3(request, request.url!, domains)) waiting.add(request);
    else response.writeContinue();
    app.server.emit('request', request, response);
  });
  app.route({
    method: app.supportedMethods,
    url: ROUTE,
    onRequest: (request, reply) => {
      // From here on the request is ours alone; Fastify's own life cycle ends.
      reply.hijack();
      const target = (request.raw as { originalUrl?: string }).originalUrl ?? request.raw.url!;
      front.serve(request.raw, reply.raw, target, waiting.has(request.raw)).catch((error: unknown) => {
        // Only whoever observes can get here; one request is lost to it, not the process.
        app.log.error({ err: error }, 'an S3 request could not be brought to its end');
        request.raw.destroy();
      });
    },
    handler: () => {
      throw new Error('an S3 request went past the hook that answers it');
    },
  });
}

/** Paths below /_ashlar/ and an unsigned GET /metrics belong to others, unless the host names a bucket: then they are keys. */
export function isForS3(request: IncomingMessage, target: string, domains: readonly string[]): boolean {
  const { host } = request.headers;
  if (host !== undefined && bucketOfHost(host, domains) !== null) return true;
  if (target.startsWith('/_ashlar/')) return false;
  if (!target.startsWith('/metrics')) return true;
  const isMetrics = target === '/metrics' || target.startsWith('/metrics?');
  return !isMetrics || request.method !== 'GET' || isSigned(request, target);
}

function isSigned(request: IncomingMessage, target: string): boolean {
  return request.headers.authorization?.startsWith('AWS') === true || target.includes('X-Amz-Signature=');
}

/** Codes of the HTTP parser that have an S3 error; the first is a body that ends before its Content-Length. */
const UNREADABLE: Readonly<Record<string, { status: string; code: string; message: string }>> = {
  HPE_INVALID_EOF_STATE: {
    status: '400 Bad Request',
    code: 'IncompleteBody',
    message: 'You did not provide the number of bytes specified by the Content-Length HTTP header.',
  },
  HPE_HEADER_OVERFLOW: {
    status: '400 Bad Request',
    code: 'RequestHeaderSectionTooLarge',
    message: 'Your request header section exceeds the maximum allowed size.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '400 Bad Request',
    code: 'RequestTimeout',
    message: 'Your socket connection to the server was not read from or written to within the timeout period.',
  },
};

/** Answers what never became a request, or stopped being one. */
function answerUnreadable(error: Error & { code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, message } = UNREADABLE[error.code] ?? {
    status: '400 Bad Request',
    code: 'BadRequest',
    message: 'An error occurred when parsing the HTTP request.',
  };
  const body = plainXmlDocument('Error', element('Code', code) + element('Message', message));
  socket.end(
    `HTTP/1.1 ${status}\r\nServer: Ashlar\r\nContent-Type: application/xml\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}
