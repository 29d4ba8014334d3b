// DeleteObjects: many keys in one request, each with its own outcome.
import { createHash } from 'node:crypto';
import { DeleteObjectsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { Suite } from './target.ts';

export function deletions({ client, bucket, raw }: Suite): void {
  const remove = (name: string, body: string, headers?: Record<string, string>) =>
    raw('POST', `/${name}?delete`, {
      body,
      headers: headers ?? { 'content-md5': createHash('md5').update(body).digest('base64') },
    });
  const put = (Bucket: string, Key: string) => client().send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));

  test('keys that are there and keys that are not are all reported deleted', async () => {
    const Bucket = await bucket();
    const keys = ['a', 'b/c', 'ü & <ö>', '', ' spaced '].filter((key) => key !== '');
    for (const Key of keys) await put(Bucket, Key);
    const all = [...keys, 'never-there'];
    const done = await client().send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: all.map((Key) => ({ Key })) } }),
    );
    expect(done.Deleted?.map(({ Key }) => Key)).toEqual(all);
    expect(done.Errors).toBeUndefined();
    expect((await raw('GET', `/${Bucket}`)).text).not.toContain('<Contents>');
  });

  test('a thousand keys go in one request, one more is MalformedXML', async () => {
    const Bucket = await bucket();
    const Objects = Array.from({ length: 1000 }, (_, i) => ({ Key: `key-${i}` }));
    await Promise.all(Objects.slice(0, 50).map(({ Key }) => put(Bucket, Key)));
    const done = await client().send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(done.Deleted?.length).toBe(1000);
    await put(Bucket, 'kept');
    const tooMany = [...Objects, { Key: 'kept' }].map(({ Key }) => `<Object><Key>${Key}</Key></Object>`).join('');
    const refused = await remove(Bucket, `<Delete>${tooMany}</Delete>`);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>MalformedXML</Code>')]);
    expect((await raw('HEAD', `/${Bucket}/kept`)).status).toBe(200);
  });

  test('Quiet reports errors only', async () => {
    const Bucket = await bucket();
    await put(Bucket, 'k');
    const tooLong = 'x'.repeat(1025);
    const body = `<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object><Object><Key>${tooLong}</Key></Object></Delete>`;
    const done = await remove(Bucket, body);
    expect([done.status, done.text]).toEqual([200, expect.stringContaining('<Code>KeyTooLongError</Code>')]);
    expect(done.text).not.toContain('<Deleted>');
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
  });

  test('the error of one key does not touch the others', async () => {
    const Bucket = await bucket();
    for (const key of ['tagged', 'plain', 'versioned']) await put(Bucket, key);
    const done = await client().send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: {
          Objects: [
            { Key: 'tagged', ETag: '"00000000000000000000000000000000"' },
            { Key: 'plain', VersionId: 'null' },
            { Key: 'versioned', VersionId: 'some-other-version' },
          ],
        },
      }),
    );
    expect(done.Deleted?.map(({ Key }) => Key)).toEqual(['plain']);
    expect(done.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([
      ['tagged', 'PreconditionFailed'],
      ['versioned', 'InvalidArgument'],
    ]);
    expect((await raw('HEAD', `/${Bucket}/tagged`)).status).toBe(200);
    expect((await raw('HEAD', `/${Bucket}/versioned`)).status).toBe(200);
    expect((await raw('HEAD', `/${Bucket}/plain`)).status).toBe(404);
  });

  test('keys with markup, control characters and references are read to the letter', async () => {
    const Bucket = await bucket();
    const keys = ['a&b', 'a<b', 'tab\there', 'line\nbreak', 'bell\u0007', 'snow☃', 'emoji😀'];
    for (const Key of keys) await put(Bucket, Key);
    const body = `<Delete>${[
      'a&amp;b',
      'a&lt;b',
      'tab&#9;here',
      'line&#xA;break',
      'bell&#7;',
      'snow&#x2603;',
      'emoji&#x1F600;',
    ]
      .map((key) => `<Object><Key>${key}</Key></Object>`)
      .join('')}</Delete>`;
    expect((await remove(Bucket, body)).status).toBe(200);
    expect((await raw('GET', `/${Bucket}`)).text).not.toContain('<Contents>');
  });

  test('without Content-MD5 and without a checksum the request is refused', async () => {
    const Bucket = await bucket();
    await put(Bucket, 'k');
    const refused = await remove(Bucket, '<Delete><Object><Key>k</Key></Object></Delete>', {});
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>InvalidRequest</Code>')]);
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(200);
  });

  test.each([
    '',
    '<Delete></Delete>',
    '<Delete><Object></Object></Delete>',
    '<Delete><Object><Key></Key></Object></Delete>',
    '<Delete><Object><Key>k</Key></Object>',
    '<Delete><Object><Key>k</Key></Object></Delete><Delete/>',
    '<Delete><Object><Key>k</Key><Key>l</Key></Object></Delete>',
    '<Delete><Quiet>perhaps</Quiet><Object><Key>k</Key></Object></Delete>',
    '<Remove><Object><Key>k</Key></Object></Remove>',
    '<Delete><Object><Key>k&nbsp;</Key></Object></Delete>',
    '<Delete><Object><Key>k & l</Key></Object></Delete>',
    '<Delete><Object><Key>k&#0;</Key></Object></Delete>',
    '<!DOCTYPE d [<!ENTITY k "k">]><Delete><Object><Key>&k;</Key></Object></Delete>',
    '<Delete><Object><Key><![CDATA[k]]></Key></Object></Delete>',
    '<Delete><Object><Key>k</key></Object></Delete>',
    'not xml at all',
  ])('the document %j is refused and nothing is deleted', async (body) => {
    const Bucket = await bucket();
    await put(Bucket, 'k');
    const refused = await remove(Bucket, body);
    expect(refused.status).toBe(400);
    expect(refused.text).toMatch(/<Code>(MalformedXML|MissingRequestBodyError)<\/Code>/);
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(200);
  });

  test('a document that is too large is refused', async () => {
    const Bucket = await bucket();
    const refused = await remove(Bucket, `<Delete><!--${'x'.repeat(9_000_000)}--></Delete>`);
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('<Code>MaxMessageLengthExceeded</Code>'),
    ]);
  });

  test('a bucket that is not there is an error of the whole request', async () => {
    const refused = await remove('no-such-bucket-anywhere', '<Delete><Object><Key>k</Key></Object></Delete>');
    expect([refused.status, refused.text]).toEqual([404, expect.stringContaining('<Code>NoSuchBucket</Code>')]);
  });
}
