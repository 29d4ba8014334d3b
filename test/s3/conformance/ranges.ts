// Range and partNumber: which bytes come, and what the answer says of them.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { uploadParts } from './multipart-steps.ts';
import type { Suite } from './target.ts';

export function ranges({ client, bucket, raw }: Suite): void {
  test.each([
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=2-5', '2345', 'bytes 2-5/10'],
    ['bytes=5-', '56789', 'bytes 5-9/10'],
    ['bytes=5-100', '56789', 'bytes 5-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes=9-9', '9', 'bytes 9-9/10'],
  ])('%s is answered 206 with %s', async (range, text, contentRange) => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: '0123456789' }));
    const got = await raw('GET', `/${Bucket}/k`, { headers: { range } });
    expect([got.status, got.text, got.headers['content-range']]).toEqual([206, text, contentRange]);
    expect(got.headers['content-length']).toBe(String(text.length));
    const head = await raw('HEAD', `/${Bucket}/k`, { headers: { range } });
    expect([head.status, head.headers['content-range'], head.headers['content-length']]).toEqual([
      206,
      contentRange,
      String(text.length),
    ]);
  });

  test.each(['bytes=0-1,3-4', 'bytes=5-2', 'bytes=a-b', 'bytes=', 'bytes=-', 'lines=0-1', 'nonsense'])(
    '%s is answered with the whole object',
    async (range) => {
      const Bucket = await bucket();
      await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: '0123456789' }));
      const got = await raw('GET', `/${Bucket}/k`, { headers: { range } });
      expect([got.status, got.text, got.headers['content-range']]).toEqual([200, '0123456789', undefined]);
    },
  );

  test.each(['bytes=10-', 'bytes=10-20', 'bytes=-0'])('%s of ten bytes is InvalidRange', async (range) => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: '0123456789' }));
    const got = await raw('GET', `/${Bucket}/k`, { headers: { range } });
    expect([got.status, got.text]).toEqual([416, expect.stringContaining('<Code>InvalidRange</Code>')]);
    expect(got.text).toContain(`<RangeRequested>${range}</RangeRequested><ActualObjectSize>10</ActualObjectSize>`);
    expect(got.headers['content-range']).toBe('bytes */10');
  });

  test('no range of an empty object can be had', async () => {
    const Bucket = await bucket();
    expect((await raw('PUT', `/${Bucket}/k`, { body: '' })).status).toBe(200);
    for (const range of ['bytes=0-', 'bytes=-5']) {
      expect((await raw('GET', `/${Bucket}/k`, { headers: { range } })).status).toBe(416);
    }
    expect((await raw('GET', `/${Bucket}/k?partNumber=1`)).status).toBe(200);
  });

  test('a range of a large object crosses its stripes', async () => {
    const Bucket = await bucket();
    const body = Buffer.alloc(3_000_000, 'abcdefghij');
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: body }));
    for (const [first, last] of [
      [0, 2_999_999],
      [262_143, 262_144],
      [1_048_570, 2_100_007],
      [2_999_999, 2_999_999],
    ] as const) {
      const got = await raw('GET', `/${Bucket}/k`, { headers: { range: `bytes=${first}-${last}` } });
      expect(got.status).toBe(206);
      expect(got.body.equals(body.subarray(first, last + 1))).toBe(true);
    }
  });

  test('a range carries no checksum of the whole', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: '0123456789', ChecksumAlgorithm: 'CRC32' }));
    const headers = { 'x-amz-checksum-mode': 'ENABLED' };
    expect((await raw('GET', `/${Bucket}/k`, { headers })).headers['x-amz-checksum-crc32']).toMatch(/./);
    const part = await raw('GET', `/${Bucket}/k`, { headers: { ...headers, range: 'bytes=0-1' } });
    expect(part.headers['x-amz-checksum-crc32']).toBeUndefined();
  });

  test('partNumber gives the bytes of one part and says how many there are', async () => {
    const Bucket = await bucket();
    const parts = [Buffer.alloc(5 * 1024 ** 2, 'a'), Buffer.alloc(5 * 1024 ** 2, 'b'), Buffer.from('the end')];
    await uploadParts(client(), Bucket, 'k', parts);
    const second = await raw('GET', `/${Bucket}/k?partNumber=2`);
    expect([second.status, second.headers['x-amz-mp-parts-count'], second.headers['content-range']]).toEqual([
      206,
      '3',
      'bytes 5242880-10485759/10485767',
    ]);
    expect(second.body.equals(parts[1]!)).toBe(true);
    const head = await raw('HEAD', `/${Bucket}/k?partNumber=3`);
    expect([head.status, head.headers['content-length']]).toEqual([206, '7']);
    expect((await raw('GET', `/${Bucket}/k?partNumber=3`)).text).toBe('the end');

    const beyond = await raw('GET', `/${Bucket}/k?partNumber=4`);
    expect([beyond.status, beyond.text]).toEqual([416, expect.stringContaining('<Code>InvalidPartNumber</Code>')]);
    for (const wrong of ['0', '10001', 'x']) {
      const refused = await raw('GET', `/${Bucket}/k?partNumber=${wrong}`);
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    }
    const both = await raw('GET', `/${Bucket}/k?partNumber=1`, { headers: { range: 'bytes=0-1' } });
    expect([both.status, both.text]).toEqual([400, expect.stringContaining('<Code>InvalidRequest</Code>')]);
  });

  test('an object without parts is its own first part', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'all of it' }));
    const got = await raw('GET', `/${Bucket}/k?partNumber=1`);
    expect([got.status, got.text, got.headers['x-amz-mp-parts-count']]).toEqual([206, 'all of it', undefined]);
    expect((await raw('GET', `/${Bucket}/k?partNumber=2`)).status).toBe(416);
  });
}
