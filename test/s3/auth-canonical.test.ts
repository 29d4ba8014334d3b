// The canonical form where clients differ: any key, any metadata, any query, signed by the real AWS SDK; and by hand what the
// SDK never sends.
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalRequest, parseQuery } from '../../node/s3/auth/canonical.ts';
import { plainRequest } from '../../node/s3/auth/request.ts';
import { authenticatorAt, capturingClient, plain } from './auth-fixture.ts';

/** Keys that SDKs do not rewrite on their way: a "." or ".." segment would be. */
const anyKey = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((key) => !key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..'));
const anyHeaderText = fc.string({ unit: 'grapheme-ascii', maxLength: 30 });

const { client, captured } = capturingClient();

function principalOfLast(): string {
  const request = captured.pop()!;
  return authenticatorAt(request.signedAtMs).authenticate(plain(request)).principal;
}

test('whatever the key and the metadata, what the SDK signs is accepted', async () => {
  await fc.assert(
    fc.asyncProperty(anyKey, anyHeaderText, async (Key, color) => {
      await client.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'x', Metadata: { color } }));
      expect(principalOfLast()).toBe('alice');
    }),
  );
});

test('whatever the query, what the SDK signs is accepted', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(text, text, text, async (Prefix, Delimiter, StartAfter) => {
      await client.send(new ListObjectsV2Command({ Bucket: 'bucket', Prefix, Delimiter, StartAfter }));
      expect(principalOfLast()).toBe('alice');
    }),
  );
});

test('whatever the key, a URL that the SDK presigns is accepted', async () => {
  await fc.assert(
    fc.asyncProperty(anyKey, async (Key) => {
      const url = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: 'bucket', Key })));
      const request = plainRequest('GET', url.pathname + url.search, ['Host', url.host]);
      expect(authenticatorAt(Date.now()).authenticate(request).presigned).toBe(true);
    }),
    { numRuns: 50 },
  );
});

function canonicalLines(target: string, rawHeaders: string[] = [], signedHeaders: string[] = []): string[] {
  const request = plainRequest('GET', target, rawHeaders);
  return canonicalRequest(request, parseQuery(request.rawQuery), signedHeaders, 'HASH').split('\n');
}

describe('path', () => {
  test.each([
    ['/a/b', '/a/b', 'stays as it is'],
    ['', '/', 'is never empty'],
    ['/a//b/./../c', '/a//b/./../c', 'is not normalised'],
    ['/a%20b', '/a%20b', 'is not encoded twice'],
    ["/a(b)'*!", '/a%28b%29%27%2A%21', 'has everything but unreserved characters encoded'],
    ['/a+b', '/a%2Bb', 'has a plus as a plus'],
    ['/%c3%a4', '/%C3%A4', 'has upper-case escapes'],
    ['/\u00c3\u00a4', '/%C3%A4', 'may come with bare UTF-8 bytes'],
    ['/%7e%2e', '/~.', 'has unreserved characters bare'],
    ['/a%2Fb', '/a/b', 'has an escaped slash as a slash'],
    ['/%ff', '/%FF', 'need not be UTF-8'],
  ])('%s is %s: it %s', (path, canonical) => {
    expect(canonicalLines(path)[1]).toBe(canonical);
  });

  test.each(['/%', '/%2', '/%zz', '/?a=%f'])('%s is InvalidURI', (target) => {
    expect(() => canonicalLines(target)).toThrow(expect.objectContaining({ code: 'InvalidURI', status: 400 }));
  });
});

describe('query', () => {
  test.each([
    ['b=2&a=1', 'a=1&b=2', 'is sorted by name'],
    ['a=2&a=10&a=1', 'a=1&a=10&a=2', 'then by value'],
    ['acl', 'acl=', 'has an equals sign for a parameter without a value'],
    ['a=b=c', 'a=b%3Dc', 'ends a name at its first equals sign'],
    ['a=%20&b=+', 'a=%20&b=%20', 'has a plus as a space'],
    ['a=%2f', 'a=%2F', 'has slashes encoded'],
    ['A=1&a=1&_=1', 'A=1&_=1&a=1', 'is sorted by code point'],
    ['a%2Bb=1&a=1', 'a=1&a%2Bb=1', 'is sorted after encoding'],
    ['&a=1&&', 'a=1', 'has no empty parameters'],
    ['%C3%A4=%E2%82%AC', '%C3%A4=%E2%82%AC', 'may hold any UTF-8'],
  ])('%s is %s: it %s', (query, canonical) => {
    expect(canonicalLines(`/?${query}`)[2]).toBe(canonical);
  });
});

describe('headers', () => {
  test.each([
    [['X', ' a '], 'x:a', 'are trimmed'],
    [['X', 'a   b \t c'], 'x:a b c', 'have single spaces'],
    [['X', 'a', 'x', ' b '], 'x:a,b', 'are joined when repeated'],
    [['X', ''], 'x:', 'may be empty'],
    [[], 'x:', 'are empty when missing'],
    [['X', '\u00c3\u00a0'], 'x:\u00c3\u00a0', 'keep a byte that looks like a space in Latin-1'],
  ])('%j is %s: they %s', (rawHeaders, line) => {
    expect(canonicalLines('/', rawHeaders, ['x'])[3]).toBe(line);
  });

  test('appear in the order in which the client listed them', () => {
    expect(canonicalLines('/', ['B', '2', 'A', '1'], ['a', 'b']).slice(3)).toEqual(['a:1', 'b:2', '', 'a;b', 'HASH']);
  });
});
