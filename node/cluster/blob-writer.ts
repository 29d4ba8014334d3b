// Writes a body: few bytes stay inline, more become a blob. When write() resolves, every shard is durable on its own drive or on
// a stand-in, except for positions whose drive is down in the map with nobody to stand in; the record names all of those. Only
// then may a register own the blob. Memory is bounded by the stripe window, whatever the size.

import type { RegisterKey } from '../core/keys.ts';
import { BLOCK_MAX_BYTES, INLINE_MAX_BYTES } from '../core/limits.ts';
import { blockBytesFor } from '../core/stripes.ts';
import type { BlobRef, Content } from '../format/object-formats.ts';
import { shardAttributes } from '../format/shard-formats.ts';
import { type BlobPorts, ownSlot } from './blob-ports.ts';
import { rebuildShards } from './blob-rebuild.ts';
import { BlobLostError, BlobSource } from './blob-source.ts';
import { PieceSource, StripeBuffer } from './body-stripes.ts';
import { StripeWindow } from './byte-budget.ts';
import { type Body, type BodyDigest, StoreError } from './object-store.ts';
import { ShardLane } from './shard-lane.ts';
import { ShardPlacer } from './shard-placer.ts';
import type { Topology } from './topology.ts';

export interface WrittenBody {
  readonly content: Content;
  readonly sizeBytes: number;
  readonly digest: BodyDigest;
  /** By which the shards were placed. */
  readonly world: Topology;
  /** Deletes the shards again, as far as their drives can be reached. Never rejects. */
  discard(): Promise<void>;
}

/**
 * owners: the registers that may own the blob. Rejects with what the body throws, or with StoreError; then nothing stays behind
 * on drives that can be reached: `background` is given the cleaning up.
 */
export async function writeBody(
  ports: BlobPorts,
  body: Body,
  owners: readonly RegisterKey[],
  background: (work: Promise<void>) => void,
): Promise<WrittenBody> {
  const source = new PieceSource(body.stream);
  try {
    if (await source.hasMoreThan(INLINE_MAX_BYTES)) return await writeBlob(ports, body, source, owners, background);
    const inline = Buffer.concat(await allPieces(source));
    const digest = body.seal();
    const content = { inline, blob: null };
    return { content, sizeBytes: inline.length, digest, world: ports.topology.current(), discard: async () => {} };
  } catch (error) {
    background(source.close());
    throw error;
  }
}

async function allPieces(source: PieceSource): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await source.next(INLINE_MAX_BYTES);
    if (piece === null) return pieces;
    pieces.push(piece);
  }
}

async function writeBlob(
  ports: BlobPorts,
  body: Body,
  source: PieceSource,
  owners: readonly RegisterKey[],
  background: (work: Promise<void>) => void,
): Promise<WrittenBody> {
  const { limits, writeBudget } = ports;
  const world = ports.topology.current();
  const { k, m } = world.map.scheme;
  const expectedBytes = Math.min(body.sizeBytes ?? Number.POSITIVE_INFINITY, k * BLOCK_MAX_BYTES);
  const firstBlockBytes = blockBytesFor(expectedBytes, k);
  const windowBytes = (k + m) * firstBlockBytes;
  const window = await StripeWindow.open(writeBudget, windowBytes, limits.windowStripes, limits.budgetWaitMs);
  const writer = new BlobWriter(ports, world, owners, window, background);
  try {
    await window.enter();
    const first = new StripeBuffer(k, m, firstBlockBytes);
    await first.fill(source);
    const isWhole = !(await source.hasMoreThan(0));
    if (!isWhole && firstBlockBytes < BLOCK_MAX_BYTES) throw new Error('the body is longer than it was declared to be');
    return isWhole ? await writer.writeWhole(first, body) : await writer.writeStream(first, source, body);
  } catch (error) {
    background(writer.discard());
    throw error;
  } finally {
    background(writer.settled().then(() => window.close()));
  }
}

class BlobWriter {
  readonly #ports: BlobPorts;
  readonly #world: Topology;
  readonly #window: StripeWindow;
  readonly #background: (work: Promise<void>) => void;
  readonly #blobId: string;
  readonly #k: number;
  readonly #m: number;
  readonly #attributes: Buffer;
  readonly #placer: ShardPlacer;
  /** By position, the slot of its durable shard; null: the blob does without it. */
  readonly #slots = new Map<number, string | null>();
  /** Everything that still uses memory or drives. */
  readonly #work = new Set<Promise<unknown>>();
  readonly #lanes: ShardLane[] = [];

