// How much of the raw capacity can be used: what the drives' actual shares of the placement let fill before the first drive
// is full, what caps make unreachable for any placement, and what objects of a given size cost.
import type { Caps } from '../node/core/placement.ts';
import type { RegisterQuorums } from '../node/core/quorum.ts';
import { type ClusterDrive, membersOf } from './cluster-drives.ts';
import { partitionObject, type StoredObject, setObject } from './object-cost.ts';
import type { Capacity, DriveShare, SetPool } from './plan.ts';

const OBJECT_SIZES_BYTES = [4 * 2 ** 10, 64 * 2 ** 10, 2 ** 20, 2 ** 30];

export function partitionCapacity(
  scheme: { readonly k: number; readonly m: number },
  quorums: RegisterQuorums,
  caps: Caps,
  drives: readonly ClusterDrive[],
  shares: readonly DriveShare[],
): Capacity {
  const sizes = drives.map(sizeOf);
  return capacityOf({
    sizes,
    hasSizes: drives.every(({ capacityBytes }) => capacityBytes !== null),
    fillable: fillableShare(
      sizes,
      shares.map(({ shardPartitions }) => shardPartitions),
    ),
    // Inline objects lie with the register replicas, whose shares differ from those of the shards.
    fillableInline: fillableShare(
      sizes,
      shares.map(({ replicaPartitions }) => replicaPartitions),
    ),
    strandedByCaps: 1 - fillableUnderCaps(drives, caps, scheme.k + scheme.m),
    dataShare: scheme.k / (scheme.k + scheme.m),
    store: (objectBytes) => partitionObject(objectBytes, scheme, quorums),
  });
}

/** A set fills as evenly as its smallest drive allows; sets fill by their free space. */
export function setCapacity(drives: readonly ClusterDrive[], pools: readonly SetPool[]): Capacity {
  const sizes = drives.map(sizeOf);
  const sizeOfSlot = new Map(drives.map(({ slot }, index) => [slot, sizes[index]!]));
  const perSet = pools.flatMap(({ sets }) =>
    sets.map((set) => set.length * Math.min(...set.map((slot) => sizeOfSlot.get(slot)!))),
  );
  const fillable = sum(perSet) / sum(sizes);
  const { setSize, parity } = pools[0]!;
  return capacityOf({
    sizes,
    hasSizes: drives.every(({ capacityBytes }) => capacityBytes !== null),
    fillable,
    fillableInline: fillable,
    strandedByCaps: 0,
    dataShare: (setSize - parity) / setSize,
    store: (objectBytes) => setObject(objectBytes, setSize, parity),
  });
}

function capacityOf(facts: {
  sizes: readonly number[];
  hasSizes: boolean;
  fillable: number;
  fillableInline: number;
  strandedByCaps: number;
  dataShare: number;
  store: (objectBytes: number) => StoredObject;
}): Capacity {
  const { sizes, hasSizes, fillable, fillableInline, strandedByCaps, dataShare, store } = facts;
  const rawBytes = sum(sizes);
  const inBytes = (share: number) => (hasSizes ? Math.floor(rawBytes * share) : null);
  return {
    rawBytes: inBytes(1),
    usableBytes: inBytes(fillable * dataShare),
    strandedBytes: inBytes(1 - fillable),
    fillable,
    strandedByCaps,
    byObjectSize: OBJECT_SIZES_BYTES.map((objectBytes) => {
      const { storedBytes, copies } = store(objectBytes);
      const efficiency = objectBytes / storedBytes;
      const share = copies === null ? fillable : fillableInline;
      return { objectBytes, storedBytes, copies, efficiency, usableBytes: inBytes(share * efficiency) };
    }),
  };
}

/** Drives fill in proportion to their counts; when the first one is full, this share of everything is in use. */
function fillableShare(sizes: readonly number[], counts: readonly number[]): number {
  const perCount = Math.min(...sizes.map((size, index) => size / counts[index]!));
  return (perCount * sum(counts)) / sum(sizes);
}

/**
 * The same for the best placement that caps allow. Every drive is to get "level" partitions' worth per unit of size, but no
 * drive more than one position of a partition, no node and no zone more than its cap; the lowest level at which all
 * positions find a place says how full the drives can get together.
 */
function fillableUnderCaps(drives: readonly ClusterDrive[], caps: Caps, width: number): number {
  const sizes = drives.map(sizeOf);
  const zones = [...membersOf(drives, 'zone').values()].map((inZone) => [
    ...Map.groupBy(inZone, (index) => drives[index]!.node).values(),
  ]);
  const placed = (level: number) =>
    sum(
      zones.map((nodes) => {
        const onNodes = nodes.map((node) =>
          Math.min(caps.node, sum(node.map((index) => Math.min(1, level * sizes[index]!)))),
        );
        return Math.min(caps.zone, sum(onNodes));
      }),
    );
  let low = width / sum(sizes);
  if (placed(low) >= width - 1e-9) return 1;
  let high = 1 / Math.min(...sizes);
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (placed(middle) < width) low = middle;
    else high = middle;
  }
  return width / (high * sum(sizes));
}

function sizeOf(drive: ClusterDrive): number {
  return drive.capacityBytes ?? drive.weight;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
