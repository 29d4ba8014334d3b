// Runs on the other side of the switch, in the guest's namespace "rack": writes objects whose every byte follows from their label, or
// reads them back and looks at every byte. Prints what it did; exits with 1 and a sentence when something is wrong.
import { setTimeout as delay } from 'node:timers/promises';
import { bodyOf, labelOf, makeLabel } from '../traffic/bodies.ts';
import { S3Connection, type S3Credentials } from '../traffic/s3-connection.ts';

export interface ClientOrder {
  readonly work: 'write' | 'read';
  readonly endpoint: string;
  readonly credentials: S3Credentials;
  /** Objects of another batch are other ones. */
  readonly batch: string;
  readonly sizesBytes: readonly number[];
}

const BUCKET = '/rack';
const REGION = 'us-east-1';
/** Everything here is emulated; what is looked for is answers, not speed. */
const TIMEOUT_MS = 120_000;
const ATTEMPTS_MAX = 20;
const RETRY_MS = 1000;

const order = JSON.parse(process.argv[2]!) as ClientOrder;
const connection = new S3Connection(order.endpoint, order.credentials, REGION, TIMEOUT_MS);
const labels = order.sizesBytes.map((sizeBytes, number) => makeLabel(order.batch, number, sizeBytes, false));
if (order.work === 'write') await expectStatus('PUT', BUCKET, undefined, [200, 409]);
for (const label of labels) {
  const path = `${BUCKET}/${label}`;
  if (order.work === 'write') await expectStatus('PUT', path, bodyOf(label), [200]);
  else if (labelOf(await expectStatus('GET', path, undefined, [200])) !== label)
    throw new Error(`${label} has the body of another object`);
}
connection.close();
console.log(`${labels.length} objects`);

async function expectStatus(
  method: 'GET' | 'PUT',
  path: string,
  body: Buffer | undefined,
  statuses: readonly number[],
): Promise<Buffer> {
  let answer = await connection.call({ method, path, ...(body === undefined ? {} : { body }) });
  // "Please retry", which an emulated node says when its drives were slow. SDKs do so, too.
  for (let attempt = 1; answer.status === 503 && attempt < ATTEMPTS_MAX; attempt++) {
    await delay(RETRY_MS);
    answer = await connection.call({ method, path, ...(body === undefined ? {} : { body }) });
  }
  if (!statuses.includes(answer.status))
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString('utf8', 0, 500)}`);
  return answer.body;
}
