// Buckets: making, finding, naming and removing them.
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { failure, type Suite } from './target.ts';

export function buckets({ client, bucket, raw, target }: Suite): void {
  test('a new bucket is found, listed with its date, and gone after its deletion', async () => {
    const before = Date.now();
    const name = await bucket();
    const head = await client().send(new HeadBucketCommand({ Bucket: name }));
    expect(head.BucketRegion).toBe(target().region);
    const listed = (await client().send(new ListBucketsCommand({}))).Buckets?.find(({ Name }) => Name === name);
    expect(listed?.CreationDate?.getTime()).toBeGreaterThanOrEqual(before - 1000);
    expect(listed?.CreationDate?.getTime()).toBeLessThanOrEqual(Date.now() + 1000);

    await client().send(new DeleteBucketCommand({ Bucket: name }));
    expect(await failure(client().send(new HeadBucketCommand({ Bucket: name })))).toMatchObject({ status: 404 });
    expect(await failure(client().send(new DeleteBucketCommand({ Bucket: name })))).toEqual({
      code: 'NoSuchBucket',
      status: 404,
    });
  });

  test('making a bucket that is there succeeds in us-east-1 and is a conflict elsewhere', async () => {
    const name = await bucket();
    await client().send(new PutObjectCommand({ Bucket: name, Key: 'kept', Body: 'x' }));
    const again = await raw('PUT', `/${name}`);
    if (target().region === 'us-east-1') {
      expect(again.status).toBe(200);
    } else {
      expect([again.status, again.text]).toEqual([
        409,
        expect.stringContaining('<Code>BucketAlreadyOwnedByYou</Code>'),
      ]);
    }
    expect((await raw('GET', `/${name}/kept`)).text).toBe('x');
  });

  test('a location that is not the region of the cluster is refused, and nothing is made', async () => {
    const name = `elsewhere-${Date.now()}`;
    const call = client().send(
      new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: 'eu-south-2' } }),
    );
    expect(await failure(call)).toEqual({ code: 'IllegalLocationConstraintException', status: 400 });
    expect((await raw('HEAD', `/${name}`)).status).toBe(404);
  });

  test('the region of the cluster is accepted as a location', async () => {
    const name = `here-${Date.now()}`;
    const body = `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${target().region}</LocationConstraint></CreateBucketConfiguration>`;
    const made = await raw('PUT', `/${name}`, { body });
    expect([made.status, made.headers.location]).toEqual([200, `/${name}`]);
    expect((await raw('HEAD', `/${name}`)).status).toBe(200);
  });

  test('an empty body of a CreateBucket request means no location', async () => {
    const name = `nowhere-${Date.now()}`;
    expect((await raw('PUT', `/${name}`, { headers: { 'content-length': '0' } })).status).toBe(200);
  });

  test.each([
    ['<CreateBucketConfiguration>', 'not closed'],
    ['<LocationConstraint>us-east-1</LocationConstraint>', 'another document'],
    ['<!DOCTYPE x [<!ENTITY e "us-east-1">]><CreateBucketConfiguration/>', 'a document type'],
    ['<CreateBucketConfiguration><Colour>red</Colour></CreateBucketConfiguration>', 'an unknown element'],
    ['<CreateBucketConfiguration>us-east-1</CreateBucketConfiguration>', 'text in place of the element'],
  ])('the configuration %s is MalformedXML (%s)', async (body) => {
    const name = `malformed-${Date.now()}`;
    const response = await raw('PUT', `/${name}`, { body });
    expect([response.status, response.text]).toEqual([400, expect.stringContaining('<Code>MalformedXML</Code>')]);
    expect((await raw('HEAD', `/${name}`)).status).toBe(404);
  });

  test.each([
    'ab',
    'a'.repeat(64),
    'Upper-case',
    'under_score',
    '-begins-with-hyphen',
    'ends-with-hyphen-',
    'two..dots',
    '192.168.5.4',
    'xn--reserved',
    'reserved-s3alias',
    'sp%20ace',
  ])('the name %s is InvalidBucketName', async (name) => {
    const response = await raw('PUT', `/${name}`);
    expect([response.status, response.text]).toEqual([400, expect.stringContaining('<Code>InvalidBucketName</Code>')]);
  });

  test.each(['abc', 'a'.repeat(63), '1st.bucket-with.dots'])('the name %s is accepted', async (name) => {
    expect((await raw('PUT', `/${name}`)).status).toBe(200);
    expect((await raw('DELETE', `/${name}`)).status).toBe(204);
  });

  test('a bucket with objects cannot be deleted and loses nothing by the attempt', async () => {
    const name = await bucket();
    await client().send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'still here' }));
    expect(await failure(client().send(new DeleteBucketCommand({ Bucket: name })))).toEqual({
      code: 'BucketNotEmpty',
      status: 409,
    });
    expect((await raw('GET', `/${name}/k`)).text).toBe('still here');
  });

  test('a bucket made again does not have the objects of the one before', async () => {
    const name = await bucket();
    await client().send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'x' }));
    expect((await raw('DELETE', `/${name}/k`)).status).toBe(204);
    expect((await raw('DELETE', `/${name}`)).status).toBe(204);
    expect((await raw('PUT', `/${name}`)).status).toBe(200);
    expect((await raw('GET', `/${name}`)).text).not.toContain('<Contents>');
  });

  test('the location of a bucket is the region, empty for us-east-1', async () => {
    const name = await bucket();
    const { LocationConstraint } = await client().send(new GetBucketLocationCommand({ Bucket: name }));
    const { region } = target();
    expect(LocationConstraint ?? '').toBe(region === 'us-east-1' ? '' : region);
  });

  test('buckets are listed in pages, by prefix and by region', async () => {
    const names = [await bucket(), await bucket(), await bucket()].sort();
    const collected: string[] = [];
    let token: string | undefined;
    do {
      const page = await client().send(
        new ListBucketsCommand({ MaxBuckets: 2, Prefix: 'test-', ContinuationToken: token }),
      );
      expect(page.Buckets?.length).toBeLessThanOrEqual(2);
      collected.push(...(page.Buckets ?? []).map(({ Name }) => Name!));
      token = page.ContinuationToken;
    } while (token !== undefined);
    expect(collected).toEqual([...collected].sort());
    expect(collected).toEqual(expect.arrayContaining(names));
    expect(new Set(collected).size).toBe(collected.length);

    const one = await client().send(new ListBucketsCommand({ Prefix: names[0]! }));
    expect(one.Buckets?.map(({ Name }) => Name)).toEqual([names[0]]);
    const elsewhere = await client().send(new ListBucketsCommand({ BucketRegion: 'eu-south-2' }));
    expect(elsewhere.Buckets ?? []).toEqual([]);
  });
}
