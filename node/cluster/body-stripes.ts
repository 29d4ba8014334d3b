// Cuts a body into stripes: takes the client's pieces as they come and lays them out as blocks with room for parity and
// checksums, so that every byte is copied once.
import { blockBytesFor, SEAL_BYTES } from '../core/stripes.ts';
import type { Erasure } from '../erasure/erasure.ts';
import { sealBlock } from '../format/block-seal.ts';

/** The pieces of a stream, by count of bytes rather than as they happen to come. */
export class PieceSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #hasEnded = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Whether more than sizeBytes are still to come; reads ahead as far as it takes to know. */
  async hasMoreThan(sizeBytes: number): Promise<boolean> {
    while (!this.#hasEnded && this.#waitingBytes <= sizeBytes) {
      const { done, value } = await this.#iterator.next();
      if (done) {
        this.#hasEnded = true;
      } else {
        this.#waiting.push(value);
        this.#waitingBytes += value.length;
      }
    }
    return this.#waitingBytes > sizeBytes;
  }

  /** The next piece, of at most so many bytes; null at the end. */
  async next(maxBytes: number): Promise<Uint8Array | null> {
    if (!(await this.hasMoreThan(0))) return null;
    const piece = this.#waiting.shift()!;
    const taken = piece.subarray(0, maxBytes);
    if (taken.length < piece.length) this.#waiting.unshift(piece.subarray(maxBytes));
    this.#waitingBytes -= taken.length;
    return taken;
  }

  /** The stream is not wanted any more. Whatever its owner says to that comes too late to matter. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await this.#iterator.return?.().catch(() => {});
  }
}

/** k data blocks in one piece of memory, each with room for its checksum, and room for the parity blocks behind them. */
export class StripeBuffer {
  readonly #k: number;
  readonly #m: number;
  readonly blockBytes: number;
  readonly #memory: Buffer;
  dataBytes = 0;

  constructor(k: number, m: number, blockBytes: number) {
    this.#k = k;
    this.#m = m;
    this.blockBytes = blockBytes;
    this.#memory = Buffer.allocUnsafeSlow((k + m) * (blockBytes + SEAL_BYTES));
  }

  get isFull(): boolean {
    return this.dataBytes === this.#k * this.blockBytes;
  }

  /** Takes bytes up to the stripe's capacity. */
  async fill(source: PieceSource): Promise<void> {
    while (!this.isFull) {
      const inBlock = this.dataBytes % this.blockBytes;
      const piece = await source.next(this.blockBytes - inBlock);
      if (piece === null) return;
      this.#block(Math.floor(this.dataBytes / this.blockBytes)).set(piece, inBlock);
      this.dataBytes += piece.length;
    }
  }

  /** The stripe with blocks no larger than its data needs: itself, unless it is the short last one. */
  fitted(): StripeBuffer {
    const blockBytes = blockBytesFor(this.dataBytes, this.#k);
    if (blockBytes === this.blockBytes) return this;
    const fitted = new StripeBuffer(this.#k, this.#m, blockBytes);
    for (let from = 0; from < this.dataBytes; ) {
      const inOld = from % this.blockBytes;
      const inNew = from % blockBytes;
      const length = Math.min(this.blockBytes - inOld, blockBytes - inNew, this.dataBytes - from);
      const piece = this.#block(Math.floor(from / this.blockBytes)).subarray(inOld, inOld + length);
      fitted.#block(Math.floor(from / blockBytes)).set(piece, inNew);
      from += length;
    }
    fitted.dataBytes = this.dataBytes;
    return fitted;
  }

  /** Adds padding, parity and checksums; gives the sealed blocks by position. */
  seal(blobId: string, stripe: number, erasure: Erasure): Buffer[] {
    const positions = Array.from({ length: this.#k + this.#m }, (_, position) => position);
    const blocks = positions.map((position) => this.#block(position));
    for (let at = this.dataBytes; at < this.#k * this.blockBytes; ) {
      const inBlock = at % this.blockBytes;
      blocks[Math.floor(at / this.blockBytes)]!.fill(0, inBlock);
      at += this.blockBytes - inBlock;
    }
    erasure.encode(blocks.slice(0, this.#k), blocks.slice(this.#k));
    return positions.map((position) => {
      const sealed = this.#sealed(position);
      sealBlock({ blobId, position, stripe }, sealed);
      return sealed;
    });
  }

  #sealed(position: number): Buffer {
    const sealedBytes = this.blockBytes + SEAL_BYTES;
    return this.#memory.subarray(position * sealedBytes, (position + 1) * sealedBytes);
  }

  #block(position: number): Buffer {
    return this.#sealed(position).subarray(0, this.blockBytes);
  }
}
