// `ashlar drill corrupt` on the drives of a real cluster: it damages what it says, nothing else, and only while nobody is hurt
// who should not be. That the cluster survives it is shown by the end-to-end suite `bitrot`.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCluster } from '../../stacks/local/data-directory.ts';
import { drill } from '../../stacks/local/drill.ts';
import { createTestCluster, type TestCluster } from '../../stacks/local/test-cluster.ts';
import { verifyShardFiles } from '../e2e/shard-files.ts';
import { bodyOf, makeLabel } from '../e2e/traffic/bodies.ts';
import { S3Connection } from '../e2e/traffic/s3-connection.ts';

const SIZES_BYTES = [4_000, 20_000, 300_000, 400_000];

let cluster: TestCluster;
let client: S3Connection;
const drive = (slot: string) => join(cluster.directory, 'data', slot);

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

describe('corrupting a drive', () => {
  test('damages every shard of it, and nothing on other drives', async () => {
    expect(await verifyShardFiles([drive('a1/d1')])).toEqual({ files: 2, damaged: [] });
    const before = digests('b1/d1');
    const flipped = await cluster.corruptDrive('a1/d1', { flips: 3 });
    // Two bodies in files of their own, and one whose shards are small enough for the log.
    expect(flipped).toHaveLength(9);
    expect((await verifyShardFiles([drive('a1/d1')])).damaged).toHaveLength(2);
    expect(flipped.filter(({ file }) => file.includes('/log/'))).toHaveLength(3);
    expect(digests('b1/d1')).toEqual(before);
  });

  test('leaves every object readable as it was written', async () => {
    for (const [index, sizeBytes] of SIZES_BYTES.entries()) {
      const { path, body } = object(index, sizeBytes);
      expect((await client.call({ method: 'GET', path })).body.equals(body)).toBe(true);
    }
  });

  test('touches the files that were asked for only', async () => {
    const flipped = await cluster.corruptDrive('b1/d1', { files: (path) => path.startsWith('shards/') });
    expect(flipped.map(({ file }) => file.includes('/shards/'))).toEqual([true, true]);
  });

  test('finds the records of objects, which are not shards, also behind others that rotted before', async () => {
    await cluster.corruptDrive('c1/d1', { files: (path) => path.startsWith('log/') });
    const flipped = await cluster.corruptDrive('c1/d1', { what: 'manifests' });
    // The bucket's record and one for each object at the least; some are written more than once.
    expect(flipped.length).toBeGreaterThan(SIZES_BYTES.length);
    expect(flipped.every(({ file }) => file.includes('/log/'))).toBe(true);
    expect((await verifyShardFiles([drive('c1/d1')])).damaged).toEqual([]);
  });

  test.each(['log', 'index'] as const)('refuses to change the %s under a running node', async (what) => {
    await expect(cluster.corruptDrive('a1/d1', { what })).rejects.toThrow(
      `node a1 runs and uses the ${what} of drive a1/d1; killNode() it first`,
    );
  });
});

describe('the drill', () => {
  test('kills the node for its index, flips, and starts it again', async () => {
    const local = openCluster(cluster.directory)!;
    // The index is a file once the first checkpoint is made.
    const index = () => readFileSync(join(drive('b1/d1'), 'index', 'tree'));
    while (index().length === 0) await delay(50);
    const report = await drill({
      cluster: local,
      action: 'corrupt',
      kind: 'node',
      name: 'b1',
      corruption: { what: 'index', flips: 50 },
    });
    expect(report[0]).toMatch(
      /^Flipped 50 bytes of the index on drive b1\/d1, in 1 file; the first: byte \d+ of \/.*index\/tree\.$/,
    );
    expect(report[1]).toBe('Node b1 was killed for it and started again.');
  });

  test('refuses a drive that is dead', async () => {
    await cluster.killDrive('c1/d1');
    const props = {
      cluster: openCluster(cluster.directory)!,
      action: 'corrupt',
      kind: 'drive',
      name: 'c1/d1',
    } as const;
    await expect(drill(props)).rejects.toThrow('drive c1/d1 is dead; there is nothing on it to corrupt');
  });
});

function object(index: number, sizeBytes: number) {
  return { path: `/rot/object${index}`, body: bodyOf(makeLabel('rot', index, sizeBytes, false)) };
}

/** Of everything that holds objects on the drive. */
function digests(slot: string): Map<string, string> {
  const entries = readdirSync(join(drive(slot), 'shards'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]));
}
