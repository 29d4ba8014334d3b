// Reed-Solomon: fixed vectors, limits and refusals. That the code is right for all inputs is in test/property/erasure.test.ts.
import { describe, expect, it, vi } from 'vitest';
import { createErasure } from '../../node/erasure/erasure.ts';
import { createField, encodingMatrix, invertMatrix, multiplyMatrices } from '../../node/erasure/galois.ts';
import { bestSwizzle } from '../../node/erasure/kernel.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const plain = (blocks: readonly Uint8Array[]) => blocks.map((block) => [...block]);

/** The example of Backblaze's JavaReedSolomon and of klauspost/reedsolomon (TestOneEncode): 5+5, blocks of two bytes. */
const DATA_5_5 = [bytes(0, 1), bytes(4, 5), bytes(2, 3), bytes(6, 7), bytes(8, 9)];
const PARITY_5_5 = [bytes(12, 13), bytes(10, 11), bytes(14, 15), bytes(90, 91), bytes(94, 95)];

describe.each(['relaxed', 'plain'] as const)('erasure coding with the %s swizzle', (swizzle) => {
  it('encodes the published example', () => {
    expect(plain(createErasure(5, 5, swizzle).encode(DATA_5_5))).toEqual(plain(PARITY_5_5));
  });

  it('rebuilds data and parity of the published example, in the order asked for', () => {
    const shards = [null, null, DATA_5_5[2]!, DATA_5_5[3]!, null, PARITY_5_5[0]!, null, ...PARITY_5_5.slice(2)];
    const rebuilt = createErasure(5, 5, swizzle).reconstruct(shards, [6, 0, 4, 1]);
    expect(plain(rebuilt)).toEqual(plain([PARITY_5_5[1]!, DATA_5_5[0]!, DATA_5_5[4]!, DATA_5_5[1]!]));
  });

  it('copies the only data block into every parity block when k is 1', () => {
    expect(plain(createErasure(1, 3, swizzle).encode([bytes(7, 0, 255)]))).toEqual([
      [7, 0, 255],
      [7, 0, 255],
      [7, 0, 255],
    ]);
  });
});

describe('encode', () => {
  it('gives empty parity for empty blocks', () => {
    expect(plain(createErasure(3, 2).encode([bytes(), bytes(), bytes()]))).toEqual([[], []]);
  });

  it('writes into the given blocks and returns them', () => {
    const into = PARITY_5_5.map((block) => block.slice().fill(0xee));
    const parity = createErasure(5, 5).encode(DATA_5_5, into);
    expect(plain(into)).toEqual(plain(PARITY_5_5));
    expect(parity[4]).toBe(into[4]);
  });

  it('keeps earlier results when it is called again', () => {
    const erasure = createErasure(5, 5);
    const first = erasure.encode(DATA_5_5);
    erasure.encode(DATA_5_5.map(() => bytes(99, 98)));
    expect(plain(first)).toEqual(plain(PARITY_5_5));
  });

  it('reads blocks that are views into larger memory', () => {
    const memory = bytes(255, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 255);
    const views = DATA_5_5.map((_, index) => memory.subarray(1 + index * 2, 3 + index * 2));
    expect(plain(createErasure(5, 5).encode(views))).toEqual(plain(PARITY_5_5));
  });

  it.each([
    ['too few blocks', () => createErasure(2, 1).encode([bytes(1)]), '1 data blocks where the scheme has 2'],
    [
      'blocks of different lengths',
      () => createErasure(2, 1).encode([bytes(1), bytes(1, 2)]),
      'blocks of 1 and of 2 bytes in one stripe',
    ],
    [
      'parity memory of another length',
      () => createErasure(2, 1).encode([bytes(1), bytes(2)], [bytes(1, 2)]),
      'the parity needs 1 blocks of 1 bytes',
    ],
    [
      'parity memory of another count',
      () => createErasure(2, 1).encode([bytes(1), bytes(2)], []),
      'the parity needs 1 blocks of 1 bytes',
    ],
  ])('refuses %s', (_, encode, message) => {
    expect(encode).toThrow(new RangeError(message));
  });
});