  constructor(
    ports: BlobPorts,
    world: Topology,
    owners: readonly RegisterKey[],
    window: StripeWindow,
    background: (work: Promise<void>) => void,
  ) {
    const { k, m } = world.map.scheme;
    this.#ports = ports;
    this.#background = background;
    this.#world = world;
    this.#window = window;
    this.#k = k;
    this.#m = m;
    this.#blobId = ports.random.bytes(16).toString('hex');
    this.#attributes = shardAttributes.encode({
      owners: [...owners],
      k,
      m,
      blockBytes: BLOCK_MAX_BYTES,
      writtenMs: ports.clock.wallMs(),
    });
    this.#placer = new ShardPlacer(ports, world, this.#blobId);
  }

  /** A body of one stripe: one request per drive, all at once. The client's claims are checked before anything is written. */
  async writeWhole(stripe: StripeBuffer, body: Body): Promise<WrittenBody> {
    const digest = body.seal();
    const fitted = stripe.fitted();
    const sealed = fitted.seal(this.#blobId, 0, this.#ports.erasure(this.#k, this.#m));
    await this.#placeAll(this.#positions(), (slot, position) =>
      this.#ports.shards.put(slot, this.#name(position), this.#attributes, sealed[position]!),
    );
    return this.#written(fitted.dataBytes, digest);
  }

  async writeStream(first: StripeBuffer, source: PieceSource, body: Body): Promise<WrittenBody> {
    await this.#openLanes();
    let sizeBytes = 0;
    for (let stripe = 0, buffer = first; ; stripe++) {
      sizeBytes += buffer.dataBytes;
      this.#send(stripe, buffer.fitted());
      if (!(await source.hasMoreThan(0))) break;
      await this.#window.enter();
      this.#requireEnoughLanes();
      buffer = new StripeBuffer(this.#k, this.#m, BLOCK_MAX_BYTES);
      await buffer.fill(source);
    }
    await this.settled();
    this.#requireEnoughLanes();
    const digest = body.seal();
    await this.#commitLanes(sizeBytes);
    return this.#written(sizeBytes, digest);
  }

  /** Stops, waits for what is under way and deletes what was written, as far as the drives can be reached. Never rejects. */
  async discard(): Promise<void> {
    this.#placer.stop();
    await this.settled();
    await Promise.all(this.#lanes.map((lane) => lane.abort()));
    await this.#deleteFrom(this.#placer.touched());
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }

  async #openLanes(): Promise<void> {
    await this.#placeAll(this.#positions(), async (slot, position) => {
      const session = await this.#ports.shards.begin(slot, this.#name(position), this.#attributes);
      const onFailure = (error: unknown) => {
        this.#slots.delete(position);
        this.#placer.lost(position, error);
      };
      this.#lanes.push(new ShardLane(position, session, onFailure));
    });
  }

  #send(stripe: number, buffer: StripeBuffer): void {
    const sealed = buffer.seal(this.#blobId, stripe, this.#ports.erasure(this.#k, this.#m));
    const appended = Promise.all(this.#lanes.map((lane) => lane.append(stripe, sealed[lane.position]!)));
    this.#during(appended.then(() => this.#window.leave()));
  }

  #requireEnoughLanes(): void {
    const count = this.#lanes.filter((lane) => !lane.hasFailed).length;
    if (count < this.#k)
      throw new StoreError('Unavailable', `only ${count} of ${this.#k} needed drives still take the body`);
  }

  /** Commits what the lanes have, and rebuilds the shards of those that failed from the others. */
  async #commitLanes(sizeBytes: number): Promise<void> {
    await this.#during(Promise.all(this.#lanes.map((lane) => lane.commit())));
    this.#requireEnoughLanes();
    const missing = this.#positions().filter((position) => !this.#slots.has(position));
    const blob = this.#blobRef(sizeBytes);
    // One after the other: this is rare, and each needs the memory of a stripe.
    for (const position of missing) await this.#placeAll([position], (slot) => this.#rebuild(blob, position, slot));
  }

  async #rebuild(blob: BlobRef, position: number, slot: string): Promise<void> {
    const locations = this.#positions().map((at) => {
      const held = this.#slots.get(at) ?? null;
      return held === null ? [] : [held];
    });
    const source = new BlobSource(this.#ports, blob, () => {}, locations);
    try {
      await rebuildShards(this.#ports, source, [{ slot, position }], this.#attributes);
    } catch (error) {
      // Then it is not this drive's fault, and no other drive will do better.
      if (error instanceof BlobLostError) this.#placer.stop();
      throw error;
    }
  }

  async #placeAll(
    positions: readonly number[],
    attempt: (slot: string, position: number) => Promise<void>,
  ): Promise<void> {
    const placing = positions.map(async (position) => {
      const placed = await this.#placer.place(position, (slot) => attempt(slot, position));
      this.#slots.set(position, placed?.slot ?? null);
    });
    await Promise.all(placing.map((work) => this.#during(work)));
  }

  #written(sizeBytes: number, digest: BodyDigest): WrittenBody {
    const written = [...this.#slots.values()].filter((slot) => slot !== null);
    if (this.#slots.size !== this.#k + this.#m || written.length < this.#k) {
      throw new StoreError('Unavailable', `only ${written.length} shards of ${this.#k + this.#m} were written`);
    }
    const isUnused = ({ slot, position }: { slot: string; position: number }) =>
      this.#slots.get(position) !== slot && slot !== ownSlot(this.#world, this.#blobId, position);
    this.#background(this.#deleteFrom(this.#placer.touched().filter(isUnused)));
    const blob = this.#blobRef(sizeBytes);
    const content = { inline: null, blob };
    return { content, sizeBytes, digest, world: this.#world, discard: () => this.discard() };
  }

  #blobRef(sizeBytes: number): BlobRef {
    const displaced = [...this.#slots].flatMap(([position, slot]) =>
      slot === ownSlot(this.#world, this.#blobId, position) ? [] : [{ position, handOffSlot: slot }],
    );
    displaced.sort((a, b) => a.position - b.position);
    return { blobId: this.#blobId, sizeBytes, k: this.#k, m: this.#m, blockBytes: BLOCK_MAX_BYTES, displaced };
  }

  async #deleteFrom(shards: readonly { readonly slot: string; readonly position: number }[]): Promise<void> {
    const deleted = shards.map(({ slot, position }) => this.#ports.shards.delete(slot, [this.#name(position)]));
    await Promise.allSettled(deleted);
  }

  #during<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work);
    const done = () => this.#work.delete(work);
    work.then(done, done);
    return work;
  }

  #positions(): number[] {
    return Array.from({ length: this.#k + this.#m }, (_, position) => position);
  }

  #name(position: number) {
    return { blobId: this.#blobId, position };
  }
}
