// Buckets, and what the operations on objects need of them: the id behind a name, and the certainty that the bucket was there
// when something was written to it.
//
// What is known of a bucket is used for a short time without asking again. That is safe because ids are never used twice, and:
//  - a read that finds something under a remembered id is right, since a bucket is deleted only when it is empty; one that finds
//    nothing asks again before it says so;
//  - a write ends with confirm(), a look at the bucket that began after the write took effect. A deletion marks the bucket first
//    and looks for contents then: so either it sees the write, or the write sees the mark and cancels the deletion, or the
//    bucket is gone and the write is taken back and refused.
// What staleness remains: for that time, a listing on this node may still show an empty bucket that another node deleted.
import { afterPrefix, bucketKey, KIND, kindPrefix } from '../core/keys.ts';
import { readBucket } from '../core/object-record.ts';
import { type BucketRecord, bucketRecord } from '../format/object-formats.ts';
import { FreshReads } from './fresh-reads.ts';
import { type BucketInfo, StoreError } from './object-store.ts';
import { changeRegister, namingUnavailability, readRegister, type StoreContext } from './store-context.ts';

const PAGE_ENTRIES = 1_000;
const REMEMBERED_MAX = 10_000;
const DELETION_ATTEMPTS_MAX = 3;

interface Remembered {
  readonly info: BucketInfo;
  readonly untilMs: number;
}

export class Buckets {
  readonly #context: StoreContext;
  readonly #remembered = new Map<string, Remembered>();
  readonly #reads: FreshReads<BucketRecord | null>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#reads = new FreshReads(async (name) => readBucket(await readRegister(context, bucketKey(name))));
  }

  async create(name: string): Promise<BucketInfo> {
    const { random, clock } = this.#context;
    const id = random.bytes(8).toString('hex');
    const record: BucketRecord = { name, id, createdMs: clock.wallMs(), deletion: null };
    const reply = await changeRegister(this.#context, bucketKey(name), 'createBucket', {
      record: bucketRecord.encode(record),
    });
    if (reply.outcome !== 'ok') throw new StoreError('BucketAlreadyExists', `bucket ${name} exists already`);
    return this.#remember(record);
  }

  async head(name: string): Promise<BucketInfo> {
    return this.#remember(await this.#fresh(name));
  }

  async list(): Promise<BucketInfo[]> {
    const buckets: BucketInfo[] = [];
    let from: string | null = KIND.bucket;
    while (from !== null) {
      const start: string = from;
      const page = await namingUnavailability(() =>
        this.#context.registers.scan(start, afterPrefix(KIND.bucket), PAGE_ENTRIES),
      );
      for (const { summary } of page.entries) buckets.push(infoOf(bucketRecord.decode(summary)));
      from = page.next;
    }
    return buckets;
  }

  async delete(name: string): Promise<void> {
    const key = bucketKey(name);
    for (let attempt = 0; attempt < DELETION_ATTEMPTS_MAX; attempt++) {
      const { id } = await this.#fresh(name);
      const deletion = this.#context.random.bytes(8).toString('hex');
      const begun = await changeRegister(this.#context, key, 'beginBucketDeletion', { id, deletion });
      if (begun.outcome === 'absent') throw noSuchBucket(name);
      if (await this.#hasContents(id)) {
        await changeRegister(this.#context, key, 'cancelBucketDeletion', { id, deletion });
        throw new StoreError('BucketNotEmpty', `bucket ${name} is not empty`);
      }
      const removed = await changeRegister(this.#context, key, 'removeBucket', { id, deletion });
      this.#remembered.delete(name);
      if (removed.outcome === 'ok') return;
      if (removed.outcome === 'absent') throw noSuchBucket(name);
    }
    throw new StoreError('Unavailable', `bucket ${name} is being written to while it is deleted`);
  }

  /** As remembered, or as it is. Rejects with StoreError 'NoSuchBucket' or 'Unavailable'. */
  async find(name: string): Promise<BucketInfo> {
    return this.#recall(name) ?? this.head(name);
  }

  /** Looks something up in a bucket; null only when it was not there while the bucket was. */
  async lookUp<T>(name: string, look: (bucket: BucketInfo) => Promise<T | null>): Promise<T | null> {
    const remembered = this.#recall(name);
    const found = remembered === null ? null : await look(remembered);
    if (found !== null) return found;
    const bucket = await this.head(name);
    return bucket.id === remembered?.id ? null : look(bucket);
  }

  /**
   * Resolves when the bucket existed after this call began, so whatever was written to it before is seen by every deletion that
   * succeeds later. Rejects with StoreError 'NoSuchBucket', 'Unavailable' (unknown, or it is another bucket by now).
   */
  async confirm({ name, id }: BucketInfo): Promise<void> {
    const record = await this.#fresh(name);
    if (record.id !== id) {
      throw new StoreError('Unavailable', `bucket ${name} was deleted and made again meanwhile; try again`);
    }
    if (record.deletion === null) return;
    const cancelled = await changeRegister(this.#context, bucketKey(name), 'cancelBucketDeletion', {
      id,
      deletion: null,
    });
    if (cancelled.outcome === 'absent') throw noSuchBucket(name);
  }

  /**
   * Uploads before objects: a completion makes the object before it removes the upload, so that it cannot slip through between
   * the two looks.
   */
  async #hasContents(id: string): Promise<boolean> {
    for (const kind of ['upload', 'object'] as const) {
      const from = kindPrefix(kind, id);
      const page = await namingUnavailability(() => this.#context.registers.scan(from, afterPrefix(from), 1));
      if (page.entries.length > 0) return true;
    }
    return false;
  }

  async #fresh(name: string): Promise<BucketRecord> {
    const record = await this.#reads.read(name);
    if (record === null) {
      this.#remembered.delete(name);
      throw noSuchBucket(name);
    }
    this.#remember(record);
    return record;
  }

  #recall(name: string): BucketInfo | null {
    const remembered = this.#remembered.get(name);
    return remembered !== undefined && this.#context.clock.monotonicMs() < remembered.untilMs ? remembered.info : null;
  }

  #remember(record: BucketRecord): BucketInfo {
    const { clock, limits } = this.#context;
    const info = infoOf(record);
    this.#remembered.delete(info.name);
    this.#remembered.set(info.name, { info, untilMs: clock.monotonicMs() + limits.bucketCacheMs });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest);
    return info;
  }
}

const infoOf = ({ name, id, createdMs }: BucketRecord): BucketInfo => ({ name, id, createdMs });

const noSuchBucket = (name: string) => new StoreError('NoSuchBucket', `there is no bucket ${name}`);
