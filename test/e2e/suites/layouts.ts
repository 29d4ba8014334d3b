// Each layout that the documentation promises something of: every zone is lost in turn, then pairs of drives, and after each
// loss all objects are read back and new ones written where the plan says that writes go on.
import { createHash, randomBytes } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { LocalCluster } from '../local-cluster.ts';
import type { Suite, SuiteContext } from '../suite.ts';

const PORT = 19_500;
const HEAL_TIMEOUT_SECONDS = 120;
/** Around the inline limit, a stripe and several stripes. */
const SIZES_BYTES = [0, 1, 4_096, 8_192, 8_193, 100_000, 1_048_576, 1_048_577, 5_000_000];

interface Layout {
  readonly name: string;
  readonly spec: string;
  readonly zones: readonly string[];
  /** Pairs of drives to lose together. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Whether writes go on with a pair lost: they need m+1 replicas of each register. */
  readonly writesWithPairLost: boolean;
}

const LAYOUTS: readonly Layout[] = [
  {
    name: '2+2 on four nodes in four zones',
    spec: 'name: four\nerasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n',
    zones: ['a', 'b', 'c', 'd'],
    pairs: [['a1/d1', 'c1/d1']],
    writesWithPairLost: false,
  },
  {
    name: '4+2 on four nodes with two drives each (the default)',
    spec: 'name: default\nerasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n',
    zones: ['a', 'b', 'c', 'd'],
    pairs: [
      ['a1/d1', 'c1/d2'],
      ['b1/d1', 'b1/d2'],
    ],
    writesWithPairLost: true,
  },
  {
    name: '4+2 on six nodes in three zones',
    spec: 'name: six\nerasure: 4+2\nzones: {a: 2, b: 2, c: 2}\ndrives: 1\n',
    zones: ['a', 'b', 'c'],
    pairs: [
      ['a1/d1', 'b2/d1'],
      ['c1/d1', 'c2/d1'],
    ],
    writesWithPairLost: true,
  },
];

export const layouts: Suite = {
  name: 'layouts',
  summary: 'every zone and pairs of drives are lost in turn on each promised layout; nothing else is',
  packages: [],
  run: async (context) => {
    for (const [index, layout] of (context.ci ? LAYOUTS.slice(0, 1) : LAYOUTS).entries())
      await tryLayout(context, layout, index);
  },
};

async function tryLayout({ ci, directory, say }: SuiteContext, layout: Layout, index: number): Promise<void> {
  say(layout.name);
  const cluster = await LocalCluster.up(`${directory}/${index}`, PORT + index, layout.spec);
  const objects = new Objects(cluster);
  try {
    await objects.createBucket();
    await objects.write('before');
    for (const zone of ci ? layout.zones.slice(0, 2) : layout.zones) {
      await cluster.drill('kill', 'zone', zone);
      await objects.verify(`zone ${zone} lost`);
      await objects.write(`without-${zone}`);
      await objects.verify(`zone ${zone} lost, written meanwhile`);
      await cluster.drill('revive', 'zone', zone);
      say(
        `  zone ${zone} lost: all ${objects.count} objects read, new ones written; healed after ${(await cluster.untilHealthy(HEAL_TIMEOUT_SECONDS)).toFixed(1)} s`,
      );
    }
    for (const pair of layout.pairs) {
      for (const drive of pair) await cluster.drill('kill', 'drive', drive);
      await objects.verify(`drives ${pair.join(' and ')} lost`);
      if (layout.writesWithPairLost) await objects.write(`without-${pair.join('-').replaceAll('/', '')}`);
      for (const drive of pair) await cluster.drill('revive', 'drive', drive);
      say(
        `  drives ${pair.join(' and ')} lost: all ${objects.count} objects read; healed after ${(await cluster.untilHealthy(HEAL_TIMEOUT_SECONDS)).toFixed(1)} s`,
      );
    }
    await objects.verify('all is well again');
  } finally {
    await cluster.down();
  }
}

/** What was acknowledged, kept outside the cluster as digests. */
class Objects {
  readonly #client: S3Client;
  readonly #digests = new Map<string, string>();

  constructor({ endpoint, env }: LocalCluster) {
    this.#client = new S3Client({
      endpoint,
      region: env.AWS_REGION!,
      forcePathStyle: true,
      maxAttempts: 10,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
    });
  }

  get count(): number {
    return this.#digests.size;
  }

  async createBucket(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: 'layouts' }));
  }

  async write(prefix: string): Promise<void> {
    for (const sizeBytes of SIZES_BYTES) {
      const body = randomBytes(sizeBytes);
      const key = `${prefix}/${sizeBytes}`;
      await this.#client.send(new PutObjectCommand({ Bucket: 'layouts', Key: key, Body: body }));
      this.#digests.set(key, digest(body));
    }
  }

  async verify(when: string): Promise<void> {
    for (const [key, expected] of this.#digests) {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: 'layouts', Key: key }));
      const found = digest(await Body!.transformToByteArray());
      if (found !== expected) throw new Error(`${when}: ${key} has SHA-256 ${found}, ${expected} was written`);
    }
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
