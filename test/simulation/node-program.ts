// The whole node without its front ends as a program for the simulated cluster, and what clients see of it: objects in one
// bucket whose entity tags are the labels of their bodies.
import type { Member } from '../../node/cluster/member.ts';
import { StorageNode } from '../../node/cluster/node.ts';
import {
  type Body,
  type ListPage,
  type ListRequest,
  type ObjectInfo,
  type ObjectStore,
  StoreError,
  type WriteConditions,
} from '../../node/cluster/object-store.ts';
import { helloFormat } from '../../node/format/membership-formats.ts';
import { type Clock, sleep } from '../../node/io/clock.ts';
import type { Log, LogFields } from '../../node/io/log.ts';
import type { Condition, WriteAnswer } from './checkers/object-model.ts';
import type { Surroundings } from './cluster.ts';
import { type BodySizes, bodyOf, inPieces, labelOf } from './labelled-bodies.ts';
import { openLocalDrive } from './local-drive.ts';
import type { Inspectable } from './recovery.ts';
import { SimRandom } from './sim-random.ts';
import { PromiseBroken } from './violation.ts';
import { OutcomeUnknown, type Target } from './workload.ts';

export const BUCKET = 'bucket';

/** Inline bodies, small shards, single stripes and several of them. */
export const BODY_SIZES: BodySizes = { bytesMax: [200, 8_000, 9_000, 100_000, 1_500_000] };

/** So that what takes minutes and hours in a real cluster happens within a run. */
const LIMITS = {
  condemnedDelayMs: 3_000,
  strayIntervalMs: 10_000,
  displacedDelayMs: 1_000,
  healRetryMaxMs: 10_000,
  orphanIntervalMs: 5_000,
  scrubIntervalMs: 10_000,
  tombstoneIntervalMs: 3_000,
  tombstoneGraceMs: 12_000,
};
/** The shorter one suspects writes that are under way, which must cost no more than that write. */
const ORPHAN_GRACES_MS = [100, 5_000];
/** This share of the bodies comes from clients that stop for a while in the middle. */
const SLOW_SHARE = 0.1;
const SLOW_MAX_MS = 12_000;

const NO_METADATA = { headers: {}, user: {} };
/** Multipart objects: this share of the puts. */
const MULTIPART_SHARE = 0.15;

export class NodeProgram implements Inspectable {
  readonly objects = { status: () => this.node.serving!.status.whole() };
  readonly target: Target;
  #node: StorageNode | null = null;

  constructor(surroundings: Surroundings) {
    this.target = new ObjectTarget(() => this.store, surroundings.clock);
    this.#run(surroundings).catch((error) => surroundings.note(`stops: ${error}`));
  }

  get node(): StorageNode {
    if (this.#node === null) throw new OutcomeUnknown('the drives are not open yet');
    return this.#node;
  }

  get member(): Member {
    return this.node.member;
  }

  get store(): ObjectStore {
    const { serving } = this.node;
    if (serving === null) throw new OutcomeUnknown('the node has not joined yet');
    return serving.store;
  }

  hello(): Uint8Array {
    return helloFormat.encode(this.node.hello());
  }

  serves(): boolean {
    return this.#node?.serving != null;
  }

  ready(): boolean {
    return this.#node?.ready() === true;
  }

  async #run(surroundings: Surroundings): Promise<void> {
    const { name, zone, scheme, endpoints, addresses, clock, network, random, probe, note } = surroundings;
    const drives = await Promise.all(surroundings.drives.map((drive) => openLocalDrive(drive, surroundings)));
    const node = new StorageNode({
      name,
      zone,
      scheme,
      endpoints,
      addresses,
      drives,
      network,
      introductions: { probe },
      clock,
      random,
      log: logTo(note),
      rssBytes: () => 0,
      limits: { ...LIMITS, orphanGraceMs: ORPHAN_GRACES_MS[random.bytes(1)[0]! % ORPHAN_GRACES_MS.length]! },
    });
    this.#node = node;
    await node.start();
  }
}

function logTo(note: (text: string) => void, more: LogFields = {}): Log {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      note(`${level} ${message} ${JSON.stringify({ ...more, ...fields }, plainErrors)}`);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => logTo(note, { ...more, ...fields }),
  };
}

function plainErrors(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}

class ObjectTarget implements Target {
  readonly #store: () => ObjectStore;
  readonly #clock: Clock;

