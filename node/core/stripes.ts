// How a body is cut into stripes and blocks, and where a block lies in its shard. A full stripe has k blocks of blockBytes; the
// last stripe is split evenly into smaller ones, so that a body of one byte more than a stripe does not cost a whole stripe
// more. In a shard every block is followed by its checksum (format/block-seal.ts), which makes it a sealed block.

/** Blocks of the last stripe are rounded up to this, so that the coding kernel works on whole vectors. */
export const BLOCK_ALIGN_BYTES = 64;
/** The checksum after every block in a shard. */
export const SEAL_BYTES = 4;

/** What decides the layout; a BlobRef has it. */
export interface BlobShape {
  readonly sizeBytes: number;
  readonly k: number;
  readonly m: number;
  readonly blockBytes: number;
}

export const stripeBytes = ({ k, blockBytes }: BlobShape): number => k * blockBytes;

export const stripeCount = (shape: BlobShape): number => Math.ceil(shape.sizeBytes / stripeBytes(shape));

/** Bytes of the body in this stripe. */
export function stripeDataBytes(shape: BlobShape, stripe: number): number {
  return Math.min(stripeBytes(shape), shape.sizeBytes - stripe * stripeBytes(shape));
}

/** Block size for so many bytes in one stripe. */
export function blockBytesFor(dataBytes: number, k: number): number {
  return Math.ceil(dataBytes / k / BLOCK_ALIGN_BYTES) * BLOCK_ALIGN_BYTES;
}

/** Size of the blocks of this stripe; blockBytes for all but the last. */
export function stripeBlockBytes(shape: BlobShape, stripe: number): number {
  const dataBytes = stripeDataBytes(shape, stripe);
  return dataBytes === stripeBytes(shape) ? shape.blockBytes : blockBytesFor(dataBytes, shape.k);
}

/** Where the sealed block of this stripe lies in every shard. */
export function sealedBlockAt(
  shape: BlobShape,
  stripe: number,
): { readonly offset: number; readonly lengthBytes: number } {
  return {
    offset: stripe * (shape.blockBytes + SEAL_BYTES),
    lengthBytes: stripeBlockBytes(shape, stripe) + SEAL_BYTES,
  };
}

export function shardBytes(shape: BlobShape): number {
  const last = stripeCount(shape) - 1;
  const { offset, lengthBytes } = sealedBlockAt(shape, last);
  return offset + lengthBytes;
}

/** A run of bytes within one data block. */
export interface BlockSlice {
  readonly position: number;
  readonly from: number;
  readonly to: number;
}

export interface StripeSlice {
  readonly stripe: number;
  /** In the order of the bytes. */
  readonly slices: readonly BlockSlice[];
}

/** What the bytes first … last (inclusive) of a body consist of, stripe by stripe. */
export function* sliceRange(shape: BlobShape, first: number, last: number): Generator<StripeSlice> {
  const perStripe = stripeBytes(shape);
  for (let stripe = Math.floor(first / perStripe); stripe * perStripe <= last; stripe++) {
    const blockBytes = stripeBlockBytes(shape, stripe);
    const from = Math.max(0, first - stripe * perStripe);
    const to = Math.min(stripeDataBytes(shape, stripe), last + 1 - stripe * perStripe);
    const slices: BlockSlice[] = [];
    for (let position = Math.floor(from / blockBytes); position * blockBytes < to; position++) {
      const start = position * blockBytes;
      slices.push({ position, from: Math.max(0, from - start), to: Math.min(blockBytes, to - start) });
    }
    yield { stripe, slices };
  }
}
