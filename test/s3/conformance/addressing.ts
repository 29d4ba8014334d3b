// Path-style and virtual-host style, and keys that survive no normalisation.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { type Suite, virtualHostConfig } from './target.ts';

const KEYS = [
  'plain',
  'with space',
  'plus+plus',
  'per%cent',
  '%2F',
  'a%20b',
  '//double//slashes//',
  '/leading',
  'trailing/',
  'ümläut/☃/😀',
  'a/./b',
  'a/../b',
  '..',
  'question?mark=1&x',
  'hash#mark',
  'semi;colon:at@equals=comma,dollar$',
  'quotes\'"`',
  'brackets[](){}<>|\\^~!*',
  'tab\tline\nreturn\rbell\u0007delete\u007f',
  '_ashlar/status',
  'metrics',
];

export function addressing({ client, bucket, raw, target }: Suite): void {
  test.each(KEYS)('the key %j is kept to the letter, in both styles', async (Key) => {
    const Bucket = await bucket();
    const hosted = client(virtualHostConfig(target()));
    for (const [writer, reader] of [
      [client(), hosted],
      [hosted, client()],
    ] as const) {
      await writer.send(new PutObjectCommand({ Bucket, Key, Body: `body of ${Key}` }));
      const got = await reader.send(new GetObjectCommand({ Bucket, Key }));
      expect(await got.Body?.transformToString()).toBe(`body of ${Key}`);
      await reader.send(new HeadObjectCommand({ Bucket, Key }));
      // The SDK's XML reader makes line ends of carriage returns; the encoded listing has the bytes.
      const listed = await reader.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
      const keys = listed.Contents?.map((entry) => decodeURIComponent(entry.Key!.replaceAll('+', ' ')));
      expect(keys).toEqual([Key]);
      await writer.send(new DeleteObjectCommand({ Bucket, Key }));
    }
  });

  test('a slash means the same whether it is escaped or not, a plus is not a space', async () => {
    const Bucket = await bucket();
    await raw('PUT', `/${Bucket}/a%2Fb`, { body: 'escaped' });
    expect((await raw('GET', `/${Bucket}/a/b`)).text).toBe('escaped');
    await raw('PUT', `/${Bucket}/c+d`, { body: 'plus' });
    expect((await raw('GET', `/${Bucket}/c%2Bd`)).text).toBe('plus');
    expect((await raw('GET', `/${Bucket}/c%20d`)).status).toBe(404);
  });

  test('a bucket in the host: its root is the bucket, and what follows the slash is the key', async () => {
    const Bucket = await bucket();
    const host = `${Bucket}.${target().domain}`;
    expect((await raw('PUT', '/k', { host, body: 'x' })).status).toBe(200);
    expect((await raw('GET', '/', { host })).text).toContain('<Key>k</Key>');
    expect((await raw('GET', '/?list-type=2&prefix=k', { host })).text).toContain('<KeyCount>1</KeyCount>');
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('x');
    expect((await raw('GET', `//k`, { host })).status).toBe(404);
    expect((await raw('GET', '/k', { host: `${host}:9000` })).text).toBe('x');
    expect((await raw('GET', '/k', { host: host.toUpperCase() })).text).toBe('x');
    expect((await raw('GET', `/${Bucket}/k`, { host: target().domain })).text).toBe('x');
    expect((await raw('GET', `/${Bucket}/k`, { host: `not${target().domain}` })).text).toBe('x');
  });

  test('an escape that is none and bytes that are no UTF-8 are InvalidURI', async () => {
    const Bucket = await bucket();
    for (const key of ['%', '%z1', '%E4', '%ED%A0%80', 'nul%00byte']) {
      const response = await raw('GET', `/${Bucket}/${key}`);
      expect([key, response.status]).toEqual([key, 400]);
      expect(response.text).toContain('<Code>InvalidURI</Code>');
    }
  });

  test('1,024 bytes of key are accepted, 1,025 are KeyTooLongError', async () => {
    const Bucket = await bucket();
    for (const [fits, tooLong] of [
      ['x'.repeat(1024), 'x'.repeat(1025)],
      ['ü'.repeat(512), `${'ü'.repeat(512)}x`],
    ] as const) {
      await client().send(new PutObjectCommand({ Bucket, Key: fits, Body: 'x' }));
      expect((await raw('GET', `/${Bucket}/${encodeURIComponent(fits)}`)).text).toBe('x');
      const refused = await raw('PUT', `/${Bucket}/${encodeURIComponent(tooLong)}`, { body: 'x' });
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>KeyTooLongError</Code>')]);
      expect(refused.text).toContain('<Size>1025</Size><MaxSizeAllowed>1024</MaxSizeAllowed>');
    }
  });
}
