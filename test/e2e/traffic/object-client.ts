// An S3 client in a process of its own, inside the network of a testbed: writes objects whose every byte follows from their label,
// reads them back, and goes on doing both while hosts die. A request is tried again as SDKs do, at the next endpoint when there was no
// answer; what that does not hide is an error. Driven by messages from whoever started it (object-client-process.ts).
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyOf, labelOf, makeLabel } from './bodies.ts';
import { type S3Answer, type S3Call, S3Connection, type S3Credentials } from './s3-connection.ts';

export interface ObjectClientOrder {
  readonly endpoints: readonly string[];
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  readonly sizesBytes: readonly number[];
  /** Of each of the three that work at the same time, between its requests; none unless told. */
  readonly pauseMs?: number;
}

export type ObjectClientRequest =
  | { readonly kind: 'make-bucket' }
  /** So many new objects. */
  | { readonly kind: 'write'; readonly count: number }
  /** Every object that was acknowledged so far. */
  | { readonly kind: 'read-all' }
  /** Writes and reads until told to stop. nodes: base URLs, which are asked meanwhile whether they are ready. */
  | { readonly kind: 'begin-work'; readonly nodes: readonly string[] }
  | { readonly kind: 'end-work' }
  /** Any other request, answered with its status and text; status 0 when nobody answers. */
  | { readonly kind: 'fetch'; readonly url: string; readonly token: string | null };

export interface ObjectClientAnswer {
  readonly error?: string;
  /** Objects that were written or read. */
  readonly done?: number;
  /** Times that a request was tried again. */
  readonly retries?: number;
  /** Of the request that needed the most: how often it was tried. */
  readonly attemptsMax?: number;
  /** The longest that one request took, with its retries. */
  readonly slowestMs?: number;
  /** Of the nodes: how many were not ready at the same time, at the worst. */
  readonly unreadyMax?: number;
  readonly status?: number;
  readonly text?: string;
}

const ATTEMPTS_MAX = 12;
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_MS_MAX = 1_000;
/** 499: what MinIO says of requests that it was about to answer when it was stopped. */
const RETRIED_STATUSES = [500, 503, 499];
const FETCH_TIMEOUT_MS = 5_000;
const WORKERS = 3;
const READERS = 8;
const WATCH_INTERVAL_MS = 200;
/** Longer than a busy node ever takes: what is looked for is nodes that say no, or are gone. */
const WATCH_TIMEOUT_MS = 20_000;

/** Who sends requests one after the other, and at which endpoint: the last that answered. */
interface Sender {
  endpoint: number;
}

