// Bodies that come as they are: lengths, signed payloads, Content-MD5, checksums in headers.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { PayloadRule } from '../../node/s3/auth/authentication.ts';
import { openBody, readBody } from '../../node/s3/body/body.ts';
import { headers, pieces, readAll, UNSIGNED } from './body-fixture.ts';

const HELLO_MD5 = '5d41402abc4b2a76b9719d911017c592';
const HELLO_SHA256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

const signed = (sha256: string): PayloadRule => ({ kind: 'signed', sha256 });

test('a body gives its bytes, its length, and its MD5 as the tag', async () => {
  const body = openBody(pieces('hel', 'lo'), headers({ 'content-length': 5 }), UNSIGNED);
  expect(body.sizeBytes).toBe(5);
  expect((await readBody(body, 5)).toString()).toBe('hello');
  const { digest } = await readAll(pieces('hel', 'lo'), headers({ 'content-length': 5 }), UNSIGNED);
  expect(digest).toEqual({ etag: HELLO_MD5, checksums: {} });
});

test('an empty body has the tag of nothing', async () => {
  const { digest } = await readAll(pieces(), headers({ 'content-length': 0 }), UNSIGNED);
  expect(digest).toEqual({ etag: 'd41d8cd98f00b204e9800998ecf8427e', checksums: {} });
});

test('sealing before the end is a mistake of the caller and gives no tag', () => {
  const body = openBody(pieces('hello'), headers({ 'content-length': 5 }), UNSIGNED);
  expect(() => body.seal()).toThrow('sealed after its last byte');
});

describe('length', () => {
  test.each<[string, Record<string, string>, PayloadRule]>([
    ['no Content-Length', {}, UNSIGNED],
    ['a transfer of unknown length', { 'transfer-encoding': 'chunked' }, UNSIGNED],
    ['aws-chunked without x-amz-decoded-content-length', { 'content-length': '5' }, { kind: 'chunks-unsigned' }],
    ['aws-chunked without any framing', { 'x-amz-decoded-content-length': '5' }, { kind: 'chunks-unsigned' }],
  ])('%s is MissingContentLength, 411', async (_, values, payload) => {
    const { error } = await readAll(pieces('hello'), headers(values), payload);
    expect([error?.code, error?.status]).toEqual(['MissingContentLength', 411]);
  });

  test('aws-chunked in a transfer of unknown length is fine', async () => {
    const { received } = await readAll(
      pieces('5\r\nhello\r\n0\r\n\r\n'),
      headers({ 'transfer-encoding': 'chunked', 'x-amz-decoded-content-length': 5 }),
      { kind: 'chunks-unsigned' },
    );
    expect(received.toString()).toBe('hello');
  });

  test.each([
    ['shorter', 6],
    ['longer', 4],
  ])('a body %s than its Content-Length is IncompleteBody with both numbers', async (_, contentLength) => {
    const { error } = await readAll(pieces('hel', 'lo'), headers({ 'content-length': contentLength }), UNSIGNED);
    expect([error?.code, error?.status]).toEqual(['IncompleteBody', 400]);
    expect(error?.details).toEqual({ NumberBytesExpected: String(contentLength), NumberBytesProvided: '5' });
  });

  test.each(['abc', '-1', '1e3', '99999999999999999'])('a Content-Length of %s is InvalidRequest', async (value) => {
    const { error } = await readAll(pieces(), headers({ 'content-length': value }), UNSIGNED);
    expect(error?.message).toBe('Value for content-length header is invalid.');
  });

  test('5 GiB is allowed and one byte more is EntityTooLarge with both numbers', async () => {
    const limit = 5 * 1024 ** 3;
    expect(openBody(pieces(), headers({ 'content-length': limit }), UNSIGNED).sizeBytes).toBe(limit);
    const { error } = await readAll(pieces(), headers({ 'content-length': limit + 1 }), UNSIGNED);
    expect(error?.code).toBe('EntityTooLarge');
    expect(error?.details).toEqual({ ProposedSize: '5368709121', MaxSizeAllowed: '5368709120' });
  });

  test('a document longer than allowed is refused unread, and one that lies about it while it is read', async () => {
    const tooLong = openBody(pieces('hello'), headers({ 'content-length': 5 }), UNSIGNED);
    await expect(readBody(tooLong, 4)).rejects.toMatchObject({
      code: 'MaxMessageLengthExceeded',
      details: { MaxMessageLengthBytes: '4' },
    });
    const lying = { stream: pieces('hello'), sizeBytes: null, seal: () => ({ etag: '', checksums: {} }) };
    await expect(readBody(lying, 4)).rejects.toMatchObject({ code: 'MaxMessageLengthExceeded' });
  });
});

