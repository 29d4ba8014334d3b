// The real AWS SDK for JavaScript against a server that only authenticates and reads bodies: what the SDK signs and sends by
// default, over what it takes for http and for https, from buffers and from streams, and through presigned URLs.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  type ChecksumAlgorithm as SdkChecksumAlgorithm,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../node/io/clock.ts';
import type { PayloadRule } from '../../node/s3/auth/authentication.ts';
import { Authenticator } from '../../node/s3/auth/authenticator.ts';
import { plainRequest } from '../../node/s3/auth/request.ts';
import { openBody } from '../../node/s3/body/body.ts';
import { CHECKSUM_ALGORITHMS, createDigest } from '../../node/s3/body/checksums.ts';
import { requestSource } from '../../node/s3/body/source.ts';
import { S3Error } from '../../node/s3/errors.ts';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY } from './auth-fixture.ts';

interface Seen {
  readonly payload: PayloadRule['kind'];
  readonly body: Buffer;
}

const seen: Seen[] = [];
let server: Server;
let port: number;

beforeAll(async () => {
  const clock = systemClock();
  const authenticator = new Authenticator({
    region: 'us-east-1',
    clock,
    credentials: {
      lookup: (id) => (id === ACCESS_KEY_ID ? { secretAccessKey: SECRET_ACCESS_KEY, principal: 'alice' } : null),
    },
  });
  server = createServer(async (incoming, response) => {
    try {
      const request = plainRequest(incoming.method!, incoming.url!, incoming.rawHeaders);
      const { payload } = authenticator.authenticate(request);
      const body = openBody(requestSource(incoming, { clock }), request.headers, payload);
      const pieces: Uint8Array[] = [];
      for await (const piece of body.stream) pieces.push(piece);
      const { etag, checksums } = body.seal();
      seen.push({
        payload: payload.kind,
        body: Buffer.concat(pieces),
      });
      const checksumHeaders = Object.entries(checksums).map(([name, value]) => [`x-amz-checksum-${name}`, value]);
      response.writeHead(200, { etag: `"${etag}"`, ...Object.fromEntries(checksumHeaders) }).end();
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      response
        .writeHead(error.status, { 'content-type': 'application/xml' })
        .end(`<Error><Code>${error.code}</Code><Message>${error.message}</Message></Error>`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

beforeEach(() => {
  seen.length = 0;
});

/** scheme is what the SDK believes, which decides how it signs; the bytes go over plain TCP either way. */
function client(scheme: 'http' | 'https', secretAccessKey = SECRET_ACCESS_KEY): S3Client {
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: `${scheme}://127.0.0.1:${port}`,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey },
  });
  s3.middlewareStack.add(
    (next) => (args) => {
      (args.request as { protocol: string }).protocol = 'http:';
      return next(args);
    },
    { step: 'deserialize', priority: 'low' },
  );
  return s3;
}

const BODY = randomBytes(200_000);
const MD5 = createHash('md5').update(BODY).digest('hex');

function inPieces(body: Buffer, pieceBytes: number): Readable {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += pieceBytes) parts.push(body.subarray(at, at + pieceBytes));
  return Readable.from(parts, { objectMode: false });
}

async function put(scheme: 'http' | 'https', input: Partial<PutObjectCommandInput>) {
  const s3 = client(scheme);
  const output = await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'some key/ä+b', ...input }));
  s3.destroy();
  expect(seen).toHaveLength(1);
  return { output, ...seen[0]! };
}

describe.each(['http', 'https'] as const)('by default, over %s,', (scheme) => {
  test('a buffer arrives as it was sent, with its CRC32', async () => {
    const { output, body } = await put(scheme, { Body: BODY });
    expect(body.equals(BODY)).toBe(true);
    expect(output.ETag).toBe(`"${MD5}"`);
    expect(output.ChecksumCRC32).toBe(checksumOf('crc32'));
  });

  test('a stream arrives as it was sent, with its CRC32 in a trailer', async () => {
    const { output, body, payload } = await put(scheme, {
      Body: inPieces(BODY, 16_384),
      ContentLength: BODY.length,
    });
    expect(payload).toBe('chunks-unsigned');
    expect(body.equals(BODY)).toBe(true);
    expect(output.ETag).toBe(`"${MD5}"`);
  });

  test('a stream in pieces of one byte arrives as it was sent', async () => {
    const small = BODY.subarray(0, 300);
    const { body } = await put(scheme, { Body: inPieces(small, 1), ContentLength: 300 });
    expect(body.equals(small)).toBe(true);
  });

  test('an empty body arrives as one', async () => {
    const { body, output } = await put(scheme, { Body: Buffer.alloc(0), ContentLength: 0 });
    expect(body.length).toBe(0);
    expect(output.ETag).toBe('"d41d8cd98f00b204e9800998ecf8427e"');
  });

  test('a wrong secret is SignatureDoesNotMatch', async () => {
    const s3 = client(scheme, 'another secret');
    await expect(s3.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    });
    s3.destroy();
    expect(seen).toEqual([]);
  });
});

