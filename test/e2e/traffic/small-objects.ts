// A process that puts numbered objects of one size as fast as the cluster takes them: started by fork() with its order as the only
// argument, it tells its starter how far it is, and ends when all of them are acknowledged.
import { setTimeout as delay } from 'node:timers/promises';
import { NoAnswer, S3Connection, type S3Credentials } from './s3-connection.ts';

export interface PutOrder {
  readonly endpoints: readonly string[];
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  /** The first and the last but one. */
  readonly from: number;
  readonly to: number;
  readonly sizeBytes: number;
  /** Requests under way at a time. */
  readonly concurrency: number;
}

/** Since the message before. */
export interface PutProgress {
  readonly acknowledged: number;
  /** Asked again after 503 or without an answer. */
  readonly repeated: number;
  /** Of each of the acknowledged. */
  readonly latenciesMs: readonly number[];
}

/** Sorted as texts they are sorted by number. */
export function objectName(number: number): string {
  return `object-${String(number).padStart(9, '0')}`;
}

/** No two are alike, and each says which one it is. */
export function objectBody(number: number, sizeBytes: number): Buffer {
  const body = Buffer.alloc(sizeBytes, `${objectName(number)} `);
  body.writeUInt32LE(number, sizeBytes - 4);
  return body;
}

const TIMEOUT_MS = 60_000;
const REPORT_INTERVAL_MS = 1_000;
const RETRY_MS = 100;

if (import.meta.main) await main(JSON.parse(process.argv[2]!));

async function main(order: PutOrder): Promise<void> {
  const { endpoints, credentials, region } = order;
  const connections = endpoints.map((endpoint) => new S3Connection(endpoint, credentials, region, TIMEOUT_MS));
  let latenciesMs: number[] = [];
  let repeated = 0;
  const report = () => {
    process.send!({ acknowledged: latenciesMs.length, repeated, latenciesMs } satisfies PutProgress);
    latenciesMs = [];
    repeated = 0;
  };
  const reporting = setInterval(report, REPORT_INTERVAL_MS);
  // Nobody waits for the rest when the starter is gone.
  process.once('disconnect', () => process.exit(1));

  let next = order.from;
  const workers = Array.from({ length: order.concurrency }, async () => {
    while (next < order.to) {
      const number = next++;
      const startedAt = performance.now();
      while (!(await put(connections[number % connections.length]!, order, number))) {
        repeated++;
        await delay(RETRY_MS);
      }
      latenciesMs.push(performance.now() - startedAt);
    }
  });
  await Promise.all(workers);
  clearInterval(reporting);
  report();
  for (const connection of connections) connection.close();
  process.removeAllListeners('disconnect');
  process.disconnect();
}

/** false: to be asked again. */
async function put(connection: S3Connection, { bucket, sizeBytes }: PutOrder, number: number): Promise<boolean> {
  const body = objectBody(number, sizeBytes);
  try {
    const answer = await connection.call({ method: 'PUT', path: `/${bucket}/${objectName(number)}`, body });
    if (answer.status === 200) return true;
    if (answer.status === 503) return false;
    throw new Error(`PUT ${objectName(number)}: HTTP ${answer.status} ${answer.body}`);
  } catch (error) {
    if (error instanceof NoAnswer) return false;
    throw error;
  }
}
