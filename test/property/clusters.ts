// Clusters for the property tests of placement and plan: uniform ones by their numbers, and arbitrary ones.
import fc from 'fast-check';
import type { Scheme } from '../../node/core/cluster-map.ts';
import type { PlacementDrive } from '../../node/core/placement.ts';

export interface Cluster {
  readonly drives: readonly PlacementDrive[];
  readonly scheme: Scheme;
}

const ZONE_NAMES = 'abcdefghijkl';

/** nodesByZone [2, 1] → a1, a2, b1, each with so many drives. weight: of drive number d (from 1) of a node. */
export function cluster(
  nodesByZone: readonly number[],
  drivesPerNode: number,
  weight: (drive: number, zone: number) => number = () => 1,
): PlacementDrive[] {
  return nodesByZone.flatMap((nodes, z) =>
    Array.from({ length: nodes }, (_, n) => `${ZONE_NAMES[z]}${n + 1}`).flatMap((node) =>
      Array.from({ length: drivesPerNode }, (_, d) => ({
        slot: `${node}/d${d + 1}`,
        node,
        zone: ZONE_NAMES[z]!,
        weight: weight(d + 1, z),
      })),
    ),
  );
}

const anyDrives = fc
  .array(
    fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((zones) =>
    zones.flatMap((nodes, z) =>
      nodes.flatMap((weights, n) =>
        weights.map((weight, d): PlacementDrive => {
          const node = `${ZONE_NAMES[z]}${n + 1}`;
          return { slot: `${node}/d${d + 1}`, node, zone: ZONE_NAMES[z]!, weight };
        }),
      ),
    ),
  );

/** Any topology of at least two drives, with any scheme that has as many drives as shards. */
export const anyCluster: fc.Arbitrary<Cluster> = anyDrives
  .filter((drives) => drives.length >= 2)
  .chain((drives) =>
    fc
      .integer({ min: 2, max: Math.min(12, drives.length) })
      .chain((width) => fc.integer({ min: 1, max: width - 1 }).map((m) => ({ drives, scheme: { k: width - m, m } }))),
  );

/** The values in an order that the seed decides on. */
export function shuffled<T>(values: readonly T[], seed: number): T[] {
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return values
    .map((value) => ({ value, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
