import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultPartitionCount, type PlacementDrive, partitionOf, place } from '../../node/core/placement.ts';
import { lossBudget } from '../../node/core/quorum.ts';
import { anyCluster, cluster, shuffled } from './clusters.ts';

const PARTITIONS = 32;

describe('placement, for any topology, weights and scheme', () => {
  it('fills every position of every partition with a drive of its own', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        for (const positions of place(drives, scheme, PARTITIONS).positions) {
          expect(positions).toHaveLength(scheme.k + scheme.m);
          expect(new Set(positions).size).toBe(positions.length);
          expect(positions.every((index) => index >= 0 && index < drives.length)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never puts more of a partition into a zone or onto a node than the caps say', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        const { caps, positions } = place(drives, scheme, PARTITIONS);
        for (const partition of positions) {
          const chosen = partition.map((index) => drives[index]!);
          expect(mostAlike(chosen.map((drive) => drive.zone))).toBeLessThanOrEqual(caps.zone);
          expect(mostAlike(chosen.map((drive) => drive.node))).toBeLessThanOrEqual(caps.node);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('caps at the loss budget wherever any choice of drives can meet it, else at the least that one can', () => {
    fc.assert(
      fc.property(anyCluster, ({ drives, scheme }) => {
        const width = scheme.k + scheme.m;
        const wanted = Math.max(1, lossBudget(scheme));
        const { caps } = place(drives, scheme, 1);
        const fits = (zone: number, node: number) => mostDrivesUnder(drives, zone, node) >= width;
        expect(fits(caps.zone, caps.node)).toBe(true);
        expect(caps.zone === wanted || !fits(caps.zone - 1, caps.node)).toBe(true);
        expect(caps.node === wanted || !fits(width, caps.node - 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is the same for the same drives in any order', () => {
    fc.assert(
      fc.property(anyCluster, fc.integer(), ({ drives, scheme }, seed) => {
        const other = shuffled(drives, seed);
        const [one, two] = [place(drives, scheme, PARTITIONS), place(other, scheme, PARTITIONS)];
        expect(slots(two.positions, other)).toEqual(slots(one.positions, drives));
        const partition = Math.abs(seed) % PARTITIONS;
        expect(slots([two.handOffs(partition)], other)).toEqual(slots([one.handOffs(partition)], drives));
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on the unit of the weights', () => {
    fc.assert(
      fc.property(anyCluster, fc.integer({ min: 2, max: 10_000 }), ({ drives, scheme }, unit) => {
        const scaled = drives.map((drive) => ({ ...drive, weight: drive.weight * unit }));
        expect(place(scaled, scheme, PARTITIONS).positions).toEqual(place(drives, scheme, PARTITIONS).positions);
      }),
      { numRuns: 200 },
    );
  });

  it('offers all other drives as hand-offs, those that keep the caps before those that break them', () => {
    fc.assert(
      fc.property(anyCluster, fc.nat(PARTITIONS - 1), ({ drives, scheme }, partition) => {
        const { positions, handOffs, caps } = place(drives, scheme, PARTITIONS);
        const own = positions[partition]!;
        const others = handOffs(partition);
        expect([...own, ...others].sort((a, b) => a - b)).toEqual(drives.map((_, index) => index));
        // Up to the first one that breaks a cap, none does; and if that one is not the first, it had to be waited for.
        const holders = own.map((index) => drives[index]!);
        const [first] = others;
        if (first === undefined) return;
        const keeps = (drive: PlacementDrive) =>
          holders.filter(({ zone }) => zone === drive.zone).length < caps.zone &&
          holders.filter(({ node }) => node === drive.node).length < caps.node;
        expect(keeps(drives[first]!)).toBe(others.some((index) => keeps(drives[index]!)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('placement refuses', () => {
  const two = cluster([1, 1], 1);

  it('fewer drives than shards', () => {
    expect(() => place(two, { k: 2, m: 1 }, 8)).toThrow('2+1 needs 3 drives, there are 2');
  });

  it('a slot given twice', () => {
    expect(() => place([...two, two[0]!], { k: 2, m: 1 }, 8)).toThrow('two drives have the slot a1/d1');
  });

  it('a weight that is not an integer of at least 1', () => {
    const light = { ...two[0]!, slot: 'a1/d2', weight: 0 };
    expect(() => place([...two, light], { k: 2, m: 1 }, 8)).toThrow('drive a1/d2 has weight 0');
  });

  it('a node that is in two zones', () => {
    const elsewhere = { ...two[0]!, slot: 'a1/d2', zone: 'b' };
    expect(() => place([...two, elsewhere], { k: 2, m: 1 }, 8)).toThrow('node a1 is in zone a and in zone b');
  });
});

describe('shares of the partitions follow the weights', () => {
  // Enough partitions that chance is a few percent of a share; the draws are hashes, so each run sees the same ones.
  const partitions = 16_384;

  it.each([
    ['equal drives', cluster([1, 1, 1, 1], 2), { k: 4, m: 2 }],
    ['many equal drives in three zones', cluster([4, 4, 4], 4), { k: 4, m: 2 }],
    ['every second drive twice as large', cluster([1], 12, (drive) => (drive % 2 === 0 ? 2 : 1)), { k: 4, m: 2 }],
    [
      'small and large drives on every node',
      cluster([3, 3, 3, 3], 4, (drive) => [1, 1, 2, 3][drive - 1]!),
      { k: 4, m: 2 },
    ],
    [
      'terabytes as gibibytes',
      cluster([2, 2, 2, 2], 4, (drive) => [3725, 3725, 7450, 7450][drive - 1]!),
      { k: 4, m: 2 },
    ],
  ] as [string, PlacementDrive[], { k: number; m: number }][])(
    '%s: no drive is ten percent off',
    (_, drives, scheme) => {
      const counts = countsOf(place(drives, scheme, partitions).positions, drives.length);
      const total = drives.reduce((sum, drive) => sum + drive.weight, 0);
      for (const [index, drive] of drives.entries()) {
        const fair = (drive.weight / total) * (scheme.k + scheme.m) * partitions;
        expect(counts[index]! / fair, drive.slot).toBeGreaterThan(0.9);
        expect(counts[index]! / fair, drive.slot).toBeLessThan(1.1);
      }
    },
  );
});

describe('one drive more or less moves little more than it must', () => {
  const shapes: readonly [string, readonly number[], number, { k: number; m: number }][] = [
    ['4 zones × 1 node × 2 drives, 4+2', [1, 1, 1, 1], 2, { k: 4, m: 2 }],
    ['4 zones × 3 nodes × 4 drives, 4+2', [3, 3, 3, 3], 4, { k: 4, m: 2 }],
    ['3 zones × 2 nodes × 4 drives, 4+2', [2, 2, 2], 4, { k: 4, m: 2 }],
    ['3 zones × 8 nodes × 8 drives, 8+4', [8, 8, 8], 8, { k: 8, m: 4 }],
    ['4 zones × 1 node × 2 drives, 2+2', [1, 1, 1, 1], 2, { k: 2, m: 2 }],
    ['6 zones × 2 nodes × 4 drives, 4+2', [2, 2, 2, 2, 2, 2], 4, { k: 4, m: 2 }],
    ['1 zone × 1 node × 12 drives, 4+2', [1], 12, { k: 4, m: 2 }],
  ];

  it.each(shapes)('%s', (name, zones, drivesPerNode, scheme) => {
    const before = cluster(zones, drivesPerNode);
    // Four times the usual number, where that is quick, so that chance matters less.
    const partitions = defaultPartitionCount(before.length) * (before.length > 100 ? 1 : 4);
    const small = slots(place(before, scheme, partitions).positions, before).flat();
    const added: PlacementDrive[] = [
      { slot: 'a1/d99', node: 'a1', zone: 'a', weight: 1 },
      { slot: 'a99/d1', node: 'a99', zone: 'a', weight: 1 },
      { slot: 'z1/d1', node: 'z1', zone: 'z', weight: 1 },
    ];
    const ratios = added.map((drive) => {
      const after = [...before, drive];
      const large = slots(place(after, scheme, partitions).positions, after).flat();
      // What the drive holds must move to it when it comes, and away from it when it goes: no placement can do with less.
      const least = large.filter((slot) => slot === drive.slot).length;
      const moved = large.filter((slot, position) => slot !== small[position]).length;
      return moved / least;
    });
    const [onNode, newNode, newZone] = ratios.map((ratio) => ratio.toFixed(2));
    console.log(
      `${name}: moves ${onNode} (on a node), ${newNode} (a new node), ${newZone} (a new zone) times the least`,
    );
    for (const ratio of ratios) expect(ratio).toBeLessThan(1.9);
  });
});

describe('partitions of names', () => {
  it('split in two, each in its place, when their number doubles', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 7, max: 15 }), (name, bits) => {
        expect(Math.floor(partitionOf(name, 2 ** (bits + 1)) / 2)).toBe(partitionOf(name, 2 ** bits));
      }),
    );
  });

  it('are evenly used', () => {
    const counts = countsOf([Array.from({ length: 64_000 }, (_, i) => partitionOf(`photos/2026/${i}.jpg`, 64))], 64);
    expect(Math.min(...counts)).toBeGreaterThan(870);
    expect(Math.max(...counts)).toBeLessThan(1130);
  });
});

function slots(table: readonly (readonly number[])[], drives: readonly PlacementDrive[]): string[][] {
  return table.map((row) => row.map((index) => drives[index]!.slot));
}

function countsOf(table: readonly (readonly number[])[], size: number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (const index of table.flat()) counts[index]!++;
  return counts;
}

function mostAlike(names: readonly string[]): number {
  return Math.max(...names.map((name) => names.filter((other) => other === name).length));
}

/** The most drives that can be chosen under these caps, found by trying all choices, node by node. */
function mostDrivesUnder(drives: readonly PlacementDrive[], zoneCap: number, nodeCap: number): number {
  const zones = [...Map.groupBy(drives, (drive) => drive.zone).values()];
  return zones.reduce((sum, inZone) => {
    const nodes = [...Map.groupBy(inZone, (drive) => drive.node).values()];
    let possible = new Set([0]);
    for (const node of nodes) {
      const next = new Set<number>();
      for (const soFar of possible) {
        for (let taken = 0; taken <= Math.min(node.length, nodeCap); taken++) next.add(soFar + taken);
      }
      possible = next;
    }
    return sum + Math.max(...[...possible].filter((total) => total <= zoneCap));
  }, 0);
}