test.each(CHECKSUM_ALGORITHMS.filter((name) => name !== 'crc64nvme'))(
  'a buffer and a stream with %s are verified, and the checksum returned',
  async (algorithm) => {
    const ChecksumAlgorithm = algorithm.toUpperCase() as SdkChecksumAlgorithm;
    const field = `Checksum${algorithm.toUpperCase()}` as 'ChecksumCRC32';
    const buffer = await put('https', { Body: BODY, ChecksumAlgorithm });
    expect(buffer.output[field]).toBe(checksumOf(algorithm));
    seen.length = 0;
    const stream = await put('https', { Body: inPieces(BODY, 65_536), ContentLength: BODY.length, ChecksumAlgorithm });
    expect(stream.output[field]).toBe(checksumOf(algorithm));
    expect(stream.body.equals(BODY)).toBe(true);
  },
);

test('a CRC64NVME that the caller computed is verified', async () => {
  const { output } = await put('https', { Body: BODY, ChecksumCRC64NVME: checksumOf('crc64nvme') });
  expect(output.ChecksumCRC64NVME).toBe(checksumOf('crc64nvme'));
});

test('a wrong checksum is BadDigest and a wrong Content-MD5 too', async () => {
  const s3 = client('https');
  const command = (input: Partial<PutObjectCommandInput>) =>
    new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'hello', ...input });
  await expect(s3.send(command({ ChecksumSHA256: `${'A'.repeat(43)}=` }))).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(s3.send(command({ ContentMD5: `${'A'.repeat(22)}==` }))).rejects.toMatchObject({ name: 'BadDigest' });
  s3.destroy();
  expect(seen).toEqual([]);
});

test('a part is sent like an object', async () => {
  const s3 = client('http');
  const output = await s3.send(
    new UploadPartCommand({ Bucket: 'b', Key: 'k', UploadId: 'u/+ä', PartNumber: 3, Body: BODY }),
  );
  s3.destroy();
  expect(output.ETag).toBe(`"${MD5}"`);
});

describe('a presigned URL', () => {
  async function presigned(): Promise<string> {
    const s3 = client('http');
    const command = new PutObjectCommand({ Bucket: 'bucket', Key: 'key with space (1)' });
    const url = await getSignedUrl(s3, command, { expiresIn: 60 });
    s3.destroy();
    return url;
  }

  test('takes a body that was unknown when it was made, whatever checksum the SDK put into the query', async () => {
    const url = await presigned();
    expect(url).toContain('x-amz-checksum-crc32=AAAAAA%3D%3D');
    const response = await fetch(url, { method: 'PUT', body: BODY });
    expect(await response.text()).toBe('');
    expect(response.headers.get('etag')).toBe(`"${MD5}"`);
    expect(seen[0]).toMatchObject({ payload: 'unsigned' });
  });

  test('is refused for another key', async () => {
    const url = (await presigned()).replace('(1)', '(2)').replace('%281%29', '%282%29');
    const response = await fetch(url, { method: 'PUT', body: 'x' });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('<Code>SignatureDoesNotMatch</Code>'),
    ]);
    expect(seen).toEqual([]);
  });

  test('does not let anybody add an x-amz-* header that was not signed', async () => {
    const response = await fetch(await presigned(), {
      method: 'PUT',
      body: 'x',
      headers: { 'x-amz-meta-color': 'red' },
    });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('There were headers present in the request which were not signed'),
    ]);
  });
});

function checksumOf(algorithm: (typeof CHECKSUM_ALGORITHMS)[number]): string {
  const digest = createDigest(algorithm);
  digest.update(BODY);
  return digest.digest().toString('base64');
}