describe('signed payload', () => {
  test('with the right SHA-256 is accepted', async () => {
    const { digest } = await readAll(pieces('hello'), headers({ 'content-length': 5 }), signed(HELLO_SHA256));
    expect(digest?.etag).toBe(HELLO_MD5);
  });

  test('with another SHA-256 is XAmzContentSHA256Mismatch with both values', async () => {
    const { digest, error } = await readAll(pieces('jello'), headers({ 'content-length': 5 }), signed(HELLO_SHA256));
    expect(digest).toBeNull();
    expect(error?.code).toBe('XAmzContentSHA256Mismatch');
    expect(error?.details).toEqual({
      ClientComputedContentSHA256: HELLO_SHA256,
      S3ComputedContentSHA256: createHash('sha256').update('jello').digest('hex'),
    });
  });

  test('cannot announce a trailer', async () => {
    const { error } = await readAll(
      pieces('hello'),
      headers({ 'content-length': 5, 'x-amz-trailer': 'x-amz-checksum-crc32' }),
      signed(HELLO_SHA256),
    );
    expect(error?.code).toBe('InvalidRequest');
  });
});

describe('Content-MD5', () => {
  const read = (md5: string) =>
    readAll(pieces('hello'), headers({ 'content-length': 5, 'content-md5': md5 }), UNSIGNED);

  test('that is right is accepted', async () => {
    expect((await read(Buffer.from(HELLO_MD5, 'hex').toString('base64'))).error).toBeNull();
  });

  test('of something else is BadDigest with both values', async () => {
    const { error } = await read('AAAAAAAAAAAAAAAAAAAAAA==');
    expect(error?.code).toBe('BadDigest');
    expect(error?.details).toEqual({
      ExpectedDigest: 'AAAAAAAAAAAAAAAAAAAAAA==',
      CalculatedDigest: Buffer.from(HELLO_MD5, 'hex').toString('base64'),
    });
  });

  test.each(['', 'hello', HELLO_MD5, 'AAAA'])('of "%s", which is no MD5, is InvalidDigest', async (md5) => {
    const { error } = await read(md5);
    expect([error?.code, error?.details]).toEqual(['InvalidDigest', { 'Content-MD5': md5 }]);
  });
});

describe('checksum', () => {
  const CRC32 = 'NhCmhg==';

  test('in a header that is right is returned', async () => {
    const { digest } = await readAll(
      pieces('hello'),
      headers({ 'content-length': 5, 'x-amz-checksum-crc32': CRC32, 'x-amz-sdk-checksum-algorithm': 'CRC32' }),
      UNSIGNED,
    );
    expect(digest?.checksums).toEqual({ crc32: CRC32 });
  });

  test('SHA-256 of a signed payload is computed once and serves both', async () => {
    const value = Buffer.from(HELLO_SHA256, 'hex').toString('base64');
    const { digest } = await readAll(
      pieces('hello'),
      headers({ 'content-length': 5, 'x-amz-checksum-sha256': value }),
      signed(HELLO_SHA256),
    );
    expect(digest?.checksums).toEqual({ sha256: value });
  });

  test('in a header that is wrong is BadDigest', async () => {
    const { error } = await readAll(
      pieces('hello'),
      headers({ 'content-length': 5, 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' }),
      UNSIGNED,
    );
    expect(error?.code).toBe('BadDigest');
    expect(error?.message).toBe('The CRC64NVME you specified did not match the calculated checksum.');
  });

  test('of the upload is computed when the client sends none', async () => {
    const { digest } = await readAll(pieces('hello'), headers({ 'content-length': 5 }), UNSIGNED, {
      computeChecksum: 'crc32',
    });
    expect(digest?.checksums).toEqual({ crc32: CRC32 });
  });

  test('of another algorithm than the upload’s is InvalidRequest', async () => {
    const { error } = await readAll(
      pieces('hello'),
      headers({ 'content-length': 5, 'x-amz-checksum-crc32': CRC32 }),
      UNSIGNED,
      { computeChecksum: 'sha256' },
    );
    expect(error?.code).toBe('InvalidRequest');
    expect(error?.message).toBe(
      'Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32',
    );
  });
});

test('a client that is gone in the middle ends the iteration with its error, and there is no tag', async () => {
  async function* vanishing() {
    yield Buffer.from('hel');
    throw new Error('connection reset');
  }
  const body = openBody(vanishing(), headers({ 'content-length': 5 }), UNSIGNED);
  const read = async () => {
    for await (const _ of body.stream);
  };
  await expect(read()).rejects.toThrow('connection reset');
  expect(() => body.seal()).toThrow('sealed after its last byte');
});
