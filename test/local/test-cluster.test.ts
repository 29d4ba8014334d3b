// createTestCluster with the real storage node: what other people's tests get from it, and what becomes of bad input.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestCluster, type TestCluster } from '../../stacks/local/test-cluster.ts';

const TIMEOUT_MS = 180_000;

let cluster: TestCluster;
let s3: S3Client;

beforeAll(async () => {
  cluster = await createTestCluster({ zones: 4, drives: 2, erasure: '4+2' });
  s3 = clientOf(cluster);
  await s3.send(new CreateBucketCommand({ Bucket: 'objects' }));
}, TIMEOUT_MS);

afterAll(async () => {
  s3.destroy();
  await cluster.stop();
  expect(existsSync(cluster.directory)).toBe(false);
}, TIMEOUT_MS);

function clientOf({ endpoint, region, credentials }: TestCluster): S3Client {
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 8 });
}

const put = (key: string, body: Uint8Array) =>
  s3.send(new PutObjectCommand({ Bucket: 'objects', Key: key, Body: body }));

async function bodyOf(key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'objects', Key: key }));
  return Buffer.from(await Body!.transformToByteArray());
}

describe('a test cluster', () => {
  test('says where its nodes and drives are', () => {
    expect(cluster.zones).toEqual(['a', 'b', 'c', 'd']);
    expect(cluster.nodes.map(({ name, drives }) => [name, drives])).toEqual([
      ['a1', ['a1/d1', 'a1/d2']],
      ['b1', ['b1/d1', 'b1/d2']],
      ['c1', ['c1/d1', 'c1/d2']],
      ['d1', ['d1/d1', 'd1/d2']],
    ]);
  });

  test(
    'loses a zone and goes on, gets it back and heals',
    async () => {
      const bodies = [randomBytes(1), randomBytes(8_192), randomBytes(3_000_000)];
      for (const [index, body] of bodies.entries()) await put(`before/${index}`, body);
      await cluster.loseZone('b');
      for (const [index, body] of bodies.entries()) await put(`without/${index}`, body);
      for (const [index, body] of bodies.entries()) {
        expect(body.equals(await bodyOf(`before/${index}`))).toBe(true);
        expect(body.equals(await bodyOf(`without/${index}`))).toBe(true);
      }
      expect((await cluster.status()).health).not.toBe('healthy');
      await cluster.reviveZone('b');
      await cluster.waitHealthy();
    },
    TIMEOUT_MS,
  );

  test(
    'fills a blank drive that took the place of a lost one',
    async () => {
      const body = randomBytes(2_000_000);
      await put('for-the-drive', body);
      await cluster.wipeDrive('c1/d1');
      await cluster.waitHealthy();
      await cluster.loseZone('a');
      expect(body.equals(await bodyOf('for-the-drive'))).toBe(true);
      await cluster.reviveZone('a');
      await cluster.waitHealthy();
    },
    TIMEOUT_MS,
  );

  test('refuses what it does not have, and what is down already', async () => {
    await expect(cluster.killNode('a7')).rejects.toThrow('a7');
    await cluster.killNode('d1');
    await expect(cluster.killNode('d1')).rejects.toThrow('d1 does not run; revive it first (reviveNode, reviveZone)');
    await cluster.reviveNode('d1');
    await cluster.waitHealthy();
  });
});

describe('drives that are not what they should be', () => {
  const driveDirectory = (slot: string) => join(cluster.directory, 'data', slot);
  const reasonOf = async (slot: string) => {
    const { nodes } = await cluster.status();
    return nodes.flatMap(({ drives }) => drives).find((drive) => drive.slot === slot)?.reason;
  };

  test(
    'a drive in the place of another one is refused by name, and nothing on it changes',
    async () => {
      await cluster.killNode('a1');
      await rename(driveDirectory('a1/d1'), driveDirectory('a1/aside'));
      await rename(driveDirectory('a1/d2'), driveDirectory('a1/d1'));
      await rename(driveDirectory('a1/aside'), driveDirectory('a1/d2'));
      await cluster.reviveNode('a1').catch(() => {});
      expect(await reasonOf('a1/d1')).toContain('holds drive a1/d2; put the drives back where they belong');
      await cluster.killNode('a1');
      await rename(driveDirectory('a1/d1'), driveDirectory('a1/aside'));
      await rename(driveDirectory('a1/d2'), driveDirectory('a1/d1'));
      await rename(driveDirectory('a1/aside'), driveDirectory('a1/d2'));
      await cluster.reviveNode('a1');
      await cluster.waitHealthy();
    },
    TIMEOUT_MS,
  );

  test(
    'a drive of another cluster is refused by name, and that cluster has it back unchanged',
    async () => {
      await using other = await createTestCluster({ zones: 4, drives: 2, erasure: '4+2' });
      const theirs = join(other.directory, 'data', 'b1', 'd1');
      await cluster.killNode('b1');
      await other.killNode('b1');
      await rename(driveDirectory('b1/d1'), driveDirectory('b1/aside'));
      await rename(theirs, driveDirectory('b1/d1'));
      await cluster.reviveNode('b1').catch(() => {});
      expect(await reasonOf('b1/d1')).toMatch(
        /^it belongs to cluster [0-9a-f]{32}, this is [0-9a-f]{32}; take it out, or give an empty one$/,
      );
      await cluster.killNode('b1');
      await rename(driveDirectory('b1/d1'), theirs);
      await rename(driveDirectory('b1/aside'), driveDirectory('b1/d1'));
      await other.reviveNode('b1');
      await other.waitHealthy();
      await cluster.reviveNode('b1');
      await cluster.waitHealthy();
    },
    TIMEOUT_MS,
  );

  test(
    'a file where the directory should be is refused with what to do, and stays as it is',
    async () => {
      await cluster.killNode('c1');
      await rename(driveDirectory('c1/d2'), driveDirectory('c1/aside'));
      await writeFile(driveDirectory('c1/d2'), 'not a drive');
      await cluster.reviveNode('c1').catch(() => {});
      expect(await reasonOf('c1/d2')).toContain('must be an empty directory, or one that this node formatted');
      await cluster.killNode('c1');
      await rm(driveDirectory('c1/d2'));
      await rename(driveDirectory('c1/aside'), driveDirectory('c1/d2'));
      await cluster.reviveNode('c1');
      await cluster.waitHealthy();
    },
    TIMEOUT_MS,
  );
});

describe('options that make no cluster', () => {
  test.each([
    [{ zones: 0 }, 'zones: 0 is not a number of zones from 1 to 26'],
    [{ erasure: 'four' }, 'createTestCluster: erasure'],
    [{ zones: 4, drives: 1, erasure: '4+2' }, '4+2'],
  ])('%j', async (options, message) => {
    await expect(createTestCluster(options)).rejects.toThrow(message);
  });
});
