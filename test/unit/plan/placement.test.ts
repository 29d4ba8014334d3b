// Placement, which is computed by several short cuts, against the rule itself written down plainly; and against itself as it
// was when data was first placed by it: what lies on drives would have to move if one position came out differently.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scheme } from '../../../node/core/cluster-map.ts';
import { exponential, exponentialAtLeast, hashText, mix, mixRun, ratesFor } from '../../../node/core/draws.ts';
import { capsFor, type PlacementDrive, place } from '../../../node/core/placement.ts';
import { anyCluster, cluster } from '../../property/clusters.ts';

const PARTITIONS = 24;

/** All draws of a partition; the smallest that the caps still allow is taken until every position has a drive. */
function plainly(drives: readonly PlacementDrive[], scheme: Scheme, partition: number): number[] {
  const width = scheme.k + scheme.m;
  const caps = capsFor(drives, scheme);
  const order = drives.map((_, index) => index).sort((a, b) => compareDrives(drives[a]!, drives[b]!));
  const rates = ratesFor(
    order.map((index) => drives[index]!.weight),
    width,
  );
  const draws = order.flatMap((index, place) =>
    Array.from({ length: width }, (_, position) => {
      const hash = mix(mix(hashText(drives[index]!.slot), partition), position + 1);
      return { index, position, draw: exponential(hash) / rates[place]! };
    }),
  );
  draws.sort((a, b) => a.draw - b.draw || a.position - b.position);
  const chosen = new Map<number, number>();
  while (chosen.size < width) {
    const held = [...chosen.values()];
    const holds = (is: (drive: PlacementDrive) => boolean) => held.filter((index) => is(drives[index]!)).length;
    const next = draws.find(({ index, position }) => {
      const { node, zone } = drives[index]!;
      return (
        !chosen.has(position) &&
        !held.includes(index) &&
        holds((drive) => drive.zone === zone) < caps.zone &&
        holds((drive) => drive.node === node) < caps.node
      );
    })!;
    chosen.set(next.position, next.index);
  }
  return Array.from({ length: width }, (_, position) => chosen.get(position)!);
}

function compareDrives(a: PlacementDrive, b: PlacementDrive): number {
  return a.weight - b.weight || (a.slot < b.slot ? -1 : 1);
}

describe('placement', () => {
  it('is what the rule says, for any cluster', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        const { positions } = place(drives, scheme, PARTITIONS);
        const expected = Array.from({ length: PARTITIONS }, (_, partition) => plainly(drives, scheme, partition));
        expect(positions).toEqual(expected);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('is what the rule says where no two of many drives weigh the same', () => {
    const drives = cluster([3, 2, 4], 6, (drive, zone) => 3000 + 170 * drive + 1010 * zone);
    const uneven = drives.map((drive, index) => ({ ...drive, weight: drive.weight + index }));
    const { positions } = place(uneven, { k: 8, m: 4 }, PARTITIONS);
    expect(positions).toEqual(positions.map((_, partition) => plainly(uneven, { k: 8, m: 4 }, partition)));
  });

  it.each([
    ['4 zones × 1 node × 2 drives', '4+2', cluster([1, 1, 1, 1], 2), 256, '1a68101f6385e9b2ba811ff2fb618c25'],
    ['3 zones × 4 nodes × 4 drives', '4+2', cluster([4, 4, 4], 4), 2048, '10a83d13e531343a492f44486af359f9'],
    ['6 zones × 5 nodes × 4 drives', '8+4', cluster([5, 5, 5, 5, 5, 5], 4), 4096, '0b51ca58b4fa680968bb9fc7ac5838d9'],
    [
      'small and large drives on every node',
      '4+2',
      cluster([3, 3, 3, 3], 4, (drive) => [1, 1, 2, 3][drive - 1]!),
      2048,
      '924b017cacf15f81081a617e1213b046',
    ],
    [
      'every drive of its own size',
      '8+4',
      cluster([2, 3, 4], 5, (drive, zone) => 3725 * drive + 97 * zone),
      1024,
      'd2e26c0966cac4fd0b56f18fd65a58a9',
    ],
  ] as const)('of %s, %s, is as it ever was', (_, scheme, drives, partitionCount, digest) => {
    const [k, m] = scheme.split('+').map(Number) as [number, number];
    const { positions, handOffs } = place(drives, { k, m }, partitionCount);
    const table = JSON.stringify([positions, handOffs(0), handOffs(partitionCount - 1)]);
    expect(createHash('sha256').update(table).digest('hex').slice(0, 32)).toBe(digest);
  });
});

describe('the cheap bound of a draw', () => {
  it('is never more than the draw, and never so little that it is of no use', () => {
    const hashes = [0, 1, 2, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 2, 2 ** 32 - 1];
    for (let bit = 0; bit < 32; bit++) hashes.push(2 ** bit - 1, 2 ** bit, 2 ** 32 - 2 ** bit);
    for (let hash = 0; hash < 2 ** 32; hash += 104_729) hashes.push(hash);
    for (const hash of hashes) {
      expect(exponentialAtLeast(hash)).toBeLessThanOrEqual(exponential(hash));
      // At the large end, where the smallest of many draws are, the two all but meet.
      if (hash >= 2 ** 32 * 0.99) expect(exponential(hash) - exponentialAtLeast(hash)).toBeLessThan(1e-4);
    }
  });
});

describe('hashes of many at once', () => {
  it('are those of each, and the place of the largest is found, the first of equals', () => {
    const anyHash = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(
        fc.array(anyHash, { minLength: 3, maxLength: 40 }),
        fc.integer({ min: 0, max: 70 }),
        (given, word) => {
          const seeds = Uint32Array.from([...given, ...given]);
          const hashes = new Uint32Array(seeds.length);
          const largest = mixRun(seeds, word, hashes, 1, seeds.length - 1);
          const expected = [...seeds].map((seed) => mix(seed, word));
          expect([...hashes]).toEqual([0, ...expected.slice(1, -1), 0]);
          expect(largest).toBe(expected.indexOf(Math.max(...expected.slice(1, -1)), 1));
        },
      ),
      { seed: 1 },
    );
  });
});
