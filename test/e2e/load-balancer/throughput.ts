// What is lost to the balancer: the same load straight to the nodes and through it, turn by turn in one run, so that what else the
// machine does hits both alike.

import type { S3Connection } from '../traffic/s3-connection.ts';
import type { RunningBalancer } from './program.ts';
import { BUCKET, connectionTo, persistently, type Site } from './site.ts';

const MIB = 1024 * 1024;
const ROUNDS = 5;
const WORKLOADS = [
  { name: '4 KiB', sizeBytes: 4096, concurrency: 16, objects: 600 },
  { name: '64 MiB', sizeBytes: 64 * MIB, concurrency: 2, objects: 4 },
] as const;

export async function throughput(site: Site, balancer: RunningBalancer): Promise<void> {
  const straight = site.faulty.endpoints.map((endpoint) => connectionTo(site, endpoint));
  const through = [connectionTo(site, balancer.endpoint)];
  for (const { name, sizeBytes, concurrency, objects } of WORKLOADS) {
    const load = (connections: readonly S3Connection[], method: 'PUT' | 'GET') =>
      measure(connections, method, sizeBytes, concurrency, objects);
    // What comes first warms everything up.
    for (const connections of [straight, through]) await load(connections, 'PUT');
    for (const method of ['PUT', 'GET'] as const) {
      const pairs: { straight: number; through: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const first = await load(straight, method);
        const behind = await load(through, method);
        const last = await load(straight, method);
        pairs.push({ straight: (first + last) / 2, through: behind });
      }
      const unit = sizeBytes < MIB ? 'requests/s' : 'MiB/s';
      const scale = sizeBytes < MIB ? 1 : sizeBytes / MIB;
      const ratio = median(pairs.map((pair) => pair.through / pair.straight));
      const speeds = (['straight', 'through'] as const).map((key) =>
        (median(pairs.map((pair) => pair[key])) * scale).toFixed(0),
      );
      site.say(
        `${balancer.kind}, ${method} ${name}: ${speeds[0]} ${unit} straight, ${speeds[1]} through it, ratio ${ratio.toFixed(2)} (median of ${ROUNDS})`,
      );
    }
  }
  for (const connection of [...straight, ...through]) connection.close();
}

/** Objects per second. */
async function measure(
  connections: readonly S3Connection[],
  method: 'PUT' | 'GET',
  sizeBytes: number,
  concurrency: number,
  count: number,
): Promise<number> {
  const body = Buffer.alloc(sizeBytes, 'x');
  let next = 0;
  const startedAt = performance.now();
  const once = async (connection: S3Connection, number: number) => {
    const path = `/${BUCKET}/speed-${sizeBytes}-${number}`;
    const answer = await connection.call({ method, path, ...(method === 'PUT' ? { body } : {}) });
    if (answer.status !== 200) throw new Error(`${method} ${path}: HTTP ${answer.status} ${answer.body}`);
    if (method === 'GET' && answer.body.length !== sizeBytes) throw new Error(`${path} is too short`);
  };
  const work = async (index: number) => {
    while (next < count) {
      const number = next++;
      await persistently(() => once(connections[(index + number) % connections.length]!, number));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, index) => work(index)));
  const seconds = (performance.now() - startedAt) / 1000;
  return count / seconds;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
