// A program that keeps something in S3, tested against a real cluster that loses a zone in the middle of the test.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createTestCluster } from 'ashlar';

let cluster;
let s3;

before(async () => {
  cluster = await createTestCluster({ zones: 4, drives: 1, erasure: '2+2' });
  const { endpoint, region, credentials } = cluster;
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
});

after(async () => {
  s3?.destroy();
  await cluster?.stop();
});

test('what was stored is still there when a zone is lost, and more can be stored', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'invoices' }));
  await s3.send(new PutObjectCommand({ Bucket: 'invoices', Key: '2026/1', Body: 'one' }));
  await cluster.loseZone('a');
  await s3.send(new PutObjectCommand({ Bucket: 'invoices', Key: '2026/2', Body: 'two' }));
  assert.equal(await bodyOf('2026/1'), 'one');
  assert.equal(await bodyOf('2026/2'), 'two');
  await cluster.reviveZone('a');
  await cluster.waitHealthy();
});

async function bodyOf(key) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'invoices', Key: key }));
  return Body.transformToString();
}
