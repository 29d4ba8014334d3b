// Reads verified blocks of one blob. A block that is missing, damaged, slow or on a silent drive is rebuilt from others; what was
// learned about a drive serves all further stripes. Never gives a byte that was not checked.
import { sealedBlockAt } from '../core/stripes.ts';
import { openBlock } from '../format/block-seal.ts';
import type { BlobRef } from '../format/object-formats.ts';
import { type BlobPorts, shardLocations } from './blob-ports.ts';
import { RpcError } from './rpc.ts';
import { type PositionHealth, type StripeBlocks, StripeFetch } from './stripe-fetch.ts';

/** Fewer than k intact shards of the blob can be had now. */
export class BlobLostError extends Error {
  override readonly name = 'BlobLostError';
  /** More shards than the parity makes up for are known to be gone or damaged; else drives only did not answer. */
  readonly isForGood: boolean;
  constructor(message: string, isForGood: boolean) {
    super(message);
    this.isForGood = isForGood;
  }
}

/** A shard that is not what it should be, for the healer. */
export interface DamagedShard {
  readonly slot: string;
  readonly position: number;
  readonly kind: 'missing' | 'corrupt';
}

export class BlobSource {
  readonly blob: BlobRef;
  readonly #ports: BlobPorts;
  /** By position, where to look, likeliest first. */
  readonly #locations: string[][];
  readonly #onDamage: (damage: DamagedShard) => void;
  readonly #health: PositionHealth[];
  #search: Promise<number[]> | null = null;

  /** locations: by default what the blob's record and the map say. */
  constructor(
    ports: BlobPorts,
    blob: BlobRef,
    onDamage: (damage: DamagedShard) => void,
    locations: readonly (readonly string[])[] = shardLocations(ports.topology.current(), blob),
  ) {
    this.blob = blob;
    this.#ports = ports;
    this.#onDamage = onDamage;
    this.#locations = locations.map((slots) => [...slots]);
    this.#health = locations.map((slots) => (slots.some((slot) => this.#seemsUsable(slot)) ? 'good' : 'bad'));
  }

  /** The blocks at these positions. Rejects with BlobLostError, or with the signal's reason. */
  fetch(stripe: number, wanted: readonly number[], signal: AbortSignal): Promise<StripeBlocks> {
    const { clock, limits } = this.#ports;
    const { blobId, k, m } = this.blob;
    /** Positions of which every drive that may hold them has answered, and none gave this stripe's block intact. */
    const gone = new Set<number>();
    const fetch = new StripeFetch({
      wanted,
      clock,
      hedgeMs: limits.hedgeMs,
      erasure: this.#ports.erasure(k, m),
      health: this.#health,
      preference: this.#preference(),
      read: (position, abort) => this.#readBlock(stripe, position, gone, abort),
      findMore: () => this.#findMore(),
      lost: () => new BlobLostError(`fewer than ${k} shards of blob ${blobId} can be read`, gone.size > m),
    });
    return fetch.run(signal);
  }

  /** Positions in the order in which they make good substitutes: on this node, then on nodes that answer. */
  #preference(): number[] {
    const isLocal = (position: number) => this.#locations[position]!.some((slot) => this.#ports.shards.isLocal(slot));
    const rank = (position: number) => (this.#health[position] !== 'good' ? 2 : isLocal(position) ? 0 : 1);
    return this.#locations.map((_, position) => position).sort((a, b) => rank(a) - rank(b) || a - b);
  }

  #seemsUsable(slot: string): boolean {
    const { topology } = this.#ports;
    const drive = topology.current().drive(slot);
    return drive !== null && drive.state === 'up' && topology.seemsUp(drive.node);
  }

  /** Rejects when none of the position's drives gives the block intact. */
  async #readBlock(stripe: number, position: number, gone: Set<number>, signal: AbortSignal): Promise<Uint8Array> {
    const { blobId } = this.blob;
    const range = sealedBlockAt(this.blob, stripe);
    let failure: unknown = new RpcError(
      'unknown-drive',
      `no drive is known to hold shard ${position} of blob ${blobId}`,
    );
    let allAnswered = true;
    for (const slot of [...this.#locations[position]!]) {
      try {
        const sealed = await this.#ports.shards.read(slot, { blobId, position }, range, signal);
        const isWhole = sealed?.length === range.lengthBytes;
        const block = isWhole ? openBlock({ blobId, position, stripe }, sealed) : null;
        if (block !== null) {
          this.#lookHereFirst(position, slot);
          gone.delete(position);
          return block;
        }
        this.#onDamage({ slot, position, kind: sealed === null ? 'missing' : 'corrupt' });
        failure = new RpcError('corrupt', `shard ${position} of blob ${blobId} on ${slot} is missing or damaged`);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RpcError && error.code === 'corrupt') this.#onDamage({ slot, position, kind: 'corrupt' });
        else allAnswered = false;
        failure = error;
      }
    }
    if (allAnswered) gone.add(position);
    throw failure;
  }

  #lookHereFirst(position: number, slot: string): void {
    const slots = this.#locations[position]!;
    if (slots[0] === slot) return;
    this.#locations[position] = [slot, ...slots.filter((other) => other !== slot)];
  }

  /**
   * The last resort before giving a blob up: asks every drive, once, for any of its shards, in case one lies where neither the
   * record nor the map says. Gives the positions for which there is a new place to look.
   */
  #findMore(): Promise<number[]> {
    this.#search ??= this.#searchAllDrives();
    return this.#search;
  }

  async #searchAllDrives(): Promise<number[]> {
    const found = new Set<number>();
    const { topology, shards } = this.#ports;
    const names = this.#locations.map((_, position) => ({ blobId: this.blob.blobId, position }));
    const ask = async (slot: string) => {
      const sizes = await shards.stat(slot, names);
      for (const [position, sizeBytes] of sizes.entries()) {
        const slots = this.#locations[position]!;
        if (sizeBytes === null || slots.includes(slot)) continue;
        slots.unshift(slot);
        found.add(position);
      }
    };
    const drives = topology.current().map.drives.filter(({ slot }) => this.#seemsUsable(slot));
    await Promise.allSettled(drives.map(({ slot }) => ask(slot)));
    return [...found];
  }
}
