// What the tests of bodies share: requests' headers, sources that come in chosen pieces, and a signer of aws-chunked bodies
// (the AWS SDK for JavaScript signs no chunks), which the published examples vouch for.
import { createHash, createHmac } from 'node:crypto';
import type { BodyDigest } from '../../node/cluster/object-store.ts';
import type { ChunkSigning, PayloadRule } from '../../node/s3/auth/authentication.ts';
import { HeaderList } from '../../node/s3/auth/request.ts';
import { deriveSigningKey } from '../../node/s3/auth/signing-key.ts';
import { openBody } from '../../node/s3/body/body.ts';
import type { BodyOptions } from '../../node/s3/body/declared-body.ts';
import { S3Error } from '../../node/s3/errors.ts';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY } from './auth-fixture.ts';

export const UNSIGNED: PayloadRule = { kind: 'unsigned' };

export function headers(values: Record<string, string | number>): HeaderList {
  return new HeaderList(Object.entries(values).flatMap(([name, value]) => [name, String(value)]));
}

export async function* pieces(...parts: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}

/** The bytes cut after each of the lengths; what is left comes last. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at + length >= bytes.length) break;
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...parts, bytes.subarray(at)];
}

export interface Outcome {
  /** Everything that was handed on, whether or not the body turned out well. */
  readonly received: Buffer;
  /** Null when the body was refused. */
  readonly digest: BodyDigest | null;
  readonly error: S3Error | null;
}

/** Reads a body to its end and seals it, as the store does. */
export async function readAll(
  source: AsyncIterable<Uint8Array>,
  headerList: HeaderList,
  payload: PayloadRule,
  options?: BodyOptions,
): Promise<Outcome> {
  const received: Uint8Array[] = [];
  try {
    const body = openBody(source, headerList, payload, options);
    for await (const piece of body.stream) received.push(piece);
    return { received: Buffer.concat(received), digest: body.seal(), error: null };
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { received: Buffer.concat(received), digest: null, error };
  }
}

export const SIGNING: ChunkSigning = {
  accessKeyId: ACCESS_KEY_ID,
  signingKey: deriveSigningKey(SECRET_ACCESS_KEY, '20130524', 'us-east-1'),
  timestamp: '20130524T000000Z',
  scope: '20130524/us-east-1/s3/aws4_request',
  seedSignature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
};

export interface SignedChunk {
  readonly header: string;
  readonly data: Uint8Array;
  readonly signature: string;
}

/** The chunks with the final empty one, each with its signature. */
export function signChunks(chunks: readonly Uint8Array[], signing: ChunkSigning = SIGNING): SignedChunk[] {
  let previous = signing.seedSignature;
  return [...chunks, new Uint8Array(0)].map((data) => {
    previous = signature(signing, 'AWS4-HMAC-SHA256-PAYLOAD', [previous, sha256(''), sha256(data)]);
    return { header: `${data.length.toString(16)};chunk-signature=${previous}\r\n`, data, signature: previous };
  });
}

/** lines: "name:value" each. */
export function signTrailer(chunks: readonly SignedChunk[], lines: readonly string[], signing = SIGNING): string {
  const text = lines.map((line) => `${line}\n`).join('');
  return signature(signing, 'AWS4-HMAC-SHA256-TRAILER', [chunks.at(-1)!.signature, sha256(text)]);
}

export function wire(chunks: readonly SignedChunk[], trailer = ''): Buffer {
  const parts = chunks.map(({ header, data }) =>
    Buffer.concat([Buffer.from(header), data, Buffer.from(data.length === 0 ? '' : '\r\n')]),
  );
  return Buffer.concat([...parts, Buffer.from(`${trailer}\r\n`)]);
}

export function unsignedWire(chunks: readonly Uint8Array[], trailer = ''): Buffer {
  const parts = [...chunks, new Uint8Array(0)].map((data) =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from(data.length === 0 ? '' : '\r\n')]),
  );
  return Buffer.concat([...parts, Buffer.from(`${trailer}\r\n`)]);
}

function signature(signing: ChunkSigning, kind: string, lines: readonly string[]): string {
  const text = [kind, signing.timestamp, signing.scope, ...lines].join('\n');
  return createHmac('sha256', signing.signingKey).update(text).digest('hex');
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