describe('reconstruct', () => {
  const shards = [...DATA_5_5, ...PARITY_5_5];

  it('returns a present shard as the caller gave it', () => {
    expect(createErasure(5, 5).reconstruct(shards, [3])[0]).toBe(DATA_5_5[3]);
  });

  it('returns a position as often as it is wanted', () => {
    const damaged = [null, ...shards.slice(1)];
    expect(plain(createErasure(5, 5).reconstruct(damaged, [0, 0]))).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('gives the right bytes for more loss patterns than it remembers, and again for the first', () => {
    const erasure = createErasure(5, 5);
    const patterns = Array.from({ length: 1024 }, (_, bits) => shards.map((_, i) => ((bits >> i) & 1) === 1)).filter(
      (lost) => lost.filter(Boolean).length === 5,
    );
    // 252 patterns, each with three different wishes, and then the first ones once more.
    const wishes = patterns.flatMap((lost) => {
      const missing = lost.flatMap((isLost, position) => (isLost ? [position] : []));
      return [missing, missing.slice(0, 1), missing.slice(1)].map((wanted) => ({ lost, wanted }));
    });
    for (const { lost, wanted } of [...wishes, ...wishes.slice(0, 10)]) {
      const damaged = shards.map((shard, position) => (lost[position] ? null : shard));
      expect(plain(erasure.reconstruct(damaged, wanted))).toEqual(plain(wanted.map((position) => shards[position]!)));
    }
  });

  it.each([
    ['fewer than k shards', [null, bytes(1), null], [0], '1 shards are present and 2 are needed'],
    ['a list that is not k+m long', [bytes(1), bytes(1)], [0], '2 shards where the scheme has 3'],
    ['a position outside the scheme', [null, bytes(1), bytes(1)], [3], 'there is no shard 3 among 3'],
    ['a position that is no number of a shard', [null, bytes(1), bytes(1)], [0.5], 'there is no shard 0.5 among 3'],
    ['shards of different lengths', [null, bytes(1), bytes()], [0], 'blocks of 1 and of 0 bytes in one stripe'],
  ])('refuses %s', (_, damaged, wanted, message) => {
    expect(() => createErasure(2, 1).reconstruct(damaged, wanted)).toThrow(new RangeError(message));
  });
});

describe('totals', () => {
  it('count data encoded and blocks computed, but not blocks that were there', () => {
    const erasure = createErasure(2, 2);
    const [p, q] = erasure.encode([bytes(1, 2, 3), bytes(4, 5, 6)]);
    erasure.reconstruct([bytes(1, 2, 3), bytes(4, 5, 6), p!, q!], [0, 1]);
    erasure.reconstruct([null, bytes(4, 5, 6), null, q!], [0, 1, 2]);
    expect(erasure.totals).toEqual({ encodedBytes: 6, rebuiltStripes: 1, rebuiltBytes: 6 });
  });
});

describe('createErasure', () => {
  it.each([
    [0, 2],
    [2, 0],
    [60, 5],
    [1.5, 2],
  ])('refuses the scheme %d+%d', (k, m) => {
    expect(() => createErasure(k, m)).toThrow(RangeError);
  });

  it('accepts the widest scheme', () => {
    expect(plain(createErasure(63, 1).encode(Array.from({ length: 63 }, (_, i) => bytes(i + 1))))).toEqual(
      plain(createErasure(63, 1, 'plain').encode(Array.from({ length: 63 }, (_, i) => bytes(i + 1)))),
    );
  });

  it('compiles nothing before the first use', () => {
    const compile = vi.spyOn(WebAssembly, 'Module');
    createErasure(4, 2);
    expect(compile).not.toHaveBeenCalled();
    compile.mockRestore();
  });
});

describe('bestSwizzle', () => {
  it('prefers relaxed, falls back to plain, and says so when there is neither', () => {
    expect(bestSwizzle(() => true)).toBe('relaxed');
    const answers = [false, true];
    expect(bestSwizzle(() => answers.shift()!)).toBe('plain');
    expect(() => bestSwizzle(() => false)).toThrow('no WebAssembly SIMD');
  });

  it('finds relaxed SIMD in the pinned Node', () => {
    expect(bestSwizzle()).toBe('relaxed');
  });
});

describe('the field GF(2^8)', () => {
  const field = createField();

  it('multiplies like carry-less multiplication modulo x^8+x^4+x^3+x^2+1', () => {
    const slow = (a: number, b: number) => {
      let product = 0;
      for (let bit = 7; bit >= 0; bit--) {
        product <<= 1;
        if (product & 0x100) product ^= 0x11d;
        if ((b >> bit) & 1) product ^= a;
      }
      return product;
    };
    for (let a = 0; a < 256; a++) {
      for (let b = 0; b < 256; b++) {
        if (field.multiply(a, b) !== slow(a, b)) expect.fail(`${a}·${b} = ${field.multiply(a, b)}, not ${slow(a, b)}`);
      }
    }
  });

  it('inverts every element but 0', () => {
    for (let a = 1; a < 256; a++) expect(field.multiply(a, field.invert(a))).toBe(1);
    expect(() => field.invert(0)).toThrow(RangeError);
  });

  it('inverts matrices, and refuses singular ones', () => {
    const matrix = encodingMatrix(field, 4, 4).slice(4);
    expect(multiplyMatrices(field, matrix, invertMatrix(field, matrix)).map((row) => [...row])).toEqual([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ]);
    expect(() => invertMatrix(field, [bytes(2, 4), bytes(1, 2)])).toThrow('the matrix is singular');
  });
});
