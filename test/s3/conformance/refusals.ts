// What is not done is refused by name, and changes nothing; configurations that were never set are answered as S3 does.
import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { Suite } from './target.ts';

export function refusals({ client, bucket, raw }: Suite): void {
  test.each([
    ['x-amz-server-side-encryption', 'AES256', 501, 'NotImplemented'],
    ['x-amz-server-side-encryption', 'aws:kms', 501, 'NotImplemented'],
    ['x-amz-server-side-encryption-customer-algorithm', 'AES256', 501, 'NotImplemented'],
    ['x-amz-tagging', 'a=b', 501, 'NotImplemented'],
    ['x-amz-website-redirect-location', '/elsewhere', 501, 'NotImplemented'],
    ['x-amz-write-offset-bytes', '10', 501, 'NotImplemented'],
    ['x-amz-object-lock-mode', 'COMPLIANCE', 400, 'InvalidRequest'],
    ['x-amz-object-lock-legal-hold', 'ON', 400, 'InvalidRequest'],
    ['x-amz-acl', 'public-read', 400, 'AccessControlListNotSupported'],
    ['x-amz-grant-read', 'uri="http://acs.amazonaws.com/groups/global/AllUsers"', 400, 'AccessControlListNotSupported'],
    ['x-amz-storage-class', 'GLACIER', 400, 'InvalidStorageClass'],
    ['x-amz-expected-bucket-owner', '111122223333', 403, 'AccessDenied'],
  ])('%s: %s on PUT, POST and copies is %i %s', async (name, value, status, code) => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x' }));
    const headers = { [name]: value };
    for (const answer of [
      await raw('PUT', `/${Bucket}/k`, { headers, body: 'x' }),
      await raw('PUT', `/${Bucket}/k`, { headers: { ...headers, 'x-amz-copy-source': `${Bucket}/source` } }),
      await raw('POST', `/${Bucket}/k?uploads`, { headers }),
    ]) {
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
    }
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
    expect((await raw('GET', `/${Bucket}?uploads`)).text).not.toContain('<Upload>');
  });

  test.each([
    ['x-amz-acl', 'private'],
    ['x-amz-acl', 'bucket-owner-full-control'],
    ['x-amz-storage-class', 'STANDARD'],
  ])('%s: %s changes nothing and is accepted', async (name, value) => {
    const Bucket = await bucket();
    expect((await raw('PUT', `/${Bucket}/k`, { headers: { [name]: value }, body: 'x' })).status).toBe(200);
  });

  test.each([
    ['GET', 'acl', 200, '<Permission>FULL_CONTROL</Permission>'],
    [
      'GET',
      'versioning',
      200,
      '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>',
    ],
    ['GET', 'logging', 200, 'BucketLoggingStatus'],
    ['GET', 'notification', 200, 'NotificationConfiguration'],
    ['GET', 'requestPayment', 200, '<Payer>BucketOwner</Payer>'],
    ['GET', 'accelerate', 200, 'AccelerateConfiguration'],
    ['GET', 'policy', 404, '<Code>NoSuchBucketPolicy</Code>'],
    ['GET', 'policyStatus', 404, '<Code>NoSuchBucketPolicy</Code>'],
    ['GET', 'cors', 404, '<Code>NoSuchCORSConfiguration</Code>'],
    ['GET', 'lifecycle', 404, '<Code>NoSuchLifecycleConfiguration</Code>'],
    ['GET', 'tagging', 404, '<Code>NoSuchTagSet</Code>'],
    ['GET', 'encryption', 404, '<Code>ServerSideEncryptionConfigurationNotFoundError</Code>'],
    ['GET', 'website', 404, '<Code>NoSuchWebsiteConfiguration</Code>'],
    ['GET', 'replication', 404, '<Code>ReplicationConfigurationNotFoundError</Code>'],
    ['GET', 'publicAccessBlock', 404, '<Code>NoSuchPublicAccessBlockConfiguration</Code>'],
    ['GET', 'ownershipControls', 404, '<Code>OwnershipControlsNotFoundError</Code>'],
    ['GET', 'object-lock', 404, '<Code>ObjectLockConfigurationNotFoundError</Code>'],
    ['GET', 'inventory', 501, '<Code>NotImplemented</Code>'],
    ['GET', 'analytics', 501, '<Code>NotImplemented</Code>'],
    ['DELETE', 'policy', 204, ''],
    ['DELETE', 'lifecycle', 204, ''],
    ['DELETE', 'tagging', 204, ''],
    ['PUT', 'versioning', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'policy', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'cors', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'lifecycle', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'tagging', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'encryption', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'object-lock', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'notification', 501, '<Code>NotImplemented</Code>'],
    ['POST', 'unknown-and-meaningless', 405, '<Code>MethodNotAllowed</Code>'],
  ])('%s bucket?%s is %i', async (method, query, status, text) => {
    const Bucket = await bucket();
    const answer = await raw(method, `/${Bucket}?${query}`, method === 'PUT' ? { body: '<X/>' } : {});
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(text)]);
    expect((await raw('HEAD', `/${Bucket}`)).status).toBe(200);
    if (status === 405) return;
    const nowhere = await raw(method, `/no-such-bucket-anywhere?${query}`, method === 'PUT' ? { body: '<X/>' } : {});
    expect(nowhere.status).toBe(status === 501 ? 501 : 404);
  });

  test.each([
    ['GET', 'acl', 200, '<Permission>FULL_CONTROL</Permission>'],
    ['GET', 'tagging', 200, '<TagSet></TagSet>'],
    ['GET', 'retention', 400, '<Code>InvalidRequest</Code>'],
    ['GET', 'legal-hold', 400, '<Code>InvalidRequest</Code>'],
    ['GET', 'torrent', 501, '<Code>NotImplemented</Code>'],
    ['GET', 'attributes', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'tagging', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'retention', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'legal-hold', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'renameObject', 501, '<Code>NotImplemented</Code>'],
    ['PUT', 'append', 501, '<Code>NotImplemented</Code>'],
    ['POST', 'restore', 501, '<Code>NotImplemented</Code>'],
    ['POST', 'select&select-type=2', 501, '<Code>NotImplemented</Code>'],
    ['DELETE', 'tagging', 204, ''],
    ['POST', '', 405, '<Code>MethodNotAllowed</Code>'],
  ])('%s object?%s is %i and leaves the object alone', async (method, query, status, text) => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }));
    const answer = await raw(method, `/${Bucket}/k?${query}`, method === 'GET' ? {} : { body: '<X/>' });
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(text)]);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('content');
  });

  test('the ACL can be set to what it is, and to nothing else', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    const current = (await raw('GET', `/${Bucket}?acl`)).text;
    const publicGrant =
      '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">' +
      '<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>';
    const refused = [
      current.replace('</AccessControlList>', `${publicGrant}</AccessControlList>`),
      current.replace('FULL_CONTROL', 'READ'),
      current.replaceAll(/<ID>[0-9a-f]{64}/g, `<ID>${'0'.repeat(64)}`),
      current.replace(/<Grant>.*<\/Grant>/, ''),
    ];
    for (const path of [`/${Bucket}?acl`, `/${Bucket}/k?acl`]) {
      expect((await raw('PUT', path, { headers: { 'x-amz-acl': 'private' } })).status).toBe(200);
      expect((await raw('PUT', path, { body: current })).status).toBe(200);
      const canned = await raw('PUT', path, { headers: { 'x-amz-acl': 'public-read' } });
      expect([canned.status, canned.text]).toEqual([400, expect.stringContaining('AccessControlListNotSupported')]);
      for (const body of refused) {
        const answer = await raw('PUT', path, { body });
        expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('AccessControlListNotSupported')]);
      }
      expect((await raw('PUT', path, { body: '<AccessControlPolicy/>' })).text).toContain('<Code>MalformedXML</Code>');
      expect((await raw('PUT', path)).status).toBe(400);
    }
    expect((await raw('PUT', `/${Bucket}/none?acl`, { body: current })).status).toBe(404);
    expect((await raw('GET', `/${Bucket}?acl`)).text).toBe(current);
  });

  test('a bucket with object lock or with ACLs cannot be made', async () => {
    for (const [header, value] of [
      ['x-amz-bucket-object-lock-enabled', 'true'],
      ['x-amz-object-ownership', 'ObjectWriter'],
    ] as const) {
      const headers = { [header]: value };
      const name = `locked-${createHash('md5').update(header).digest('hex')}`;
      const answer = await raw('PUT', `/${name}`, { headers });
      expect([answer.status, answer.text]).toEqual([501, expect.stringContaining('<Code>NotImplemented</Code>')]);
      expect((await raw('HEAD', `/${name}`)).status).toBe(404);
    }
  });

  test('an unsigned request is AccessDenied, whatever it asks for', async () => {
    const Bucket = await bucket();
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', `/${Bucket}`],
      ['PUT', `/${Bucket}/k`],
      ['DELETE', `/${Bucket}`],
      ['OPTIONS', `/${Bucket}/k`],
      ['GET', '/no-such-bucket-anywhere/k'],
    ] as const) {
      const answer = await raw(method, path, { signed: false });
      expect([method, path, answer.status]).toEqual([method, path, 403]);
      expect(answer.text).toContain('<Code>AccessDenied</Code>');
    }
    expect((await raw('HEAD', `/${Bucket}`)).status).toBe(200);
  });

  test('methods that S3 does not have are MethodNotAllowed', async () => {
    const Bucket = await bucket();
    for (const [method, path] of [
      ['PATCH', `/${Bucket}/k`],
      ['POST', '/'],
      ['DELETE', '/'],
      ['PUT', '/'],
    ] as const) {
      const answer = await raw(method, path);
      expect([method, path, answer.status]).toEqual([method, path, 405]);
      expect(answer.text).toContain('<Code>MethodNotAllowed</Code>');
    }
  });
}
