// What clients see when the store fails, before an answer has begun and in the middle of one.
import { get } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type ObjectStore, StoreError, type StoreErrorCode } from '../../node/cluster/object-store.ts';
import { completeXml } from './conformance/multipart-steps.ts';
import { sendRaw, signedHeaders } from './conformance/raw-request.ts';
import { type MemoryTarget, startMemoryServer } from './memory-server.ts';
import { objectInfo, readingStore, storeWith } from './scripted-store.ts';

let target: MemoryTarget | null = null;

afterEach(async () => {
  await target?.stop();
  target = null;
});

const start = async (options: Parameters<typeof startMemoryServer>[0]) => {
  target = await startMemoryServer(options);
  return target;
};

const STORE_ERRORS: Readonly<Record<StoreErrorCode, readonly [status: number, code: string]>> = {
  NoSuchBucket: [404, 'NoSuchBucket'],
  BucketAlreadyExists: [409, 'BucketAlreadyOwnedByYou'],
  BucketNotEmpty: [409, 'BucketNotEmpty'],
  NoSuchKey: [404, 'NoSuchKey'],
  NoSuchUpload: [404, 'NoSuchUpload'],
  InvalidPart: [400, 'InvalidPart'],
  InvalidPartOrder: [400, 'InvalidPartOrder'],
  EntityTooSmall: [400, 'EntityTooSmall'],
  PreconditionFailed: [412, 'PreconditionFailed'],
  Unavailable: [503, 'ServiceUnavailable'],
  SlowDown: [503, 'SlowDown'],
  DataLost: [500, 'InternalError'],
  NoSpace: [507, 'InsufficientStorage'],
};

test.each(Object.entries(STORE_ERRORS))('the store’s %s is answered %j', async (storeCode, [status, code]) => {
  const getObject = async () => {
    throw new StoreError(storeCode as StoreErrorCode, 'in the words of the store');
  };
  const answer = await sendRaw(await start({ store: storeWith({ getObject }) }), 'GET', '/bucket/k');
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
  expect(answer.text.includes('in the words of the store')).toBe(status >= 500);
});

test('what nobody foresaw is an InternalError that tells the client nothing of our insides', async () => {
  const getObject = async () => {
    throw new TypeError('cannot read properties of the secret table');
  };
  const answer = await sendRaw(await start({ store: storeWith({ getObject }) }), 'GET', '/bucket/k');
  expect([answer.status, answer.text]).toEqual([500, expect.stringContaining('<Code>InternalError</Code>')]);
  expect(answer.text).not.toContain('secret');
});

test('data lost before the first byte is an error with a status', async () => {
  const { store, counts } = readingStore(100, async function* () {
    yield* [];
    throw new StoreError('DataLost', '3 of 4 shards are missing');
  });
  const answer = await sendRaw(await start({ store }), 'GET', '/bucket/k');
  expect([answer.status, answer.text]).toEqual([500, expect.stringContaining('3 of 4 shards are missing')]);
  expect(answer.headers.etag).toBeUndefined();
  expect(counts).toEqual({ pulled: 0, opened: 1, closed: 1 });
});

/** Whether the client got a complete answer, and how much it got. */
async function download(on: MemoryTarget): Promise<{ status: number; bytes: number; complete: boolean }> {
  const path = '/bucket/k';
  return new Promise((resolve) => {
    const { hostname, port } = new URL(on.endpoint);
    const headers = signedHeaders(on, 'GET', path);
    get({ hostname, port, path, headers, agent: false }, (incoming) => {
      let bytes = 0;
      incoming.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      incoming.on('error', () => undefined);
      incoming.on('close', () => resolve({ status: incoming.statusCode!, bytes, complete: incoming.complete }));
    });
  });
}

test('data lost in the middle cuts the answer, so that the client knows', async () => {
  const { store, counts } = readingStore(200_000, async function* () {
    yield Buffer.alloc(100_000);
    throw new StoreError('DataLost', 'the second stripe cannot be rebuilt');
  });
  const on = await start({ store });
  expect(await download(on)).toMatchObject({ status: 200, complete: false });
  expect(counts).toEqual({ pulled: 1, opened: 1, closed: 1 });
  expect(on.observations).toEqual([expect.objectContaining({ operation: 'GetObject', status: 500 })]);
});

test.each([
  ['fewer', 1],
  ['more', 3],
])('a store that gives %s bytes than it said is cut too', async (_, pieceCount) => {
  const { store, counts } = readingStore(200_000, async function* () {
    for (let i = 0; i < pieceCount; i++) yield Buffer.alloc(90_000);
  });
  expect(await download(await start({ store }))).toMatchObject({ status: 200, complete: false });
  expect(counts.closed).toBe(1);
});

test('a bucket, key or upload of an error is named in its document', async () => {
  const on = await start({});
  expect((await sendRaw(on, 'GET', '/nowhere/k')).text).toContain('<BucketName>nowhere</BucketName>');
  await sendRaw(on, 'PUT', '/bucket');
  expect((await sendRaw(on, 'GET', '/bucket/a%3Cb')).text).toContain('<Key>a&lt;b</Key>');
  expect((await sendRaw(on, 'GET', '/bucket/k?uploadId=x')).text).toContain('<UploadId>x</UploadId>');
});

test('more than 5 GiB cannot be copied in one piece, and nothing is read', async () => {
  const { store, counts } = readingStore(5 * 1024 ** 3 + 1, async function* () {
    yield Buffer.alloc(1);
  });
  const on = await start({ store });
  const headers = { 'x-amz-copy-source': '/bucket/source' };
  const answer = await sendRaw(on, 'PUT', '/bucket/k', { headers });
  expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('<Code>InvalidRequest</Code>')]);
  expect(counts.opened).toBe(0);
});

test('parts of more than 5 TiB together make no object', async () => {
  const gibibytes = (count: number) => ({ ...objectInfo(count * 1024 ** 3), partNumber: 1 });
  let sealed = 0;
  const completeUpload: ObjectStore['completeUpload'] = async (_bucket, _key, _id, _parts, _min, seal) => {
    const upload = { key: 'k', uploadId: '', startedMs: 0, metadata: { headers: {}, user: {} } };
    const parts = Array.from({ length: 1025 }, () => gibibytes(5));
    seal(parts.slice(1), { ...upload, checksumAlgorithm: null, checksumType: null });
    sealed++;
    seal(parts, { ...upload, checksumAlgorithm: null, checksumType: null });
    sealed++;
    return objectInfo(0);
  };
  const on = await start({ store: storeWith({ completeUpload }) });
  const body = completeXml([{ partNumber: 1, etag: '0' }]);
  const answer = await sendRaw(on, 'POST', `/bucket/k?uploadId=${'0'.repeat(32)}`, { body });
  expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('<Code>EntityTooLarge</Code>')]);
  expect(sealed).toBe(1);
});

test('an observer that throws costs one connection and not the process', async () => {
  let observed = 0;
  const observe = () => {
    observed++;
    if (observed === 1) throw new Error('the metrics are broken');
  };
  const on = await start({ overrides: { observe } });
  await sendRaw(on, 'PUT', '/bucket').catch(() => undefined);
  expect((await sendRaw(on, 'HEAD', '/bucket')).status).toBe(200);
  expect(observed).toBe(2);
});
