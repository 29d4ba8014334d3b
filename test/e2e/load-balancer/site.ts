// A cluster and the spec by which a balancer finds it: what every part of the suite works on.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import type { FaultyCluster } from '../faulty-cluster.ts';
import type { SuiteContext } from '../suite.ts';
import { S3Connection } from '../traffic/s3-connection.ts';

export const DOMAIN = 's3.test.example';
export const BUCKET = 'balanced';
const TIMEOUT_MS = 60_000;

export interface Site extends Pick<SuiteContext, 'ci' | 'directory' | 'say'> {
  readonly faulty: FaultyCluster;
  /** The cluster with the addresses of its nodes. */
  readonly specFile: string;
}

export async function makeSite({ ci, directory, say }: SuiteContext, faulty: FaultyCluster): Promise<Site> {
  const specFile = join(directory, 'cluster.yaml');
  const nodes = faulty.cluster.nodes.map(({ name, zone, endpoint, drives }) => [
    name,
    { zone, address: new URL(endpoint).host, drives: drives.map((slot) => `/data/${slot.split('/')[1]}`) },
  ]);
  // JSON is YAML.
  const spec = { name: 'balanced', erasure: '4+2', domains: [DOMAIN], nodes: Object.fromEntries(nodes) };
  await writeFile(specFile, JSON.stringify(spec));
  const site = { ci, directory, say, faulty, specFile };
  const first = connectionTo(site, faulty.cluster.endpoint);
  await first.call({ method: 'PUT', path: `/${BUCKET}` });
  first.close();
  return site;
}

export function connectionTo({ faulty }: Site, endpoint: string): S3Connection {
  const { credentials, region } = faulty.cluster;
  return new S3Connection(endpoint, credentials, region, TIMEOUT_MS);
}

export function sdkFor(
  { faulty }: Site,
  endpoint: string,
  more: ConstructorParameters<typeof S3Client>[0] = {},
): S3Client {
  const { credentials, region } = faulty.cluster;
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, ...more });
}

const ATTEMPTS = 8;
const RETRY_MS = 2_000;

/** As an SDK would, and more patiently: on a machine that does much else a cluster may have no quorum for a while. */
export async function persistently<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await delay(RETRY_MS);
    }
  }
}
