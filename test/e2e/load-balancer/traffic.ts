// Clients of a balanced cluster: some with the AWS SDK, which tries again as it does by default, and some that never do, so that
// every failure is seen. Each object is written once, and its body says what it is (traffic/bodies.ts).
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { bodyOf, labelOf, makeLabel } from '../traffic/bodies.ts';
import { S3Connection, type S3Credentials } from '../traffic/s3-connection.ts';

export interface TrafficProps {
  readonly endpoint: string;
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  /** Operations under way at a time, of each sort of client. */
  readonly concurrency: number;
}

export interface Tally {
  /** Operations that came to an end, of clients that try again and of those that do not. */
  readonly retrying: number;
  readonly plain: number;
  /** Requests that the SDK sent again. */
  readonly hidden: number;
  /** Of the clients that do not try again: how often, by what went wrong. */
  readonly raw: ReadonlyMap<string, number>;
}

const SIZES_BYTES = [900, 40_000, 700_000];
const TIMEOUT_MS = 30_000;
const READ_DEADLINE_MS = 180_000;
const RETRY_MS = 100;

export class Traffic {
  /** What no fault excuses: wrong bytes, an object that is not there, and what the SDK could not hide. */
  readonly broken: string[] = [];
  readonly #props: TrafficProps;
  readonly #sdk: S3Client;
  readonly #plain: S3Connection;
  readonly #acknowledged: string[] = [];
  readonly #stop = new AbortController();
  readonly #workers: Promise<void>[];
  #counts = { retrying: 0, plain: 0, hidden: 0 };
  #raw = new Map<string, number>();
  #nextNumber = 0;

  constructor(props: TrafficProps) {
    const { endpoint, credentials, region, concurrency } = props;
    this.#props = props;
    this.#sdk = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    this.#plain = new S3Connection(endpoint, credentials, region, TIMEOUT_MS);
    this.#workers = Array.from({ length: 2 * concurrency }, (_, index) =>
      this.#work(index < concurrency ? () => this.#retrying() : () => this.#once()),
    );
  }

  /** Of the time since it was asked last. */
  tally(): Tally {
    const tally = { ...this.#counts, raw: this.#raw };
    this.#counts = { retrying: 0, plain: 0, hidden: 0 };
    this.#raw = new Map();
    return tally;
  }

  /** Resolves when the last operations have ended. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#workers);
    this.#sdk.destroy();
  }

  /** Reads back everything that was acknowledged. How many objects that were. */
  async readAll(): Promise<number> {
    let next = 0;
    const work = async () => {
      while (next < this.#acknowledged.length) await this.#readInTime(this.#acknowledged[next++]!);
    };
    await Promise.all(Array.from({ length: this.#props.concurrency }, work));
    this.#plain.close();
    return this.#acknowledged.length;
  }

  async #readInTime(label: string): Promise<void> {
    const endMs = performance.now() + READ_DEADLINE_MS;
    while (!(await this.#readsRight(label))) {
      if (performance.now() > endMs) throw new Error(`${label} could not be read for ${READ_DEADLINE_MS} ms`);
      await delay(RETRY_MS);
    }
  }

  async #work(operate: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) await operate();
  }

  async #retrying(): Promise<void> {
    const { bucket } = this.#props;
    const { kind, label } = this.#next('s');
    const target = { Bucket: bucket, Key: label };
    try {
      if (kind === 'put') {
        const { $metadata } = await this.#sdk.send(new PutObjectCommand({ ...target, Body: bodyOf(label) }));
        this.#acknowledged.push(label);
        this.#counts.hidden += ($metadata.attempts ?? 1) - 1;
      } else if (kind === 'get') {
        const { $metadata, Body } = await this.#sdk.send(new GetObjectCommand(target));
        this.#counts.hidden += ($metadata.attempts ?? 1) - 1;
        await this.#readBody(label, () => Body!.transformToByteArray());
      } else {
        const { $metadata } = await this.#sdk.send(new HeadObjectCommand(target));
        this.#counts.hidden += ($metadata.attempts ?? 1) - 1;
      }
      this.#counts.retrying++;
    } catch (error) {
      this.broken.push(`SDK: ${kind} ${label}: ${(error as Error).name} ${(error as Error).message}`);
    }
  }

  /** An answer that breaks off in the middle is the application's to ask for again: no SDK does. */
  async #readBody(label: string, read: () => Promise<Uint8Array>): Promise<void> {
    let body: Buffer;
    try {
      body = Buffer.from(await read());
    } catch {
      this.#count('SDK: body broken off');
      return;
    }
    this.#verify(label, body);
  }

  async #once(): Promise<void> {
    const { kind, label } = this.#next('p');
    const path = `/${this.#props.bucket}/${label}`;
    try {
      const answer =
        kind === 'put'
          ? await this.#plain.call({ method: 'PUT', path, body: bodyOf(label) })
          : await this.#plain.call({ method: kind === 'get' ? 'GET' : 'HEAD', path });
      this.#counts.plain++;
      if (answer.status !== 200) this.#count(`${kind}: ${answer.status}`);
      else if (kind === 'put') this.#acknowledged.push(label);
      else if (kind === 'get') this.#verify(label, answer.body);
      if (answer.status !== 200 && answer.status < 500) this.broken.push(`${kind} ${label}: HTTP ${answer.status}`);
    } catch (error) {
      this.#counts.plain++;
      this.#count(`${kind}: ${(error as Error).message}`);
    }
  }

  #next(client: 's' | 'p'): { kind: 'put' | 'get' | 'head'; label: string } {
    const fate = randomInt(10);
    if (fate < 5 || this.#acknowledged.length === 0) {
      const sizeBytes = SIZES_BYTES[randomInt(SIZES_BYTES.length)]!;
      return { kind: 'put', label: makeLabel(client, this.#nextNumber++, sizeBytes, false) };
    }
    const label = this.#acknowledged[randomInt(this.#acknowledged.length)]!;
    return { kind: fate < 9 ? 'get' : 'head', label };
  }

  async #readsRight(label: string): Promise<boolean> {
    const path = `/${this.#props.bucket}/${label}`;
    const answer = await this.#plain.call({ method: 'GET', path }).catch(() => null);
    if (answer?.status !== 200) return false;
    this.#verify(label, answer.body);
    return true;
  }

  #verify(label: string, body: Buffer): void {
    try {
      const found = labelOf(body);
      if (found !== label) this.broken.push(`${label} holds the body of ${found}`);
    } catch (error) {
      this.broken.push(`${label}: ${(error as Error).message}`);
    }
  }

  #count(what: string): void {
    this.#raw.set(what, (this.#raw.get(what) ?? 0) + 1);
  }
}

export function tallyText({ retrying, plain, hidden, raw }: Tally): string {
  const failures = [...raw].map(([what, count]) => `${count} ${what}`).join(', ');
  const sum = [...raw.values()].reduce((total, count) => total + count, 0);
  const ratio = `${sum} of ${plain} requests without retries failed${sum === 0 ? '' : ` (${failures})`}`;
  return `${ratio}; ${retrying} SDK operations, ${hidden} requests sent again`;
}
