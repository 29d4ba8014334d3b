// The life of an S3 request: who asks, what for, the answer or the error. Everything that reaches a client from here carries
// its ids; every outcome is observed once.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Address, parseAddress, parseQuery } from './address.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { type PlainRequest, plainRequest } from './auth/request.ts';
import type { S3Error } from './errors.ts';
import { checkBucketName, checkKey } from './names.ts';
import type { Operation, S3Context, S3Reply, Scope } from './operation.ts';
import { headersFor } from './presigned-headers.ts';
import { refuseUnsupported } from './refusals.ts';
import { S3Request } from './request.ts';
import type { Router } from './router.ts';
import { errorDetails, toS3Error } from './store-errors.ts';
import { Wire } from './wire.ts';
import { element, plainXmlDocument } from './xml.ts';

/** What happened to one request, for metrics. */
export interface Observation {
  /** AWS's name of the operation; "Unknown" when it was refused before that was clear. */
  readonly operation: string;
  /** The status that was sent; 499 when the client was gone before that. */
  readonly status: number;
  /** Of the body as it came over the wire, and of the body that was sent. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
}

export interface FrontOptions {
  readonly authenticator: Authenticator;
  readonly router: Router;
  readonly context: S3Context;
  readonly domains: readonly string[];
  /** x-amz-id-2: which node answered. */
  readonly nodeName: () => string;
  /** x-amz-request-id begins with it; unlike that of any other process. */
  readonly requestIdPrefix: string;
  readonly observe: (observation: Observation) => void;
  /** Told of what was our fault, and of answers that had to be cut. */
  readonly onFault: (error: unknown, requestId: string) => void;
}

const CLIENT_GONE = 499;

/** One request on its way. */
interface Exchange {
  readonly wire: Wire;
  readonly requestId: string;
  readonly target: string;
  address: Address;
  operation: Operation | null;
}

export class Front {
  readonly #options: FrontOptions;
  #requestCount = 0;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** Rejects only when `observe` or `onFault` throws. target: the request target exactly as it came. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    awaitsContinue: boolean,
  ): Promise<void> {
    const { clock } = this.#options.context;
    const startedMs = clock.monotonicMs();
    const exchange: Exchange = {
      wire: new Wire(request, response, { clock, awaitsContinue }),
      requestId: this.#nextRequestId(),
      target,
      address: { bucket: '', key: '' },
      operation: null,
    };
    const status = await this.#answer(exchange, request);
    this.#options.observe({
      operation: exchange.operation?.name ?? 'Unknown',
      status,
      bytesIn: exchange.wire.bytesIn,
      bytesOut: exchange.wire.bytesOut,
      durationMs: clock.monotonicMs() - startedMs,
    });
  }

  async #answer(exchange: Exchange, request: IncomingMessage): Promise<number> {
    const { wire } = exchange;
    try {
      const reply = await this.#handle(exchange, request);
      return await this.#send(exchange, reply);
    } catch (error) {
      const refusal = toS3Error(error);
      if (refusal.status >= 500) this.#options.onFault(error, exchange.requestId);
      // The answer had begun; the wire has cut it.
      if (wire.headSent) return refusal.status;
      return this.#send(exchange, this.#errorReply(exchange, refusal));
    }
  }

  async #handle(exchange: Exchange, request: IncomingMessage): Promise<S3Reply> {
    const { authenticator, router, context, domains } = this.#options;
    const plain = plainRequest(request.method!, originForm(exchange.target), request.rawHeaders);
    const authentication = authenticator.authenticate(plain);
    const headers = headersFor(plain, request.rawHeaders, authentication);
    const query = parseQuery(plain.rawQuery);
    exchange.address = parseAddress(plain.rawPath, headers.get('host'), domains);
    const scope = checkAddress(exchange.address);
    exchange.operation = router.route(plain.method, scope, query, headers);
    refuseUnsupported(headers);
    const s3Request = new S3Request({
      address: exchange.address,
      query,
      headers,
      authentication,
      origin: originOf(request, plain),
      source: exchange.wire.source(),
    });
    return exchange.operation.handle(s3Request, context);
  }

  async #send({ wire, requestId }: Exchange, reply: S3Reply): Promise<number> {
    const headers = {
      'x-amz-request-id': requestId,
      'x-amz-id-2': this.#options.nodeName(),
      Server: 'Ashlar',
      ...reply.headers,
    };
    await wire.send({ ...reply, headers });
    return wire.headSent ? reply.status : CLIENT_GONE;
  }

  #errorReply({ target, address, requestId }: Exchange, error: S3Error): S3Reply {
    const details = errorDetails(error, address);
    const headers: Record<string, string> = {};
    if (error.code === 'InvalidRange') headers['Content-Range'] = `bytes */${details.ActualObjectSize}`;
    const body = plainXmlDocument(
      'Error',
      element('Code', error.code) +
        element('Message', error.message) +
        Object.entries(details)
          .map(([name, value]) => element(name, value))
          .join('') +
        element('Resource', target.split('?', 1)[0]!) +
        element('RequestId', requestId) +
        element('HostId', this.#options.nodeName()),
    );
    return { status: error.status, headers, body };
  }

  /** 16 hexadecimal digits. */
  #nextRequestId(): string {
    this.#requestCount = (this.#requestCount + 1) % 2 ** 32;
    return this.#options.requestIdPrefix + this.#requestCount.toString(16).toUpperCase().padStart(8, '0');
  }
}

function checkAddress({ bucket, key }: Address): Scope {
  if (bucket === '') return 'service';
  checkBucketName(bucket);
  if (key === '') return 'bucket';
  checkKey(key);
  return 'object';
}

/** "http://host/path" (as proxies are asked) → "/path". */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const authority = target.indexOf('://');
  const path = authority < 0 ? -1 : target.indexOf('/', authority + 3);
  return path < 0 ? '/' : target.slice(path);
}

function originOf(request: IncomingMessage, plain: PlainRequest): string {
  const scheme = (request.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http';
  return `${scheme}://${plain.headers.get('host') ?? 'localhost'}`;
}
