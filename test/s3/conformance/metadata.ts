// System headers, user metadata and the overrides of a GET.
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { failure, type Suite } from './target.ts';

export function metadata({ client, bucket, raw }: Suite): void {
  test('system headers and user metadata come back as they were given', async () => {
    const Bucket = await bucket();
    const given = {
      ContentType: 'text/plain; charset="utf-8"',
      CacheControl: 'max-age=60, private',
      ContentDisposition: 'attachment; filename="a b.txt"',
      ContentLanguage: 'en-GB, de',
      ContentEncoding: 'identity',
    };
    const Metadata = { colour: 'red', 'with-hyphen': '1', number: '007' };
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ...given, Metadata }));
    const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect(head).toMatchObject({ ...given, Metadata });
    const got = await client().send(new GetObjectCommand({ Bucket, Key: 'k' }));
    await got.Body?.transformToString();
    expect(got).toMatchObject({ ...given, Metadata });
  });

  test('Expires is kept to the letter, even when it is no date', async () => {
    const Bucket = await bucket();
    for (const expires of ['Thu, 01 Dec 1994 16:00:00 GMT', '0']) {
      await raw('PUT', `/${Bucket}/k`, { body: 'x', headers: { expires } });
      expect((await raw('HEAD', `/${Bucket}/k`)).headers.expires).toBe(expires);
    }
  });

  test('an object without a type is binary/octet-stream', async () => {
    const Bucket = await bucket();
    await raw('PUT', `/${Bucket}/k`, { body: 'x' });
    expect((await raw('HEAD', `/${Bucket}/k`)).headers['content-type']).toBe('binary/octet-stream');
  });

  test('any Content-Type is kept, also one that no parser knows', async () => {
    const Bucket = await bucket();
    for (const type of ['application/json', 'nonsense', 'text/plain;;', 'application/x-www-form-urlencoded']) {
      const put = await raw('PUT', `/${Bucket}/k`, { body: '{', headers: { 'content-type': type } });
      expect([type, put.status]).toEqual([type, 200]);
      const got = await raw('GET', `/${Bucket}/k`);
      expect([got.headers['content-type'], got.text]).toEqual([type, '{']);
    }
  });

  test('aws-chunked is taken off the content encoding, other codings stay', async () => {
    const Bucket = await bucket();
    for (const [sent, kept] of [
      ['aws-chunked', undefined],
      ['aws-chunked,gzip', 'gzip'],
      ['gzip, aws-chunked', 'gzip'],
      ['gzip', 'gzip'],
    ] as const) {
      await raw('PUT', `/${Bucket}/k`, { body: 'x', headers: { 'content-encoding': sent } });
      expect([sent, (await raw('HEAD', `/${Bucket}/k`)).headers['content-encoding']]).toEqual([sent, kept]);
    }
  });

  test('metadata that is not ASCII keeps its bytes', async () => {
    const Bucket = await bucket();
    const value = Buffer.from('Köln ☃', 'utf8').toString('latin1');
    await raw('PUT', `/${Bucket}/k`, { body: 'x', headers: { 'x-amz-meta-town': value } });
    const head = await raw('HEAD', `/${Bucket}/k`);
    expect(Buffer.from(String(head.headers['x-amz-meta-town']), 'latin1').toString('utf8')).toBe('Köln ☃');
  });

  test('2 KiB of user metadata are accepted, one byte more is MetadataTooLarge and stores nothing', async () => {
    const Bucket = await bucket();
    const fits = { 'x-amz-meta-a': 'v'.repeat(1023), 'x-amz-meta-b': 'v'.repeat(1023) };
    expect((await raw('PUT', `/${Bucket}/k`, { body: 'x', headers: fits })).status).toBe(200);
    const over = { ...fits, 'x-amz-meta-b': 'v'.repeat(1024) };
    const refused = await raw('PUT', `/${Bucket}/other`, { body: 'x', headers: over });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>MetadataTooLarge</Code>')]);
    expect((await raw('HEAD', `/${Bucket}/other`)).status).toBe(404);
  });

  test('response-* parameters replace headers of the answer and nothing that is stored', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ContentType: 'text/plain' }));
    const got = await client().send(
      new GetObjectCommand({
        Bucket,
        Key: 'k',
        ResponseContentType: 'text/html',
        ResponseContentDisposition: 'attachment; filename="Übersicht.html"',
        ResponseCacheControl: 'no-store',
        ResponseContentLanguage: 'de',
        ResponseContentEncoding: 'identity',
        ResponseExpires: new Date('2030-01-01T00:00:00Z'),
      }),
    );
    await got.Body?.transformToString();
    expect(got).toMatchObject({
      ContentType: 'text/html',
      CacheControl: 'no-store',
      ContentLanguage: 'de',
      ContentEncoding: 'identity',
      ExpiresString: 'Tue, 01 Jan 2030 00:00:00 GMT',
    });
    expect(Buffer.from(got.ContentDisposition!, 'latin1').toString('utf8')).toContain('Übersicht.html');
    const after = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect([after.ContentType, after.CacheControl]).toEqual(['text/plain', undefined]);
  });

  test('a response-* parameter cannot forge a header', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    const call = client().send(new GetObjectCommand({ Bucket, Key: 'k', ResponseContentType: 'a\r\nset-cookie: b' }));
    expect(await failure(call)).toEqual({ code: 'InvalidArgument', status: 400 });
  });
}
