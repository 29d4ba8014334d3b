// An S3 client in a process of its own, inside the network of a testbed: writes objects whose every byte follows from their label,
// reads them back, and goes on doing both while hosts die. A request is tried again elsewhere as SDKs do; what that does not
// hide is an error. Driven by messages from whoever started it (object-client-process.ts).
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyOf, labelOf, makeLabel } from '../traffic/bodies.ts';
import { type S3Answer, type S3Call, S3Connection, type S3Credentials } from '../traffic/s3-connection.ts';

export interface ObjectClientOrder {
  readonly endpoints: readonly string[];
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  readonly sizesBytes: readonly number[];
}

export type ObjectClientRequest =
  | { readonly kind: 'make-bucket' }
  /** So many new objects. */
  | { readonly kind: 'write'; readonly count: number }
  /** Every object that was acknowledged so far. */
  | { readonly kind: 'read-all' }
  /** Writes and reads until told to stop. */
  | { readonly kind: 'begin-work' }
  | { readonly kind: 'end-work' }
  /** Any other request, answered with its status and text; status 0 when nobody answers. */
  | { readonly kind: 'fetch'; readonly url: string; readonly token: string | null };

export interface ObjectClientAnswer {
  readonly error?: string;
  /** Objects that were written or read. */
  readonly done?: number;
  /** Times that a request was tried again. */
  readonly retries?: number;
  /** The longest that one request took, with its retries. */
  readonly slowestMs?: number;
  readonly status?: number;
  readonly text?: string;
}

const ATTEMPTS_MAX = 12;
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_MS_MAX = 1_000;
const FETCH_TIMEOUT_MS = 5_000;
const WORKERS = 3;

class ObjectClient {
  readonly #order: ObjectClientOrder;
  readonly #connections: readonly S3Connection[];
  /** By key: the label of the body that was acknowledged. */
  readonly #written = new Map<string, string>();
  #nextNumber = 0;
  #nextConnection = 0;
  #retries = 0;
  #slowestMs = 0;
  #work: { readonly stop: AbortController; readonly workers: Promise<number>[] } | null = null;

  constructor(order: ObjectClientOrder) {
    this.#order = order;
    this.#connections = order.endpoints.map(
      (endpoint) => new S3Connection(endpoint, order.credentials, order.region, ATTEMPT_TIMEOUT_MS),
    );
  }

  async answer(request: ObjectClientRequest): Promise<ObjectClientAnswer> {
    switch (request.kind) {
      case 'make-bucket':
        await this.#succeed({ method: 'PUT', path: `/${this.#order.bucket}` });
        return {};
      case 'write':
        for (let index = 0; index < request.count; index++) await this.#write();
        return { done: request.count, ...this.#counts() };
      case 'read-all': {
        const keys = [...this.#written.keys()];
        for (const key of keys) await this.#read(key);
        return { done: keys.length, ...this.#counts() };
      }
      case 'begin-work': {
        const stop = new AbortController();
        const workers = Array.from({ length: WORKERS }, () => this.#workUntil(stop.signal));
        // Whatever goes wrong is told at the end of the work.
        for (const worker of workers) worker.catch(() => {});
        this.#work = { stop, workers };
        return {};
      }
      case 'end-work': {
        const { stop, workers } = this.#work!;
        stop.abort();
        const done = (await Promise.all(workers)).reduce((sum, count) => sum + count, 0);
        return { done, ...this.#counts() };
      }
      case 'fetch':
        return fetchText(request.url, request.token);
    }
  }

  #counts(): Pick<ObjectClientAnswer, 'retries' | 'slowestMs'> {
    const counts = { retries: this.#retries, slowestMs: this.#slowestMs };
    this.#retries = 0;
    this.#slowestMs = 0;
    return counts;
  }

  async #workUntil(stop: AbortSignal): Promise<number> {
    for (let count = 0; ; count++) {
      if (stop.aborted) return count;
      if (count % 2 === 0) await this.#write();
      else await this.#read([...this.#written.keys()][randomInt(this.#written.size)]!);
    }
  }

  async #write(): Promise<void> {
    const number = ++this.#nextNumber;
    const { sizesBytes, bucket } = this.#order;
    const label = makeLabel('swarm', number, sizesBytes[number % sizesBytes.length]!, false);
    const key = `object${number}`;
    await this.#succeed({ method: 'PUT', path: `/${bucket}/${key}`, body: bodyOf(label) });
    this.#written.set(key, label);
  }

  async #read(key: string): Promise<void> {
    const { body } = await this.#succeed({ method: 'GET', path: `/${this.#order.bucket}/${key}` });
    const label = labelOf(body);
    if (label !== this.#written.get(key))
      throw new Error(`${key} holds ${label}, ${this.#written.get(key)} was written`);
  }

  /** Tries again, at the next endpoint, what may be tried again. */
  async #succeed(call: S3Call): Promise<S3Answer> {
    const startedMs = performance.now();
    let problem = '';
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) {
        this.#retries++;
        await delay(randomInt(Math.min(RETRY_MS_MAX, 50 * 2 ** attempt)));
      }
      const connection = this.#connections[this.#nextConnection++ % this.#connections.length]!;
      try {
        const answer = await connection.call(call);
        if (answer.status === 200) {
          this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
          return answer;
        }
        problem = `HTTP ${answer.status} ${answer.body.toString().slice(0, 300)}`;
        if (answer.status !== 503 && answer.status !== 500) break;
      } catch (error) {
        problem = (error as Error).message;
      }
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    throw new Error(`${call.method} ${call.path} failed after ${seconds} s: ${problem}`);
  }
}

async function fetchText(url: string, token: string | null): Promise<ObjectClientAnswer> {
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}

if (import.meta.main) {
  const client = new ObjectClient(JSON.parse(process.argv[2]!) as ObjectClientOrder);
  process.on('message', ({ id, request }: { id: number; request: ObjectClientRequest }) => {
    client.answer(request).then(
      (answer) => process.send!({ id, answer }),
      (error: unknown) =>
        process.send!({ id, answer: { error: error instanceof Error ? error.message : String(error) } }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}
