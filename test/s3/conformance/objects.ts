// Objects: what was put is what is got, and what was not wholly received is nothing.
import { createHash, randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, test } from 'vitest';
import { bytesOf, failure, type Suite } from './target.ts';

const md5 = (data: Uint8Array | string) => createHash('md5').update(data).digest('hex');

export function objects({ client, bucket, raw }: Suite): void {
  test.each([0, 1, 4096, 8192, 8193, 1_048_576, 5_000_003])(
    'an object of %i bytes comes back as it was',
    async (size) => {
      const Bucket = await bucket();
      const Body = randomBytes(size);
      const put = await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body }));
      expect(put.ETag).toBe(`"${md5(Body)}"`);
      const got = await client().send(new GetObjectCommand({ Bucket, Key: 'k' }));
      expect(md5(await bytesOf(got.Body))).toBe(md5(Body));
      expect(got).toMatchObject({ ContentLength: size, ETag: put.ETag, AcceptRanges: 'bytes' });
      const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
      expect(head).toMatchObject({ ContentLength: size, ETag: put.ETag, LastModified: got.LastModified });
    },
  );

  test('a second PUT replaces body and metadata', async () => {
    const Bucket = await bucket();
    await client().send(
      new PutObjectCommand({ Bucket, Key: 'k', Body: 'first', ContentType: 'text/plain', Metadata: { a: '1' } }),
    );
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'second', Metadata: { b: '2' } }));
    const got = await client().send(new GetObjectCommand({ Bucket, Key: 'k' }));
    expect(await got.Body?.transformToString()).toBe('second');
    expect(got.Metadata).toEqual({ b: '2' });
    expect(got.ContentType).toBe('application/octet-stream');
  });

  test('what is not there is NoSuchKey, and NoSuchBucket when the bucket is not', async () => {
    const Bucket = await bucket();
    const missing = await raw('GET', `/${Bucket}/none`);
    expect([missing.status, missing.text]).toEqual([404, expect.stringContaining('<Code>NoSuchKey</Code>')]);
    expect(missing.text).toContain('<Key>none</Key>');
    const nowhere = await raw('GET', '/no-such-bucket-anywhere/none');
    expect([nowhere.status, nowhere.text]).toEqual([404, expect.stringContaining('<Code>NoSuchBucket</Code>')]);
    expect(nowhere.text).toContain('<BucketName>no-such-bucket-anywhere</BucketName>');
    expect(
      await failure(client().send(new PutObjectCommand({ Bucket: 'no-such-bucket-anywhere', Key: 'k', Body: 'x' }))),
    ).toEqual({
      code: 'NoSuchBucket',
      status: 404,
    });
  });

  test('HEAD of what is not there has the status and no body', async () => {
    const head = await raw('HEAD', `/${await bucket()}/none`);
    expect([head.status, head.body.length]).toEqual([404, 0]);
    expect(head.headers['x-amz-request-id']).toMatch(/./);
  });

  test('deleting makes an object absent; deleting it again succeeds', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    for (let i = 0; i < 2; i++) {
      const deleted = await client().send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
      expect(deleted.$metadata.httpStatusCode).toBe(204);
    }
    expect(await failure(client().send(new GetObjectCommand({ Bucket, Key: 'k' })))).toMatchObject({ status: 404 });
    expect(
      await failure(client().send(new DeleteObjectCommand({ Bucket: 'no-such-bucket-anywhere', Key: 'k' }))),
    ).toEqual({
      code: 'NoSuchBucket',
      status: 404,
    });
  });

  test('a wrong Content-MD5 is BadDigest and a malformed one InvalidDigest; the object stays as it was', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'before' }));
    const wrong = createHash('md5').update('other').digest('base64');
    const bad = await raw('PUT', `/${Bucket}/k`, { body: 'after', headers: { 'content-md5': wrong } });
    expect([bad.status, bad.text]).toEqual([400, expect.stringContaining('<Code>BadDigest</Code>')]);
    const malformed = await raw('PUT', `/${Bucket}/k`, { body: 'after', headers: { 'content-md5': 'no digest' } });
    expect([malformed.status, malformed.text]).toEqual([400, expect.stringContaining('<Code>InvalidDigest</Code>')]);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('before');
  });

  test('a body that is not the one that was signed is refused and changes nothing', async () => {
    const Bucket = await bucket();
    const response = await raw('PUT', `/${Bucket}/k`, {
      body: 'what came',
      payload: createHash('sha256').update('what was signed').digest('hex'),
    });
    expect([response.status, response.text]).toEqual([
      400,
      expect.stringContaining('<Code>XAmzContentSHA256Mismatch</Code>'),
    ]);
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
  });

  test('a PUT without a length is MissingContentLength', async () => {
    const response = await raw('PUT', `/${await bucket()}/k`, {
      headers: { 'transfer-encoding': 'chunked' },
      payload: 'UNSIGNED-PAYLOAD',
    });
    expect([response.status, response.text]).toEqual([
      411,
      expect.stringContaining('<Code>MissingContentLength</Code>'),
    ]);
  });

  test('more than 5 GiB in one PUT is EntityTooLarge before a byte is read', async () => {
    const response = await raw('PUT', `/${await bucket()}/k`, {
      headers: { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' },
      payload: 'UNSIGNED-PAYLOAD',
    });
    expect([response.status, response.text]).toEqual([400, expect.stringContaining('<Code>EntityTooLarge</Code>')]);
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'a %s checksum is checked, kept, and given to who asks for it',
    async (ChecksumAlgorithm) => {
      const Bucket = await bucket();
      const name = `Checksum${ChecksumAlgorithm}` as const;
      const input: PutObjectCommandInput = { Bucket, Key: 'k', Body: 'checked', ChecksumAlgorithm };
      const put = await client().send(new PutObjectCommand(input));
      expect(put[name]).toMatch(/^[A-Za-z0-9+/]+=*$/);
      expect(put.ChecksumType).toBe('FULL_OBJECT');
      const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
      expect([head[name], head.ChecksumType]).toEqual([put[name], 'FULL_OBJECT']);
      const got = await client().send(new GetObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
      expect([await got.Body?.transformToString(), got[name]]).toEqual(['checked', put[name]]);

      const unasked = await raw('HEAD', `/${Bucket}/k`);
      expect(unasked.headers[`x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`]).toBeUndefined();
      const wrong = { ...input, Body: 'something else', [name]: put[name] };
      expect(await failure(client().send(new PutObjectCommand(wrong)))).toEqual({ code: 'BadDigest', status: 400 });
      expect((await raw('GET', `/${Bucket}/k`)).text).toBe('checked');
    },
  );

  test('a presigned URL puts and gets, with the metadata that was signed into it', async () => {
    const Bucket = await bucket();
    const upload = new PutObjectCommand({ Bucket, Key: 'k', Metadata: { colour: 'red', town: 'Köln' } });
    const put = await fetch(await getSignedUrl(client(), upload), { method: 'PUT', body: 'through a link' });
    expect([put.status, await put.text()]).toEqual([200, '']);
    const link = await getSignedUrl(client(), new GetObjectCommand({ Bucket, Key: 'k' }));
    const got = await fetch(link);
    expect([got.status, await got.text(), got.headers.get('x-amz-meta-colour')]).toEqual([
      200,
      'through a link',
      'red',
    ]);
    expect(Buffer.from(got.headers.get('x-amz-meta-town')!, 'latin1').toString('utf8')).toBe('Köln');
    const changed = await fetch(link.replace('/k?', '/other?'));
    expect([changed.status, await changed.text()]).toEqual([
      403,
      expect.stringContaining('<Code>SignatureDoesNotMatch</Code>'),
    ]);
  });

  test('versions: the only one is "null", any other is refused', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    expect((await raw('GET', `/${Bucket}/k?versionId=null`)).text).toBe('x');
    for (const method of ['GET', 'DELETE']) {
      const other = await raw(method, `/${Bucket}/k?versionId=3sL4kqtJlcpXroDTDmJ`);
      expect([other.status, other.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    }
    for (const [method, query] of [
      ['PUT', ''],
      ['POST', '&uploads'],
    ]) {
      const other = await raw(method!, `/${Bucket}/k?versionId=3sL4kqtJlcpXroDTDmJ${query}`, { body: 'changed' });
      expect([other.status, other.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    }
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('x');
    expect((await raw('DELETE', `/${Bucket}/k?versionId=null`)).status).toBe(204);
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
  });
}
