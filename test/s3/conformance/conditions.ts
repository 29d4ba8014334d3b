// Conditional reads and writes, with S3's precedence.
import {
  CompleteMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { begin, sendParts } from './multipart-steps.ts';
import { failure, type Suite } from './target.ts';

const OTHER = '"00000000000000000000000000000000"';

export function conditions({ client, bucket, raw }: Suite): void {
  /** A bucket with the object k, its tag and its date moved by so many seconds. */
  const withObject = async () => {
    const Bucket = await bucket();
    const { ETag } = await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }));
    const { LastModified } = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    const date = (seconds: number) => new Date(LastModified!.getTime() + seconds * 1000).toUTCString();
    return { Bucket, ETag: ETag!, date, earlier: date(-3600), same: date(0), later: date(3600) };
  };

  test('If-Match: the tag, one of several, or * passes; another tag is 412', async () => {
    const { Bucket, ETag } = await withObject();
    for (const value of [ETag, ETag.slice(1, -1), `${OTHER}, ${ETag}`, '*']) {
      expect([value, (await raw('GET', `/${Bucket}/k`, { headers: { 'if-match': value } })).status]).toEqual([
        value,
        200,
      ]);
    }
    const failed = await raw('GET', `/${Bucket}/k`, { headers: { 'if-match': OTHER } });
    expect([failed.status, failed.text]).toEqual([412, expect.stringContaining('<Code>PreconditionFailed</Code>')]);
    expect(failed.text).toContain('<Condition>If-Match</Condition>');
    expect((await raw('HEAD', `/${Bucket}/k`, { headers: { 'if-match': OTHER } })).status).toBe(412);
  });

  test('If-None-Match: the tag, one of several, or * is 304 with the tag and no body; another tag passes', async () => {
    const { Bucket, ETag } = await withObject();
    for (const value of [ETag, `W/${ETag}`, `${OTHER}, ${ETag}`, '*']) {
      const got = await raw('GET', `/${Bucket}/k`, { headers: { 'if-none-match': value } });
      expect([value, got.status, got.headers.etag, got.body.length]).toEqual([value, 304, ETag, 0]);
      expect(got.headers['last-modified']).toMatch(/GMT$/);
    }
    expect((await raw('GET', `/${Bucket}/k`, { headers: { 'if-none-match': OTHER } })).text).toBe('content');
    expect((await raw('HEAD', `/${Bucket}/k`, { headers: { 'if-none-match': ETag } })).status).toBe(304);
  });

  test('dates: modified since, not modified since, and what is no date', async () => {
    const { Bucket, earlier, same, later } = await withObject();
    const status = async (name: string, value: string) =>
      (await raw('GET', `/${Bucket}/k`, { headers: { [name]: value } })).status;
    expect(await status('if-modified-since', earlier)).toBe(200);
    expect(await status('if-modified-since', same)).toBe(304);
    expect(await status('if-modified-since', later)).toBe(304);
    expect(await status('if-modified-since', 'yesterday evening')).toBe(200);
    expect(await status('if-unmodified-since', earlier)).toBe(412);
    expect(await status('if-unmodified-since', same)).toBe(200);
    expect(await status('if-unmodified-since', later)).toBe(200);
  });

  test('a tag beats the date of the same sense', async () => {
    const { Bucket, ETag, earlier } = await withObject();
    const get = (headers: Record<string, string>) => raw('GET', `/${Bucket}/k`, { headers });
    expect((await get({ 'if-match': ETag, 'if-unmodified-since': earlier })).status).toBe(200);
    expect((await get({ 'if-none-match': ETag, 'if-modified-since': earlier })).status).toBe(304);
    expect((await get({ 'if-none-match': OTHER, 'if-modified-since': new Date().toUTCString() })).status).toBe(200);
    expect((await get({ 'if-match': OTHER, 'if-none-match': ETag })).status).toBe(412);
  });

  test('a condition is judged before the range', async () => {
    const { Bucket, ETag } = await withObject();
    const headers = { 'if-none-match': ETag, range: 'bytes=1000-' };
    expect((await raw('GET', `/${Bucket}/k`, { headers })).status).toBe(304);
  });

  test('PUT with If-None-Match: * creates and never replaces', async () => {
    const Bucket = await bucket();
    const put = (Body: string) => client().send(new PutObjectCommand({ Bucket, Key: 'k', Body, IfNoneMatch: '*' }));
    await put('first');
    expect(await failure(put('second'))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('first');
  });

  test('of many PUTs with If-None-Match: * at once exactly one wins', async () => {
    const Bucket = await bucket();
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const put = await raw('PUT', `/${Bucket}/k`, { body: `from ${i}`, headers: { 'if-none-match': '*' } });
        return { status: put.status, body: `from ${i}` };
      }),
    );
    const winners = outcomes.filter(({ status }) => status === 200);
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe(winners[0]!.body);
  });

  test('PUT with If-Match replaces what it names and nothing else', async () => {
    const { Bucket, ETag } = await withObject();
    const put = (Body: string, IfMatch: string, Key = 'k') =>
      client().send(new PutObjectCommand({ Bucket, Key, Body, IfMatch }));
    await put('second', ETag);
    expect(await failure(put('third', ETag))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await failure(put('new', ETag, 'absent'))).toEqual({ code: 'NoSuchKey', status: 404 });
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('second');
    expect((await raw('HEAD', `/${Bucket}/absent`)).status).toBe(404);
  });

  test('CompleteMultipartUpload knows the same conditions, and the upload outlives a refusal', async () => {
    const { Bucket, ETag } = await withObject();
    const UploadId = await begin(client(), Bucket, 'k');
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, ['in parts']);
    const complete = (condition: { IfMatch?: string; IfNoneMatch?: string }) =>
      client().send(
        new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts }, ...condition }),
      );
    expect(await failure(complete({ IfNoneMatch: '*' }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect(await failure(complete({ IfMatch: OTHER }))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('content');
    await complete({ IfMatch: ETag });
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('in parts');
  });

  test('DELETE with If-Match deletes what it names and nothing else', async () => {
    const { Bucket, ETag } = await withObject();
    const remove = (IfMatch: string) => client().send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch }));
    expect(await failure(remove(OTHER))).toEqual({ code: 'PreconditionFailed', status: 412 });
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('content');
    await remove(ETag);
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
    expect(await failure(remove('*'))).toEqual({ code: 'NoSuchKey', status: 404 });
  });

  test('conditions that S3 has no meaning for are NotImplemented and change nothing', async () => {
    const { Bucket, ETag, later } = await withObject();
    const cases: [string, Record<string, string>][] = [
      ['PUT', { 'if-none-match': ETag }],
      ['PUT', { 'if-none-match': '*', 'if-match': ETag }],
      ['PUT', { 'if-unmodified-since': later }],
      ['PUT', { 'if-modified-since': later }],
      ['DELETE', { 'if-none-match': '*' }],
      ['DELETE', { 'if-unmodified-since': later }],
      ['DELETE', { 'x-amz-if-match-size': '7' }],
    ];
    for (const [method, headers] of cases) {
      const body = method === 'PUT' ? { body: 'changed' } : {};
      const refused = await raw(method, `/${Bucket}/k`, { headers, ...body });
      expect([headers, refused.status, refused.text]).toEqual([
        headers,
        501,
        expect.stringContaining('<Code>NotImplemented</Code>'),
      ]);
    }
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('content');
  });

  test('an If-Match that names no tag matches nothing', async () => {
    const { Bucket } = await withObject();
    const put = await raw('PUT', `/${Bucket}/k`, { body: 'changed', headers: { 'if-match': ',' } });
    expect(put.status).toBe(412);
    expect((await raw('DELETE', `/${Bucket}/k`, { headers: { 'if-match': ',' } })).status).toBe(412);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('content');
  });
}
