// One client that does everything S3 offers to objects, at random, and records what it was told. Every body it reads is verified
// to the last byte. What the store must never answer, whatever happened to it, is kept as a broken promise.
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Condition, UNCONDITIONAL, type WriteAnswer } from '../../simulation/checkers/object-model.ts';
import { bodyOf, etagOf, isInParts, labelOf, makeLabel, PART_BYTES, partsOf } from './bodies.ts';
import { nowNs, type RecordedOperation } from './recorded-history.ts';
import { NoAnswer, type S3Answer, type S3Call, S3Connection, type S3Credentials } from './s3-connection.ts';

export interface TrafficProps {
  /** Letters and digits; no other client of the run has it. */
  readonly client: string;
  /** Each operation goes to one of them. */
  readonly endpoints: readonly string[];
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  /** Called before each operation: the objects that are worked on now. */
  readonly objects: () => readonly string[];
  /** What a listing asks for now. */
  readonly listPrefix: () => string;
  readonly mix: TrafficMix;
  readonly timeoutMs: number;
  readonly record: (operation: RecordedOperation) => void;
}

export interface TrafficMix {
  /** Of all operations; the rest are gets. */
  readonly putShare: number;
  readonly deleteShare: number;
  readonly listShare: number;
  /** Of puts and deletes. */
  readonly conditionalShare: number;
  /** Of puts. */
  readonly multipartShare: number;
  /** Upper ends of sizes, picked with equal chance. */
  readonly bytesMax: readonly number[];
  /** Between two operations. */
  readonly thinkMsMax: number;
}

/** The answer does not say what happened, or none came. */
class Unknown extends Error {
  override readonly name = 'Unknown';
}

export class TrafficClient {
  /** Wrong bytes, and answers that no fault excuses. */
  readonly brokenPromises: string[] = [];
  readonly #props: TrafficProps;
  readonly #connections: readonly S3Connection[];
  /** ETags as this client last saw them, to build conditions on. */
  readonly #seen = new Map<string, { readonly etag: string; readonly label: string }>();
  #nextNumber = 0;

  constructor(props: TrafficProps) {
    const { endpoints, credentials, region, timeoutMs } = props;
    this.#props = props;
    this.#connections = endpoints.map((endpoint) => new S3Connection(endpoint, credentials, region, timeoutMs));
  }

  /** Works until told to stop; then its last operation has ended. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#operate();
      await delay(randomInt(this.#props.mix.thinkMsMax + 1));
    }
  }

  /** Reads an object, asking again until the answer is one. Rejects when there is none in time. */
  async read(object: string, deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (!(await this.#get(object))) {
      if (performance.now() > endMs) throw new Error(`${object} could not be read for ${deadlineMs} ms`);
      await delay(RETRY_MS);
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  async #operate(): Promise<void> {
    const { putShare, deleteShare, listShare } = this.#props.mix;
    const fate = Math.random();
    if (fate < putShare) await this.#put(pick(this.#props.objects()));
    else if (fate < putShare + deleteShare) await this.#delete(pick(this.#props.objects()));
    else if (fate < putShare + deleteShare + listShare) await this.#list();
    else await this.#get(pick(this.#props.objects()));
  }

  async #put(object: string): Promise<void> {
    const { mix, client } = this.#props;
    const inParts = Math.random() < mix.multipartShare;
    // Every second upload has two parts; the others have one, which may be small.
    const bytesMax = inParts && Math.random() < 0.5 ? PART_BYTES + 100_000 : pick(mix.bytesMax);
    const sizeBytes = bytesMax > PART_BYTES ? bytesMax - randomInt(100_000) : randomInt(bytesMax);
    const label = makeLabel(client, ++this.#nextNumber, sizeBytes, inParts);
    const body = bodyOf(label);
    const etag = etagOf(label, body);
    const condition = this.#condition('put', object);
    const commit = isInParts(label) ? await this.#uploadParts(object, body) : { method: 'PUT' as const, body };
    if (commit === null) return;
    const answer = await this.#write(object, 'put', label, condition, etag, {
      ...commit,
      path: this.#path(object),
      headers: conditionHeaders(condition, this.#seen.get(object)?.etag),
    });
    if (answer === 'done') this.#seen.set(object, { etag, label });
    else this.#seen.delete(object);
  }

  async #delete(object: string): Promise<void> {
    const condition = this.#condition('delete', object);
    const headers = conditionHeaders(condition, this.#seen.get(object)?.etag);
    await this.#write(object, 'delete', '', condition, null, { method: 'DELETE', path: this.#path(object), headers });
    this.#seen.delete(object);
  }

  /** null when the outcome is unknown, or when the request never reached anybody. */
  async #write(
    object: string,
    kind: 'put' | 'delete',
    value: string,
    condition: Condition,
    etag: string | null,
    call: S3Call,
  ): Promise<WriteAnswer | null> {
    const { client, record } = this.#props;
    const startedNs = nowNs();
    const written = (answer: WriteAnswer) =>
      kind === 'put' ? { kind, value, condition, answer } : { kind, condition, answer };
    const recorded = { kind: 'call' as const, client, object, startedNs, etag };
    try {
      const answer = this.#writeAnswer(await this.#ask(call), condition, call);
      record({ ...recorded, endedNs: nowNs(), call: written(answer) });
      return answer;
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      if (!neverSent(error)) record({ ...recorded, endedNs: null, call: written('done') });
      return null;
    }
  }

