import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseKeepers, keeperMajority } from '../../node/core/keepers.ts';
import type { PlacementDrive } from '../../node/core/placement.ts';
import { anyCluster, cluster, shuffled } from './clusters.ts';

describe('keepers of the cluster map, for any topology and scheme', () => {
  it('are an odd number of different drives of the cluster, at most nine and at most 2m+1 or 3', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        const keepers = chooseKeepers(drives, scheme);
        expect(keepers.length % 2).toBe(1);
        expect(keepers.length).toBeLessThanOrEqual(Math.min(9, Math.max(3, 2 * scheme.m + 1)));
        expect(new Set(keepers).size).toBe(keepers.length);
        expect(keepers.every((slot) => drives.some((drive) => drive.slot === slot))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('do not depend on the order of the drives', () => {
    fc.assert(
      fc.property(anyCluster, fc.integer(), ({ drives, scheme }, seed) => {
        expect(chooseKeepers(shuffled(drives, seed), scheme)).toEqual(chooseKeepers(drives, scheme));
      }),
      { numRuns: 200 },
    );
  });

  it('keep a majority without any one zone wherever there are three zones', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        fc.pre(new Set(drives.map(({ zone }) => zone)).size >= 3);
        const keepers = keepersOf(drives, chooseKeepers(drives, scheme));
        for (const zone of new Set(drives.map((drive) => drive.zone))) {
          expect(keepers.filter((keeper) => keeper.zone !== zone).length).toBeGreaterThanOrEqual(
            keeperMajority(keepers.length),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [[1, 1, 1, 1], 2, { k: 4, m: 2 }, 5],
    [[2, 2, 2], 1, { k: 4, m: 2 }, 5],
    [[1, 1, 1, 1], 1, { k: 2, m: 2 }, 3],
    [[8, 8, 8], 8, { k: 8, m: 4 }, 9],
    [[1, 1, 1], 1, { k: 2, m: 1 }, 3],
    [[1], 12, { k: 8, m: 2 }, 5],
  ] as const)(
    '%j nodes in zones, %d drives each, %j: %d keepers that outlive any m drives',
    (zones, perNode, scheme, count) => {
      const drives = cluster(zones, perNode);
      const keepers = chooseKeepers(drives, scheme);
      expect(keepers).toHaveLength(count);
      // Four drives cannot have five keepers, and of three no two can be lost.
      const survivable = drives.length > 2 * scheme.m ? scheme.m : 1;
      expect(keepers.length - survivable).toBeGreaterThanOrEqual(keeperMajority(keepers.length));
    },
  );

  it('prefer three zones with one keeper each to a zone with three of five', () => {
    const drives = [...cluster([1, 1], 1), ...cluster([0, 0, 1], 10)];
    expect(chooseKeepers(drives, { k: 4, m: 2 })).toEqual(['a1/d1', 'b1/d1', 'c1/d1']);
  });
});

function keepersOf(drives: readonly PlacementDrive[], slots: readonly string[]): PlacementDrive[] {
  return slots.map((slot) => drives.find((drive) => drive.slot === slot)!);
}