  constructor(store: () => ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async get(key: string): Promise<string | null> {
    return answering(
      async () => {
        const { info, read } = await this.#store().getObject(BUCKET, key);
        const pieces: Uint8Array[] = [];
        for await (const piece of read(null)) pieces.push(piece);
        const label = checkedLabel(Buffer.concat(pieces));
        if (label !== info.etag) throw new PromiseBroken('answers', `the object ${info.etag} has the body of ${label}`);
        return label;
      },
      { NoSuchKey: null },
    );
  }

  async prepare(): Promise<void> {
    await answering(() => this.#store().createBucket(BUCKET), {});
  }

  put(key: string, value: string, condition: Condition): Promise<WriteAnswer> {
    const random = new SimRandom(`put ${value}`);
    return answering<WriteAnswer>(async () => {
      if (random.chance(MULTIPART_SHARE)) await this.#putInParts(key, value, condition, random);
      else
        await this.#store().putObject(
          BUCKET,
          key,
          this.#body(bodyOf(value, BODY_SIZES), value, random),
          NO_METADATA,
          conditionsFor(condition),
        );
      return 'done';
    }, REFUSALS);
  }

  remove(key: string, condition: Condition): Promise<WriteAnswer> {
    return answering<WriteAnswer>(async () => {
      await this.#store().deleteObject(BUCKET, key, conditionsFor(condition));
      return 'done';
    }, REFUSALS);
  }

  async list(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    let after: string | null = '';
    while (after !== null) {
      const request: ListRequest = { prefix: '', delimiter: '', after, limit: 3 };
      const page: ListPage<ObjectInfo> = await answering(() => this.#store().listObjects(BUCKET, request), {});
      for (const { key, etag } of page.entries) found.set(key, etag);
      after = page.next;
    }
    return found;
  }

  async #putInParts(key: string, value: string, condition: Condition, random: SimRandom): Promise<void> {
    const store = this.#store();
    const whole = bodyOf(value, BODY_SIZES);
    const cut = random.below(whole.length);
    const { uploadId } = await store.createUpload(BUCKET, key, NO_METADATA, null);
    const parts = [];
    for (const [index, piece] of [whole.subarray(0, cut), whole.subarray(cut)].entries()) {
      const body = this.#body(piece, `${value}-${index}`, random);
      parts.push(await store.putPart(BUCKET, key, uploadId, index + 1, body));
    }
    const seal = () => ({ etag: value, checksums: {} });
    const chosen = parts.map(({ partNumber, etag }) => ({ partNumber, etag, checksums: {} }));
    await store.completeUpload(BUCKET, key, uploadId, chosen, 0, seal, conditionsFor(condition));
  }

  #body(content: Buffer, etag: string, random: SimRandom): Body {
    const pieces = inPieces(content, random);
    const pauseMs = random.chance(SLOW_SHARE) ? random.below(SLOW_MAX_MS) : 0;
    return {
      stream: pauseMs === 0 ? pieces : this.#pausing(pieces, pauseMs, random),
      sizeBytes: random.chance(0.5) ? content.length : null,
      seal: () => ({ etag, checksums: {} }),
    };
  }

  async *#pausing(pieces: AsyncIterable<Uint8Array>, pauseMs: number, random: SimRandom): AsyncIterable<Uint8Array> {
    let isDue = true;
    for await (const piece of pieces) {
      yield piece;
      if (isDue && random.chance(0.5)) {
        isDue = false;
        await sleep(this.#clock, pauseMs);
      }
    }
    if (isDue) await sleep(this.#clock, pauseMs);
  }
}

const REFUSALS = { PreconditionFailed: 'precondition-failed', NoSuchKey: 'no-such-key' } as const;

/** Runs a request; errors of the table are answers, 503 says nothing, and any other error is a broken promise. */
async function answering<T>(run: () => Promise<T>, answers: Readonly<Record<string, T>>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.code in answers) return answers[error.code]!;
    if (['Unavailable', 'SlowDown', 'NoSpace'].includes(error.code)) throw new OutcomeUnknown(error.message);
    throw new PromiseBroken('answers', `${error.code}: ${error.message}`, { cause: error });
  }
}

function checkedLabel(body: Buffer): string {
  try {
    return labelOf(body, BODY_SIZES);
  } catch (error) {
    throw new PromiseBroken('answers', 'a read gave wrong bytes', { cause: error });
  }
}

function conditionsFor(condition: Condition): WriteConditions {
  switch (condition.kind) {
    case 'none':
      return { ifMatch: [], ifNoneMatch: [] };
    case 'if-none-match-any':
      return { ifMatch: [], ifNoneMatch: ['*'] };
    case 'if-match':
      return { ifMatch: [condition.value], ifNoneMatch: [] };
  }
}
