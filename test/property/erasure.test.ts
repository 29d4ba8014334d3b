// Reed-Solomon for all inputs: equal to the published package byte for byte, and every shard comes back from any k of k+m.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createErasure, type Erasure } from '../../node/erasure/erasure.ts';
import { loadReferenceErasure } from '../support/reference-erasure.ts';

const swizzles = ['relaxed', 'plain'] as const;
const SMALL_SCHEMES = [
  [1, 1],
  [2, 1],
  [2, 2],
  [3, 2],
  [4, 2],
  [3, 3],
  [5, 3],
  [4, 4],
] as const;

/** Numbers are whole 32 bits of a xorshift generator: large blocks cost too much when fast-check draws every byte. */
function pseudoRandomBytes(lengthBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = seed | 1;
  for (let i = 0; i < lengthBytes; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

const dataBlocks = (k: number, lengthBytes: number, seed: number) =>
  Array.from({ length: k }, (_, index) => pseudoRandomBytes(lengthBytes, seed + index * 0x9e3779b1));

const equal = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
  a.length === b.length && a.every((block, index) => Buffer.compare(block, b[index]!) === 0);

/** Around the vector width, and beyond one tile of every scheme. */
const lengths = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 30_000, max: 110_000 }) },
);
const schemes = fc
  .tuple(fc.integer({ min: 1, max: 63 }), fc.integer({ min: 1, max: 63 }))
  .filter(([k, m]) => k + m <= 64);

describe.each(swizzles)('erasure coding with the %s swizzle', (swizzle) => {
  const reference = loadReferenceErasure();

  it('gives the parity of the published package', () => {
    fc.assert(
      fc.property(schemes, lengths, fc.integer(), ([k, m], lengthBytes, seed) => {
        const data = dataBlocks(k, lengthBytes, seed);
        expect(equal(createErasure(k, m, swizzle).encode(data), reference.encode(data, m))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('rebuilds what the published package rebuilds', () => {
    fc.assert(
      fc.property(
        schemes,
        fc.integer({ min: 1, max: 100 }),
        fc.integer(),
        fc.infiniteStream(fc.nat()),
        (s, n, seed, draws) => {
          const [k, m] = s;
          const erasure = createErasure(k, m, swizzle);
          const shards = encoded(erasure, n, seed);
          const lost = drawPositions(k + m, m, draws);
          const damaged = shards.map((shard, position) => (lost.includes(position) ? null : shard));
          const dataPositions = Array.from({ length: k }, (_, position) => position);
          const rebuilt = erasure.reconstruct(damaged, dataPositions);
          expect(equal(rebuilt, reference.reconstruct(damaged, k, m))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(SMALL_SCHEMES)('%d+%d: every loss of up to m shards, data or parity, is rebuilt', (k, m) => {
    const erasure = createErasure(k, m, swizzle);
    for (const lengthBytes of [1, 15, 16, 17, 33]) {
      const shards = encoded(erasure, lengthBytes, k * 100 + m);
      for (let bits = 1; bits < 1 << (k + m); bits++) {
        const lost = shards.flatMap((_, position) => ((bits >> position) & 1 ? [position] : []));
        if (lost.length <= m) expectRebuilt(erasure, shards, lost);
      }
    }
  });

  it('any scheme, any length, any loss of up to m shards: all of them are rebuilt', () => {
    fc.assert(
      fc.property(schemes, lengths, fc.integer(), fc.infiniteStream(fc.nat()), ([k, m], lengthBytes, seed, draws) => {
        const erasure = createErasure(k, m, swizzle);
        const lost = drawPositions(k + m, 1 + (draws.next().value! % m), draws);
        expectRebuilt(erasure, encoded(erasure, lengthBytes, seed), lost);
      }),
      { numRuns: 60 },
    );
  });
});

function encoded(erasure: Erasure, lengthBytes: number, seed: number): Uint8Array[] {
  const data = dataBlocks(erasure.k, lengthBytes, seed);
  return [...data, ...erasure.encode(data)];
}

function expectRebuilt(erasure: Erasure, shards: readonly Uint8Array[], lost: readonly number[]): void {
  const damaged = shards.map((shard, position) => (lost.includes(position) ? null : shard));
  const rebuilt = erasure.reconstruct(damaged, lost);
  const wanted = lost.map((position) => shards[position]!);
  if (!equal(rebuilt, wanted)) expect.fail(`${erasure.k}+${erasure.m} without ${lost.join()} comes back wrong`);
}

/** count different positions below total. */
function drawPositions(total: number, count: number, draws: Iterator<number>): number[] {
  const left = Array.from({ length: total }, (_, position) => position);
  return Array.from({ length: count }, () => left.splice(draws.next().value % left.length, 1)[0]!);
}