  #writeAnswer({ status, body }: S3Answer, condition: Condition, call: S3Call): WriteAnswer {
    if (status === 200 || status === 204) return 'done';
    if (status === 412 && condition.kind !== 'none') return 'precondition-failed';
    if (status === 404 && condition.kind === 'if-match' && body.includes('NoSuchKey')) return 'no-such-key';
    return this.#refuse(`${call.method} ${call.path}`, status, body);
  }

  /** false when there was no answer. */
  async #get(object: string): Promise<boolean> {
    const { client, record } = this.#props;
    const startedNs = nowNs();
    try {
      const { status, headers, body } = await this.#ask({ method: 'GET', path: this.#path(object) });
      const endedNs = nowNs();
      const label = this.#readLabel(object, status, headers.etag, body);
      record({ kind: 'call', client, object, startedNs, endedNs, etag: null, call: { kind: 'get', answer: label } });
      return true;
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      return false;
    }
  }

  /** null: the object is absent. */
  #readLabel(object: string, status: number, etagHeader: string | undefined, body: Buffer): string | null {
    if (status === 404 && body.includes('NoSuchKey')) {
      this.#seen.delete(object);
      return null;
    }
    if (status !== 200) return this.#refuse(`GET ${object}`, status, body);
    try {
      const label = labelOf(body);
      const etag = etagHeader?.replaceAll('"', '') ?? '';
      if (etag !== etagOf(label, body)) throw new Error(`the body of ${label} came with the ETag ${etag}`);
      this.#seen.set(object, { etag, label });
      return label;
    } catch (error) {
      this.brokenPromises.push(`GET ${object}: ${(error as Error).message}`);
      throw new Unknown('a wrong body');
    }
  }

  async #list(): Promise<void> {
    const { client, bucket, listPrefix, record } = this.#props;
    const prefix = listPrefix();
    const entries: [string, string][] = [];
    const startedNs = nowNs();
    try {
      for (let token: string | undefined; ; ) {
        const query = { 'list-type': '2', prefix, ...(token === undefined ? {} : { 'continuation-token': token }) };
        const { status, body } = await this.#ask({ method: 'GET', path: `/${bucket}`, query });
        const text = body.toString();
        if (status !== 200) this.#refuse(`list ${prefix}`, status, body);
        for (const [, key, etag] of text.matchAll(/<Key>([^<]+)<\/Key>.*?<ETag>&quot;([^&]+)&quot;<\/ETag>/g))
          entries.push([key!, etag!]);
        token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1];
        if (token === undefined) break;
      }
      record({ kind: 'list', client, prefix, startedNs, endedNs: nowNs(), entries });
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
    }
  }

  /** The request that will make the parts an object; null when they could not all be uploaded. */
  async #uploadParts(object: string, body: Buffer): Promise<Pick<S3Call, 'method' | 'query' | 'body'> | null> {
    const path = this.#path(object);
    try {
      const created = await this.#succeed({ method: 'POST', path, query: { uploads: '' } });
      const uploadId = /<UploadId>([^<]+)</.exec(created.body.toString())![1]!;
      const listed: string[] = [];
      for (const [index, part] of partsOf(body).entries()) {
        const partNumber = String(index + 1);
        const { headers } = await this.#succeed({ method: 'PUT', path, query: { partNumber, uploadId }, body: part });
        listed.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${headers.etag}</ETag></Part>`);
      }
      const xml = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
      return { method: 'POST', query: { uploadId }, body: Buffer.from(xml) };
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      return null;
    }
  }

  async #succeed(call: S3Call): Promise<S3Answer> {
    const answer = await this.#ask(call);
    return answer.status === 200 ? answer : this.#refuse(`${call.method} ${call.path}`, answer.status, answer.body);
  }

  async #ask(call: S3Call): Promise<S3Answer> {
    try {
      return await pick(this.#connections).call(call);
    } catch (error) {
      throw new Unknown('no answer', { cause: error });
    }
  }

  /** "Unavailable, try again" says nothing of what happened; anything else is an answer that must not be. */
  #refuse(what: string, status: number, body: Buffer): never {
    if (status !== 503) this.brokenPromises.push(`${what}: HTTP ${status} ${body.toString().slice(0, 400)}`);
    throw new Unknown(`HTTP ${status}`);
  }

  #condition(kind: 'put' | 'delete', object: string): Condition {
    if (Math.random() >= this.#props.mix.conditionalShare) return UNCONDITIONAL;
    const seen = this.#seen.get(object);
    if (seen !== undefined) return { kind: 'if-match', value: seen.label };
    return kind === 'put' ? { kind: 'if-none-match-any' } : UNCONDITIONAL;
  }

  #path(object: string): string {
    return `/${this.#props.bucket}/${object}`;
  }
}

const RETRY_MS = 50;

function neverSent(error: Unknown): boolean {
  return error.cause instanceof NoAnswer && error.cause.neverSent;
}

function conditionHeaders(condition: Condition, etag: string | undefined): Record<string, string> {
  switch (condition.kind) {
    case 'none':
      return {};
    case 'if-none-match-any':
      return { 'if-none-match': '*' };
    case 'if-match':
      return { 'if-match': `"${etag}"` };
  }
}

function pick<T>(values: readonly T[]): T {
  return values[randomInt(values.length)]!;
}
