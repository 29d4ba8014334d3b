// `ashlar scrub` on real nodes and real files: flipped bytes in shards and in records are found and repaired, on what nobody reads
// too, and afterwards every file on the drive is whole.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScrubReport } from '../../node/admin/status.ts';
import { createTestCluster, type TestCluster } from '../../stacks/local/test-cluster.ts';
import { verifyShardFiles } from '../e2e/shard-files.ts';
import { bodyOf, makeLabel } from '../e2e/traffic/bodies.ts';
import { S3Connection } from '../e2e/traffic/s3-connection.ts';
import { cli } from './support.ts';

/** In records, in records by pointer, in small shards that lie in the log, in shard files. */
const SIZES_BYTES = [500, 4_000, 20_000, 300_000, 400_000];

let cluster: TestCluster;
let client: S3Connection;
const scrub = (line: string) => cli(cluster.directory, `scrub ${line} --data ${cluster.directory}`);

beforeAll(async () => {
  cluster = await createTestCluster({ zones: 3, drives: 1, erasure: '2+1' });
  client = new S3Connection(cluster.endpoint, cluster.credentials, cluster.region, 30_000);
  await client.call({ method: 'PUT', path: '/rot' });
  for (const [index, sizeBytes] of SIZES_BYTES.entries())
    await client.call({ method: 'PUT', ...object(index, sizeBytes) });
});

afterAll(async () => {
  client.close();
  await cluster.stop();
});

function object(index: number, sizeBytes: number) {
  return { path: `/rot/object-${index}`, body: bodyOf(makeLabel('rot', index, sizeBytes, false)) };
}

async function expectReadable(): Promise<void> {
  for (const [index, sizeBytes] of SIZES_BYTES.entries()) {
    const { path, body } = object(index, sizeBytes);
    expect((await client.call({ method: 'GET', path })).body.equals(body)).toBe(true);
  }
}

async function scrubbed(): Promise<ScrubReport[]> {
  const { exitCode, printed } = await scrub('--wait --timeout 2m --json');
  expect({ exitCode, printed: exitCode === 0 ? '' : printed }).toEqual({ exitCode: 0, printed: '' });
  return (JSON.parse(printed) as { drives: ScrubReport[] }).drives;
}

describe('ashlar scrub', () => {
  test('reads every byte of every drive, and finds nothing where nothing is wrong', async () => {
    const drives = await scrubbed();
    expect(drives.map(({ slot }) => slot).sort()).toEqual(['a1/d1', 'b1/d1', 'c1/d1']);
    for (const drive of drives) {
      expect(drive).toMatchObject({ errorsFound: 0, errorsRepaired: 0, unrepaired: [], isRunning: false });
      expect(drive.passReadBytes).toBeGreaterThan(SIZES_BYTES.reduce((sum, bytes) => sum + bytes, 0) / 2);
      expect(drive.lastPassEndedMs).toBeGreaterThan(0);
    }
  });

  test('finds damaged shards, in files and in the log, and has them rebuilt', async () => {
    await cluster.corruptDrive('a1/d1', { what: 'shards', flips: 2 });
    const damaged = (await scrubbed()).find(({ slot }) => slot === 'a1/d1')!;
    expect(damaged).toMatchObject({ errorsFound: 3, errorsRepaired: 3 });
    expect(await verifyShardFiles([join(cluster.directory, 'data', 'a1/d1')])).toEqual({ files: 2, damaged: [] });
    await cluster.waitHealthy();
    await expectReadable();
  });

  test('finds damaged records of objects, and has them replaced by what the others have decided', async () => {
    await cluster.corruptDrive('b1/d1', { what: 'manifests', flips: 1 });
    const damaged = (await scrubbed()).find(({ slot }) => slot === 'b1/d1')!;
    expect(damaged.errorsFound).toBeGreaterThan(0);
    expect(damaged.errorsRepaired).toBe(damaged.errorsFound);
    await cluster.waitHealthy();
    // The repaired records count again: with another node away a write quorum needs them.
    await cluster.killNode('c1');
    await expectReadable();
    await cluster.reviveNode('c1');
    await cluster.waitHealthy();
  });

  test('says when there is nothing to scrub', async () => {
    expect(await cli(cluster.directory, 'scrub --data nowhere')).toMatchObject({ exitCode: 2 });
  });
});
