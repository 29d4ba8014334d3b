// A small S3 client for suites that count what was acknowledged: it never retries, so that every answer belongs to exactly one
// request, tells a request that cannot have arrived from one whose fate is unknown, and is cheap enough to load a cluster.
// Signs with Signature Version 4 over the headers (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
import { createHash, createHmac } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD';
  /** "/bucket" or "/bucket/key", of characters that need no encoding. */
  readonly path: string;
  /** Decoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** In lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No whole answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Nobody accepted the connection, so nothing can have happened. */
  readonly neverSent: boolean;

  constructor(cause: Error & { readonly code?: string }) {
    super(cause.message, { cause });
    this.neverSent = cause.code === 'ECONNREFUSED';
  }
}

export class S3Connection {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #host: string;
  readonly #port: number;
  readonly #credentials: S3Credentials;
  readonly #region: string;
  readonly #timeoutMs: number;
  #signingKey: { readonly day: string; readonly key: Buffer } | null = null;

  /** endpoint: "http://HOST:PORT". timeoutMs: how long a call may take before its fate counts as unknown. */
  constructor(endpoint: string, credentials: S3Credentials, region: string, timeoutMs: number) {
    const { hostname, port } = new URL(endpoint);
    this.#host = hostname;
    this.#port = Number(port);
    this.#credentials = credentials;
    this.#region = region;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects with NoAnswer when no whole answer came. */
  call(call: S3Call): Promise<S3Answer> {
    const query = canonicalQuery(call.query ?? {});
    const headers = this.#sign(call, query);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent: this.#agent,
          host: this.#host,
          port: this.#port,
          method: call.method,
          path: query === '' ? call.path : `${call.path}?${query}`,
          headers,
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () => {
            clearTimeout(timer);
            resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) });
          });
          // A connection that ends inside a body: what came is no answer.
          response.on('error', failed);
        },
      );
      const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), this.#timeoutMs);
      const failed = (error: Error) => {
        clearTimeout(timer);
        reject(new NoAnswer(error));
      };
      outgoing.on('error', failed);
      outgoing.end(call.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #sign({ method, path, headers, body }: S3Call, query: string): Record<string, string> {
    const moment = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = moment.slice(0, 8);
    const host = `${this.#host}:${this.#port}`;
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    const signed: Record<string, string> = {
      host,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': moment,
      ...Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name.startsWith('x-amz-'))),
    };
    const names = Object.keys(signed).sort();
    const lines = names.map((name) => `${name}:${signed[name]}\n`).join('');
    const canonical = `${method}\n${path}\n${query}\n${lines}\n${names.join(';')}\nUNSIGNED-PAYLOAD`;
    const toSign = `AWS4-HMAC-SHA256\n${moment}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const signature = hmac(this.#keyOf(day), toSign).toString('hex');
    return {
      ...headers,
      ...signed,
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      authorization: `AWS4-HMAC-SHA256 Credential=${this.#credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    };
  }

  #keyOf(day: string): Buffer {
    if (this.#signingKey?.day !== day) {
      const first = hmac(`AWS4${this.#credentials.secretAccessKey}`, day);
      this.#signingKey = { day, key: hmac(hmac(hmac(first, this.#region), 's3'), 'aws4_request') };
    }
    return this.#signingKey.key;
  }
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.keys(query)
    .sort()
    .map((name) => `${encode(name)}=${encode(query[name]!)}`)
    .join('&');
}
