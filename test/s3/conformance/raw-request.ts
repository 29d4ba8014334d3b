// Signed requests that say exactly what a test wants, where an SDK would not let it. Signs by itself (AWS Signature Version 4,
// headers), so that it shares no code with what it tests.
import { createHash, createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Target } from './target.ts';

export interface RawOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The Host header; the request still goes to the target. */
  readonly host?: string;
  /** Default: the hash of the body. */
  readonly payload?: string;
  /** false: no signature at all. */
  readonly signed?: boolean;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export async function sendRaw(
  target: Target,
  method: string,
  path: string,
  options: RawOptions = {},
): Promise<RawResponse> {
  const { hostname, port } = new URL(target.endpoint);
  const body = Buffer.from(options.body ?? '');
  const headers = signedHeaders(target, method, path, options);
  if (options.body !== undefined && !hasHeader(headers, 'content-length'))
    headers['content-length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers, agent: false }, (incoming) => {
      collect(incoming).then(resolve, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body.length > 0 ? body : undefined);
  });
}

/** The headers of the request with host, date, payload hash and signature. */
export function signedHeaders(
  target: Target,
  method: string,
  path: string,
  options: RawOptions = {},
): Record<string, string> {
  const host = options.host ?? new URL(target.endpoint).host;
  if (options.signed === false) return { host, ...options.headers };
  const timestamp = new Date().toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
  const payload = options.payload ?? sha256(options.body ?? '');
  const headers: Record<string, string> = {
    host,
    ...options.headers,
    'x-amz-date': timestamp,
    'x-amz-content-sha256': payload,
  };
  return { ...headers, authorization: authorization(target, method, path, headers, timestamp, payload) };
}

function authorization(
  { credentials, region }: Target,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  timestamp: string,
  payload: string,
): string {
  const names = Object.keys(headers).sort();
  const [rawPath, rawQuery = ''] = path.split(/\?(.*)/s);
  const query = rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split(/=(.*)/s, 2).map(escapeAll))
    .map(([name = '', value = '']) => [name, value] as const)
    .sort(([a, av], [b, bv]) => (a === b ? (av < bv ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const canonical = [
    method,
    canonicalPath(rawPath!),
    query,
    ...names.map((name) => `${name}:${headers[name]!.trim()}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
  const scope = `${timestamp.slice(0, 8)}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical, 'latin1')].join('\n');
  const key = scope
    .split('/')
    .reduce((parent: string | Buffer, part) => hmac(parent, part), `AWS4${credentials.secretAccessKey}`);
  return `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${hmac(key, text).toString('hex')}`;
}

/** Decoded and encoded again, as S3 does: what was escaped without need, or "/" as %2F, signs like the plain character. */
function canonicalPath(rawPath: string): string {
  return rawPath.split('/').map(escapeAll).join('/').replaceAll('%2F', '/');
}

/** What cannot be decoded stays as it is; the request is refused for it. */
function escapeAll(text: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(text)).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  } catch {
    return text;
  }
}

async function collect(incoming: IncomingMessage): Promise<RawResponse> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece);
  const body = Buffer.concat(pieces);
  return { status: incoming.statusCode!, headers: incoming.headers, body, text: body.toString('utf8') };
}

function hasHeader(headers: Record<string, string>, name: string): boolean {
  return Object.keys(headers).some((header) => header.toLowerCase() === name);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Uint8Array, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return createHash('sha256')
    .update(typeof data === 'string' ? Buffer.from(data, encoding) : data)
    .digest('hex');
}

/** The text of the first such element of an XML document, as written. */
export function xmlText(document: string, name: string): string | null {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1] ?? null;
}