class ObjectClient {
  readonly #order: ObjectClientOrder;
  readonly #connections: readonly S3Connection[];
  /** By key: the label of the body that was acknowledged. */
  readonly #written = new Map<string, string>();
  #nextNumber = 0;
  readonly #own: Sender = { endpoint: 0 };
  #retries = 0;
  #attemptsMax = 0;
  #slowestMs = 0;
  #work: {
    readonly stop: AbortController;
    readonly workers: Promise<number>[];
    readonly watch: Promise<number>;
  } | null = null;

  constructor(order: ObjectClientOrder) {
    this.#order = order;
    this.#connections = order.endpoints.map(
      (endpoint) => new S3Connection(endpoint, order.credentials, order.region, ATTEMPT_TIMEOUT_MS),
    );
  }

  async answer(request: ObjectClientRequest): Promise<ObjectClientAnswer> {
    switch (request.kind) {
      case 'make-bucket':
        await this.#succeed(this.#own, { method: 'PUT', path: `/${this.#order.bucket}` });
        return {};
      case 'write':
        for (let index = 0; index < request.count; index++) await this.#write(this.#own);
        return { done: request.count, ...this.#counts() };
      case 'read-all': {
        const keys = [...this.#written.keys()].values();
        const readers = Array.from({ length: READERS }, async () => {
          let count = 0;
          for (const key of keys) {
            await this.#read(this.#own, key);
            count++;
          }
          return count;
        });
        return { done: sumOf(await Promise.all(readers)), ...this.#counts() };
      }
      case 'begin-work': {
        const stop = new AbortController();
        const workers = Array.from({ length: WORKERS }, (_, index) =>
          this.#workUntil({ endpoint: (index + 1) % this.#connections.length }, stop.signal),
        );
        // Whatever goes wrong is told at the end of the work.
        for (const worker of workers) worker.catch(() => {});
        this.#work = { stop, workers, watch: watchReady(request.nodes, stop.signal) };
        return {};
      }
      case 'end-work': {
        const { stop, workers, watch } = this.#work!;
        stop.abort();
        const done = sumOf(await Promise.all(workers));
        return { done, unreadyMax: await watch, ...this.#counts() };
      }
      case 'fetch':
        return fetchText(request.url, request.token);
    }
  }

  #counts(): Pick<ObjectClientAnswer, 'retries' | 'attemptsMax' | 'slowestMs'> {
    const counts = { retries: this.#retries, attemptsMax: this.#attemptsMax, slowestMs: this.#slowestMs };
    this.#retries = 0;
    this.#attemptsMax = 0;
    this.#slowestMs = 0;
    return counts;
  }

  async #workUntil(sender: Sender, stop: AbortSignal): Promise<number> {
    for (let count = 0; ; count++) {
      if (stop.aborted) return count;
      await delay(this.#order.pauseMs ?? 0);
      if (count % 2 === 0) await this.#write(sender);
      else await this.#read(sender, [...this.#written.keys()][randomInt(this.#written.size)]!);
    }
  }

  async #write(sender: Sender): Promise<void> {
    const number = ++this.#nextNumber;
    const { sizesBytes, bucket } = this.#order;
    const label = makeLabel(bucket, number, sizesBytes[number % sizesBytes.length]!, false);
    const key = `object${number}`;
    await this.#succeed(sender, { method: 'PUT', path: `/${bucket}/${key}`, body: bodyOf(label) });
    this.#written.set(key, label);
  }

  async #read(sender: Sender, key: string): Promise<void> {
    const { body } = await this.#succeed(sender, { method: 'GET', path: `/${this.#order.bucket}/${key}` });
    const label = labelOf(body);
    if (label !== this.#written.get(key))
      throw new Error(`${key} holds ${label}, ${this.#written.get(key)} was written`);
  }

  async #succeed(sender: Sender, call: S3Call): Promise<S3Answer> {
    const startedMs = performance.now();
    let problem = '';
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) {
        this.#retries++;
        await delay(randomInt(Math.min(RETRY_MS_MAX, 50 * 2 ** attempt)));
      }
      try {
        const answer = await this.#connections[sender.endpoint]!.call(call);
        if (answer.status === 200) {
          this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
          this.#attemptsMax = Math.max(this.#attemptsMax, attempt + 1);
          return answer;
        }
        problem = `HTTP ${answer.status} ${answer.body.toString().slice(0, 300)}`;
        if (!RETRIED_STATUSES.includes(answer.status)) break;
      } catch (error) {
        problem = (error as Error).message;
        sender.endpoint = (sender.endpoint + 1) % this.#connections.length;
      }
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    throw new Error(`${call.method} ${call.path} failed after ${seconds} s: ${problem}`);
  }
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** The largest number of nodes that were seen not to be ready at once. */
async function watchReady(nodes: readonly string[], stop: AbortSignal): Promise<number> {
  let unreadyMax = 0;
  while (!stop.aborted) {
    const answers = await Promise.all(
      nodes.map((node) => fetchText(`${node}/_ashlar/health/ready`, null, WATCH_TIMEOUT_MS)),
    );
    unreadyMax = Math.max(unreadyMax, answers.filter(({ status }) => status !== 200).length);
    await delay(WATCH_INTERVAL_MS);
  }
  return unreadyMax;
}

async function fetchText(url: string, token: string | null, timeoutMs = FETCH_TIMEOUT_MS): Promise<ObjectClientAnswer> {
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
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
