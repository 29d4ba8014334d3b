// The layout of blobs: every byte of a body has exactly one place, and ranges name exactly the bytes asked for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PieceSource, StripeBuffer } from '../../node/cluster/body-stripes.ts';
import {
  BLOCK_ALIGN_BYTES,
  blockBytesFor,
  SEAL_BYTES,
  sealedBlockAt,
  shardBytes,
  sliceRange,
  stripeBlockBytes,
  stripeCount,
  stripeDataBytes,
} from '../../node/core/stripes.ts';
import { createErasure } from '../../node/erasure/erasure.ts';
import { isSealedShard, openBlock } from '../../node/format/block-seal.ts';
import { bytesOf } from '../cluster-fakes/bodies.ts';

const BLOCK = 256;
/** Sizes around the borders of blocks and stripes, and others. */
const shape = fc
  .record({
    k: fc.integer({ min: 1, max: 6 }),
    m: fc.integer({ min: 1, max: 3 }),
    blocks: fc.integer({ min: 0, max: 20 }),
    off: fc.integer({ min: -2, max: 66 }),
  })
  .map(({ k, m, blocks, off }) => ({ k, m, blockBytes: BLOCK, sizeBytes: Math.max(1, blocks * BLOCK + off) }));

describe('stripes', () => {
  it('hold the whole body and little more', () => {
    fc.assert(
      fc.property(shape, (blob) => {
        let sizeBytes = 0;
        for (let stripe = 0; stripe < stripeCount(blob); stripe++) {
          const blockBytes = stripeBlockBytes(blob, stripe);
          expect(blockBytes % BLOCK_ALIGN_BYTES).toBe(0);
          expect(blockBytes).toBeLessThanOrEqual(BLOCK);
          expect(blockBytes * blob.k - stripeDataBytes(blob, stripe)).toBeLessThan(blob.k * BLOCK_ALIGN_BYTES);
          sizeBytes += stripeDataBytes(blob, stripe);
        }
        expect(sizeBytes).toBe(blob.sizeBytes);
      }),
    );
  });

  it('follow one another in a shard without gaps', () => {
    fc.assert(
      fc.property(shape, (blob) => {
        let end = 0;
        for (let stripe = 0; stripe < stripeCount(blob); stripe++) {
          const { offset, lengthBytes } = sealedBlockAt(blob, stripe);
          expect(offset).toBe(end);
          end = offset + lengthBytes;
        }
        expect(shardBytes(blob)).toBe(end);
      }),
    );
  });

  it('give a range as slices that are exactly its bytes', () => {
    fc.assert(
      fc.property(shape, fc.nat(), fc.nat(), (blob, a, b) => {
        const [first, last] = [a % blob.sizeBytes, b % blob.sizeBytes].sort((x, y) => x - y) as [number, number];
        const bytes: number[] = [];
        for (const { stripe, slices } of sliceRange(blob, first, last)) {
          for (const { position, from, to } of slices) {
            expect(position).toBeLessThan(blob.k);
            const start = stripe * blob.k * BLOCK + position * stripeBlockBytes(blob, stripe);
            for (let at = from; at < to; at++) bytes.push(start + at);
          }
        }
        expect(bytes).toEqual(Array.from({ length: last - first + 1 }, (_, at) => first + at));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a stripe buffer', () => {
  it('holds the same bytes however they come in pieces, fitted or not, and any k blocks give them back', async () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(shape, pieces, async ({ k, m, sizeBytes: wished }, cuts) => {
        const sizeBytes = Math.min(wished, k * BLOCK);
        const bytes = bytesOf(sizeBytes);
        async function* stream() {
          for (let at = 0, turn = 0; at < sizeBytes; turn++) {
            const length = cuts[turn % cuts.length]! + (turn % 9 === 8 ? 1 : 0);
            yield Buffer.from(bytes.subarray(at, at + length));
            at += length;
          }
        }
        const buffer = new StripeBuffer(k, m, BLOCK);
        await buffer.fill(new PieceSource(stream()));
        expect(buffer.dataBytes).toBe(sizeBytes);
        const fitted = buffer.fitted();
        expect(fitted.blockBytes).toBe(blockBytesFor(sizeBytes, k));
        const erasure = createErasure(k, m);
        const blobId = 'b'.repeat(32);
        const blocks = fitted.seal(blobId, 3, erasure).map((sealed, position) => {
          expect(sealed.length).toBe(fitted.blockBytes + SEAL_BYTES);
          return openBlock({ blobId, position, stripe: 3 }, sealed)!;
        });
        const some = blocks.map((block, position) => (position < m ? null : block));
        const data = erasure.reconstruct(
          some,
          Array.from({ length: k }, (_, position) => position),
        );
        expect(Buffer.concat(data).subarray(0, sizeBytes).equals(bytes)).toBe(true);
        expect(
          Buffer.concat(data)
            .subarray(sizeBytes)
            .every((byte) => byte === 0),
        ).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a seal', () => {
  const sealed = async () => {
    const buffer = new StripeBuffer(1, 1, BLOCK);
    await buffer.fill(
      new PieceSource(
        (async function* () {
          yield bytesOf(BLOCK);
        })(),
      ),
    );
    return buffer.seal('a'.repeat(32), 0, createErasure(1, 1))[0]!;
  };
  const NAME = { blobId: 'a'.repeat(32), position: 0, stripe: 0 };

  it('opens under its own name only', async () => {
    const block = await sealed();
    expect(bytesOf(BLOCK).equals(openBlock(NAME, block)!)).toBe(true);
    expect(openBlock({ ...NAME, position: 1 }, block)).toBeNull();
    expect(openBlock({ ...NAME, stripe: 1 }, block)).toBeNull();
    expect(openBlock({ ...NAME, blobId: 'b'.repeat(32) }, block)).toBeNull();
    expect(openBlock(NAME, block.subarray(1))).toBeNull();
    expect(openBlock(NAME, Buffer.alloc(3))).toBeNull();
  });

  it('notices every single flipped bit', async () => {
    const block = await sealed();
    for (let bit = 0; bit < block.length * 8; bit++) {
      block[bit >> 3] = block[bit >> 3]! ^ (1 << (bit & 7));
      expect(openBlock(NAME, block)).toBeNull();
      expect(isSealedShard(NAME, BLOCK, block)).toBe(false);
      block[bit >> 3] = block[bit >> 3]! ^ (1 << (bit & 7));
    }
    expect(isSealedShard(NAME, BLOCK, block)).toBe(true);
    expect(isSealedShard(NAME, BLOCK, Buffer.concat([block, block]))).toBe(false);
    expect(isSealedShard(NAME, BLOCK, Buffer.alloc(0))).toBe(false);
  });
});
