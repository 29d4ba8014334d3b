// Listings of objects, both versions, and of object versions: order, prefixes, delimiters, pages.
import {
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { Suite } from './target.ts';

export function listings({ client, bucket, raw }: Suite): void {
  const fill = async (keys: readonly string[]) => {
    const Bucket = await bucket();
    await Promise.all(keys.map((Key) => client().send(new PutObjectCommand({ Bucket, Key, Body: Key }))));
    return Bucket;
  };
  const keysOf = (page: { Contents?: { Key?: string | undefined }[] | undefined }) =>
    (page.Contents ?? []).map(({ Key }) => Key);
  const prefixesOf = (page: { CommonPrefixes?: { Prefix?: string | undefined }[] | undefined }) =>
    (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix);

  /** All entries in the order of their pages, read through both versions and the versions listing, which must agree. */
  const walk = async (input: Omit<ListObjectsV2CommandInput, 'Bucket'> & { Bucket: string }) => {
    const v2: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client().send(new ListObjectsV2Command({ ...input, ContinuationToken }));
      const rows = [...keysOf(page), ...prefixesOf(page)];
      expect(page.KeyCount).toBe(rows.length);
      expect(rows.length).toBeLessThanOrEqual(input.MaxKeys ?? 1000);
      v2.push(...rows.sort());
      ContinuationToken = page.NextContinuationToken;
      expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
    } while (ContinuationToken !== undefined);

    const v1: (string | undefined)[] = [];
    let Marker = input.StartAfter;
    let more = true;
    while (more) {
      const page = await client().send(new ListObjectsCommand({ ...input, Marker }));
      const rows = [...keysOf(page), ...prefixesOf(page)].sort();
      v1.push(...rows);
      more = page.IsTruncated === true;
      if (more) Marker = page.NextMarker ?? rows.at(-1);
    }
    const versions: (string | undefined)[] = [];
    let KeyMarker = input.StartAfter;
    do {
      const page = await client().send(new ListObjectVersionsCommand({ ...input, KeyMarker }));
      versions.push(...[...(page.Versions ?? []).map(({ Key }) => Key), ...prefixesOf(page)].sort());
      KeyMarker = page.NextKeyMarker;
    } while (KeyMarker !== undefined);
    expect(v1).toEqual(v2);
    expect(versions).toEqual(v2);
    return v2;
  };

  test('an empty bucket has an empty listing', async () => {
    const Bucket = await bucket();
    expect(await walk({ Bucket })).toEqual([]);
  });

  test('keys come in the order of their UTF-8 bytes', async () => {
    // U+FF61 sorts before U+10000 in UTF-8 and after it in UTF-16.
    const keys = ['a', 'B', 'a/b', 'a b', 'é', '\u{10000}', '\uff61', '~', '0'];
    const Bucket = await fill(keys);
    const page = await client().send(new ListObjectsV2Command({ Bucket }));
    const inBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(keysOf(page)).toEqual(inBytes);
    expect(inBytes.slice(-2)).toEqual(['\uff61', '\u{10000}']);
  });

  test('an entry says size, tag, date and class, and the owner when asked', async () => {
    const Bucket = await fill(['k']);
    const { Contents } = await client().send(new ListObjectsV2Command({ Bucket }));
    expect(Contents).toEqual([
      expect.objectContaining({
        Key: 'k',
        Size: 1,
        StorageClass: 'STANDARD',
        ETag: '"8ce4b16b22b58894aa86c421e8759df3"',
      }),
    ]);
    expect(Contents?.[0]?.LastModified).toBeInstanceOf(Date);
    expect(Contents?.[0]?.Owner).toBeUndefined();
    const owned = await client().send(new ListObjectsV2Command({ Bucket, FetchOwner: true }));
    expect(owned.Contents?.[0]?.Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
    const first = await client().send(new ListObjectsCommand({ Bucket }));
    expect(first.Contents?.[0]?.Owner?.ID).toBe(owned.Contents?.[0]?.Owner?.ID);
  });

  test('a prefix selects, a delimiter rolls up', async () => {
    const Bucket = await fill(['a', 'a/1', 'a/2', 'a/b/3', 'ab', 'b/1', 'c']);
    expect(await walk({ Bucket, Prefix: 'a' })).toEqual(['a', 'a/1', 'a/2', 'a/b/3', 'ab']);
    expect(await walk({ Bucket, Prefix: 'none' })).toEqual([]);
    expect(await walk({ Bucket, Delimiter: '/' })).toEqual(['a', 'a/', 'ab', 'b/', 'c']);
    expect(await walk({ Bucket, Delimiter: '/', Prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/']);
    expect(await walk({ Bucket, Delimiter: '/', Prefix: 'a' })).toEqual(['a', 'a/', 'ab']);
    expect(await walk({ Bucket, Delimiter: 'b' })).toEqual(['a', 'a/1', 'a/2', 'a/b', 'ab', 'b', 'c']);
    expect(await walk({ Bucket, Delimiter: '/b/' })).toEqual(['a', 'a/1', 'a/2', 'a/b/', 'ab', 'b/1', 'c']);
  });

  test.each([1, 2, 3, 7])('pages of %i lose and repeat nothing, with and without a delimiter', async (MaxKeys) => {
    const keys = ['0', 'a/1', 'a/2', 'a/b/3', 'a/b/4', 'a0', 'b', 'c/1', 'c/2', 'd'];
    const Bucket = await fill(keys);
    expect(await walk({ Bucket, MaxKeys })).toEqual(keys);
    expect(await walk({ Bucket, MaxKeys, Delimiter: '/' })).toEqual(['0', 'a/', 'a0', 'b', 'c/', 'd']);
    expect(await walk({ Bucket, MaxKeys, Delimiter: '/', Prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/']);
  });

  test('a marker need not be a key, and what it rolls up to is not listed again', async () => {
    const Bucket = await fill(['a', 'b/1', 'b/2', 'c']);
    expect(await walk({ Bucket, StartAfter: 'a' })).toEqual(['b/1', 'b/2', 'c']);
    expect(await walk({ Bucket, StartAfter: 'aa' })).toEqual(['b/1', 'b/2', 'c']);
    expect(await walk({ Bucket, StartAfter: 'b/1' })).toEqual(['b/2', 'c']);
    expect(await walk({ Bucket, StartAfter: 'b', Delimiter: '/' })).toEqual(['b/', 'c']);
    expect(await walk({ Bucket, StartAfter: 'b/', Delimiter: '/' })).toEqual(['c']);
    expect(await walk({ Bucket, StartAfter: 'z' })).toEqual([]);
  });

  test('a page has at most a thousand entries, whatever is asked for', async () => {
    const Bucket = await fill(Array.from({ length: 1001 }, (_, i) => `k${String(i).padStart(4, '0')}`));
    for (const MaxKeys of [undefined, 1000, 5000]) {
      const page = await client().send(new ListObjectsV2Command({ Bucket, MaxKeys }));
      expect([page.KeyCount, page.MaxKeys, page.IsTruncated]).toEqual([1000, 1000, true]);
      const rest = await client().send(
        new ListObjectsV2Command({ Bucket, ContinuationToken: page.NextContinuationToken }),
      );
      expect(keysOf(rest)).toEqual(['k1000']);
    }
  });

  test('max-keys=0 is an empty page that is not truncated, of a bucket that must be there', async () => {
    const Bucket = await fill(['k']);
    const page = await client().send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
    expect([page.KeyCount, page.MaxKeys, page.IsTruncated, page.Contents]).toEqual([0, 0, false, undefined]);
    expect((await raw('GET', '/no-such-bucket-anywhere?max-keys=0')).status).toBe(404);
  });

  test('NextMarker comes with a delimiter only', async () => {
    const Bucket = await fill(['a', 'b', 'c']);
    const plain = await client().send(new ListObjectsCommand({ Bucket, MaxKeys: 1 }));
    expect([plain.IsTruncated, plain.NextMarker]).toEqual([true, undefined]);
    const rolled = await client().send(new ListObjectsCommand({ Bucket, MaxKeys: 1, Delimiter: '/' }));
    expect([rolled.IsTruncated, rolled.NextMarker]).toEqual([true, 'a']);
  });

  test('encoding-type=url encodes every name, and a client that decodes forms reads them back', async () => {
    const keys = ['a b', 'a+b', 'ü', 'bell\u0007', 'x/y%20z', "~!'()*"];
    const Bucket = await fill(keys);
    const page = await raw('GET', `/${Bucket}?list-type=2&encoding-type=url&prefix=&delimiter=%2B`);
    const names = [...page.text.matchAll(/<(?:Key|Prefix|Delimiter)>([^<]*)</g)].map(([, name]) => name!);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9%+\-._*/]*$/);
    const decoded = names.map((name) => decodeURIComponent(name.replaceAll('+', ' ')));
    expect(decoded).toEqual(expect.arrayContaining(['a b', 'a+', 'ü', 'bell\u0007', 'x/y%20z', "~!'()*", '+']));
    expect(page.text).toContain('<EncodingType>url</EncodingType>');
  });

  test('without encoding-type, markup and control characters in keys stay inside their element', async () => {
    const keys = ['a&b', '<Key>', 'quote"\'', 'tab\there', 'line\nbreak', 'carriage\rreturn', 'bell\u0007'];
    const Bucket = await fill(keys);
    const { text } = await raw('GET', `/${Bucket}?list-type=2`);
    const names = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name]) => name);
    expect(names.sort()).toEqual(
      [
        'a&amp;b',
        '&lt;Key&gt;',
        'quote&quot;&apos;',
        'tab&#x9;here',
        'line&#xa;break',
        'carriage&#xd;return',
        'bell&#x7;',
      ].sort(),
    );
  });

  test.each([
    ['max-keys=-1'],
    ['max-keys=many'],
    ['max-keys=2147483648'],
    ['encoding-type=base64'],
    ['list-type=3'],
    ['list-type=2&continuation-token='],
    ['list-type=2&continuation-token=k0001'],
    ['prefix=%00'],
  ])('%s is InvalidArgument', async (query) => {
    const refused = await raw('GET', `/${await bucket()}?${query}`);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
  });

  test('a version listing gives each object one version, the latest, called null', async () => {
    const Bucket = await fill(['a', 'b']);
    const page = await client().send(new ListObjectVersionsCommand({ Bucket }));
    expect(page.Versions?.map(({ Key, VersionId, IsLatest, Size }) => ({ Key, VersionId, IsLatest, Size }))).toEqual([
      { Key: 'a', VersionId: 'null', IsLatest: true, Size: 1 },
      { Key: 'b', VersionId: 'null', IsLatest: true, Size: 1 },
    ]);
    expect(page.DeleteMarkers).toBeUndefined();
  });

  test('a listing of what is not there is NoSuchBucket', async () => {
    for (const query of ['', '?list-type=2', '?versions', '?uploads']) {
      const refused = await raw('GET', `/no-such-bucket-anywhere${query}`);
      expect([query, refused.status, refused.text]).toEqual([query, 404, expect.stringContaining('NoSuchBucket')]);
    }
  });
}
