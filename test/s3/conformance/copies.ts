// CopyObject: the bytes, the metadata, the conditions on the source.
import { createHash } from 'node:crypto';
import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { PART_BYTES_MIN, uploadParts } from './multipart-steps.ts';
import { bytesOf, failure, type Suite } from './target.ts';

const OTHER = '"00000000000000000000000000000000"';
const md5 = (data: Uint8Array | string) => createHash('md5').update(data).digest('hex');

export function copies({ client, bucket, raw }: Suite): void {
  test.each([0, 11, 9000, 3_000_001])(
    '%i bytes are copied with their metadata, within and between buckets',
    async (size) => {
      const [from, to] = [await bucket(), await bucket()];
      const Body = Buffer.alloc(size, 'copied ');
      const ContentType = 'text/x-copied';
      await client().send(new PutObjectCommand({ Bucket: from, Key: 'a', Body, ContentType, Metadata: { m: '1' } }));
      for (const [Bucket, Key] of [
        [from, 'b'],
        [to, 'a'],
      ] as const) {
        const done = await client().send(new CopyObjectCommand({ Bucket, Key, CopySource: `${from}/a` }));
        expect(done.CopyObjectResult?.ETag).toBe(`"${md5(Body)}"`);
        const got = await client().send(new GetObjectCommand({ Bucket, Key }));
        expect(md5(await bytesOf(got.Body))).toBe(md5(Body));
        expect(got).toMatchObject({ ContentType, Metadata: { m: '1' }, LastModified: expect.any(Date) });
      }
    },
  );

  test('REPLACE takes the metadata of the request, COPY keeps that of the source', async () => {
    const Bucket = await bucket();
    await client().send(
      new PutObjectCommand({ Bucket, Key: 'a', Body: 'x', ContentType: 'a/a', Metadata: { m: '1' } }),
    );
    const copy = (Key: string, MetadataDirective: 'COPY' | 'REPLACE') =>
      client().send(
        new CopyObjectCommand({
          Bucket,
          Key,
          CopySource: `${Bucket}/a`,
          MetadataDirective,
          ContentType: 'b/b',
          Metadata: { n: '2' },
        }),
      );
    await copy('kept', 'COPY');
    await copy('replaced', 'REPLACE');
    const head = (Key: string) => client().send(new HeadObjectCommand({ Bucket, Key }));
    expect(await head('kept')).toMatchObject({ ContentType: 'a/a', Metadata: { m: '1' } });
    expect(await head('replaced')).toMatchObject({ ContentType: 'b/b', Metadata: { n: '2' } });
    const unknown = await raw('PUT', `/${Bucket}/c`, {
      headers: { 'x-amz-copy-source': `/${Bucket}/a`, 'x-amz-metadata-directive': 'MERGE' },
    });
    expect([unknown.status, unknown.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
  });

  test('an object is copied onto itself only to change its metadata', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'same bytes', Metadata: { m: '1' } }));
    const copy = (MetadataDirective: 'COPY' | 'REPLACE') =>
      client().send(
        new CopyObjectCommand({ Bucket, Key: 'a', CopySource: `${Bucket}/a`, MetadataDirective, Metadata: { n: '2' } }),
      );
    expect(await failure(copy('COPY'))).toEqual({ code: 'InvalidRequest', status: 400 });
    await copy('REPLACE');
    const got = await client().send(new GetObjectCommand({ Bucket, Key: 'a' }));
    expect([await got.Body?.transformToString(), got.Metadata]).toEqual(['same bytes', { n: '2' }]);
  });

  test('the source may be any key, with or without a leading slash, and name its only version', async () => {
    const Bucket = await bucket();
    const keys = ['with space', 'a+b', 'ü/☃', 'per%20cent', 'q?x=1', '//slashes', 'a&b=c;d'];
    for (const key of keys) {
      await client().send(new PutObjectCommand({ Bucket, Key: key, Body: key }));
      const encoded = key.split('/').map(encodeURIComponent).join('/');
      for (const source of [`${Bucket}/${encoded}`, `/${Bucket}/${encoded}?versionId=null`]) {
        const copied = await raw('PUT', `/${Bucket}/copy`, { headers: { 'x-amz-copy-source': source } });
        expect([source, copied.status]).toEqual([source, 200]);
        expect((await raw('GET', `/${Bucket}/copy`)).text).toBe(key);
      }
    }
  });

  test('what cannot be a source, or is not there, is refused', async () => {
    const Bucket = await bucket();
    const refused = async (source: string) => {
      const answer = await raw('PUT', `/${Bucket}/copy`, { headers: { 'x-amz-copy-source': source } });
      return [answer.status, /<Code>(\w+)<\/Code>/.exec(answer.text)?.[1]];
    };
    expect(await refused('no-slash')).toEqual([400, 'InvalidArgument']);
    expect(await refused(`/${Bucket}/`)).toEqual([400, 'InvalidArgument']);
    expect(await refused(`/${Bucket}/none`)).toEqual([404, 'NoSuchKey']);
    expect(await refused('/no-such-bucket-anywhere/k')).toEqual([404, 'NoSuchBucket']);
    expect(await refused(`/${Bucket}/none?versionId=abc`)).toEqual([400, 'InvalidArgument']);
    expect(await refused('/UPPER/k')).toEqual([400, 'InvalidBucketName']);
    expect((await raw('HEAD', `/${Bucket}/copy`)).status).toBe(404);
  });

  test('conditions on the source: all of them answer 412, a tag beats the date of the same sense', async () => {
    const Bucket = await bucket();
    const { ETag } = await client().send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' }));
    const [earlier, later] = [
      new Date(Date.now() - 3_600_000).toUTCString(),
      new Date(Date.now() + 3_600_000).toUTCString(),
    ];
    const status = async (conditions: Record<string, string>) => {
      const headers: Record<string, string> = { 'x-amz-copy-source': `${Bucket}/a` };
      for (const [name, value] of Object.entries(conditions)) headers[`x-amz-copy-source-if-${name}`] = value;
      return (await raw('PUT', `/${Bucket}/copy`, { headers })).status;
    };
    expect(await status({ match: ETag! })).toBe(200);
    expect(await status({ match: OTHER })).toBe(412);
    expect(await status({ 'none-match': ETag! })).toBe(412);
    expect(await status({ 'none-match': OTHER })).toBe(200);
    expect(await status({ 'modified-since': earlier })).toBe(200);
    expect(await status({ 'modified-since': later })).toBe(412);
    expect(await status({ 'unmodified-since': earlier })).toBe(412);
    expect(await status({ match: ETag!, 'unmodified-since': earlier })).toBe(200);
    expect(await status({ 'none-match': ETag!, 'modified-since': earlier })).toBe(412);
  });

  test('the destination can be guarded with If-None-Match: *', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'new' }));
    await client().send(new PutObjectCommand({ Bucket, Key: 'b', Body: 'old' }));
    const headers = { 'x-amz-copy-source': `${Bucket}/a`, 'if-none-match': '*' };
    expect((await raw('PUT', `/${Bucket}/b`, { headers })).status).toBe(412);
    expect((await raw('GET', `/${Bucket}/b`)).text).toBe('old');
    expect((await raw('PUT', `/${Bucket}/c`, { headers })).status).toBe(200);
  });

  test('the copy of a multipart object is one object with the MD5 of its bytes', async () => {
    const Bucket = await bucket();
    const parts = [Buffer.alloc(PART_BYTES_MIN, 'a'), Buffer.from('b')];
    expect(await uploadParts(client(), Bucket, 'a', parts)).toMatch(/-2"$/);
    const done = await client().send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    expect(done.CopyObjectResult?.ETag).toBe(`"${md5(Buffer.concat(parts))}"`);
    expect((await raw('GET', `/${Bucket}/b?partNumber=2`)).status).toBe(416);
  });

  test('the checksum of the source goes with the copy, and another can be asked for', async () => {
    const Bucket = await bucket();
    const { ChecksumSHA256 } = await client().send(
      new PutObjectCommand({ Bucket, Key: 'a', Body: 'x', ChecksumAlgorithm: 'SHA256' }),
    );
    const same = await client().send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    expect(same.CopyObjectResult?.ChecksumSHA256).toBe(ChecksumSHA256);
    const other = await client().send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/a`, ChecksumAlgorithm: 'CRC32' }),
    );
    expect(other.CopyObjectResult).toMatchObject({ ChecksumCRC32: 'jNwWgw==', ChecksumType: 'FULL_OBJECT' });
    const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'c', ChecksumMode: 'ENABLED' }));
    expect([head.ChecksumCRC32, head.ChecksumSHA256]).toEqual(['jNwWgw==', undefined]);
  });
}
