// Which drives hold which partition: weighted rendezvous hashing under caps per zone and per node. Pure and exact: the plan,
// every node and every test compute the same table from the same input, on any machine (only operations that IEEE 754
// defines to the last bit are used). Adding or removing one drive moves little more than that drive's share.
import type { Scheme } from './cluster-map.ts';
import { lossBudget } from './quorum.ts';

/** One drive as placement sees it. */
export interface PlacementDrive {
  /** "node/drive"; hashed, so the same slot always gets the same draw. */
  readonly slot: string;
  readonly node: string;
  readonly zone: string;
  /** Integer ≥ 1. */
  readonly weight: number;
}

export interface Caps {
  /** At most so many drives of a partition in one zone. */
  readonly zone: number;
  /** At most so many drives of a partition on one node. */
  readonly node: number;
}

export interface Placement {
  readonly caps: Caps;
  /** What the caps would be if the topology permitted: the loss budget of the scheme. */
  readonly wantedCap: number;
  /** Indexes into the input drives, best first: the first k+m hold the partition, the rest are hand-off candidates in order. */
  readonly order: readonly (readonly number[])[];
}

/**
 * partitionCount orders of drives. Throws RangeError when there are fewer drives than shards.
 * Caps are the loss budget where the topology permits, else the smallest that can be met (and the plan says so).
 */
export function place(drives: readonly PlacementDrive[], scheme: Scheme, partitionCount: number): Placement {
  const width = scheme.k + scheme.m;
  if (drives.length < width) {
    throw new RangeError(`${scheme.k}+${scheme.m} needs ${width} drives, there are ${drives.length}`);
  }
  const wantedCap = lossBudget(scheme);
  const caps = feasibleCaps(drives, width, Math.max(1, wantedCap));
  const draws = drives.map((drive) => hashText(drive.slot));
  const order = Array.from({ length: partitionCount }, (_, partition) =>
    orderFor(partition, drives, draws, width, caps),
  );
  return { caps, wantedCap, order };
}

/** The partition of a key or blob id: the top bits of its hash, so that doubling the count splits each partition in two. */
export function partitionOf(name: string, partitionCount: number): number {
  return Math.floor((mix(hashText(name), 0x9e3779b9) / 2 ** 32) * partitionCount);
}

/** Enough partitions that shares even out, few enough that the table stays small: about 64 per drive, 128 to 65,536. */
export function defaultPartitionCount(driveCount: number): number {
  let count = 128;
  while (count < driveCount * 32 && count < 65_536) count *= 2;
  return count;
}

function feasibleCaps(drives: readonly PlacementDrive[], width: number, wanted: number): Caps {
  // The node cap is the looser question (a zone holds at least what its nodes may), so settle it first, alone.
  let node = wanted;
  while (capacity(drives, { node, zone: width }) < width) node++;
  let zone = wanted;
  while (capacity(drives, { node, zone }) < width) zone++;
  return { node, zone };
}

function capacity(drives: readonly PlacementDrive[], caps: Caps): number {
  const zones = new Map<string, Map<string, number>>();
  for (const drive of drives) {
    const nodes = zones.get(drive.zone) ?? new Map<string, number>();
    nodes.set(drive.node, (nodes.get(drive.node) ?? 0) + 1);
    zones.set(drive.zone, nodes);
  }
  let total = 0;
  for (const nodes of zones.values()) {
    let inZone = 0;
    for (const count of nodes.values()) inZone += Math.min(caps.node, count);
    total += Math.min(caps.zone, inZone);
  }
  return total;
}

function orderFor(
  partition: number,
  drives: readonly PlacementDrive[],
  draws: readonly number[],
  width: number,
  caps: Caps,
): number[] {
  const scores = drives.map((drive, index) => score(mix(draws[index]!, partition), drive.weight));
  const ranked = drives
    .map((_, index) => index)
    .sort((a, b) => scores[a]! - scores[b]! || (drives[a]!.slot < drives[b]!.slot ? -1 : 1));
  const inZone = new Map<string, number>();
  const onNode = new Map<string, number>();
  const chosen: number[] = [];
  const rest: number[] = [];
  // Caps per node within caps per zone: taking greedily in rank order always fills the width when the caps are feasible.
  for (const index of ranked) {
    const { zone, node } = drives[index]!;
    const zoneCount = inZone.get(zone) ?? 0;
    const nodeCount = onNode.get(node) ?? 0;
    if (chosen.length < width && zoneCount < caps.zone && nodeCount < caps.node) {
      inZone.set(zone, zoneCount + 1);
      onNode.set(node, nodeCount + 1);
      chosen.push(index);
    } else {
      rest.push(index);
    }
  }
  return [...chosen, ...rest];
}

/** Exponential draw with the drive's weight as its rate: the smallest wins, with a probability that is its share of the weight. */
function score(hash: number, weight: number): number {
  return -naturalLog((hash + 0.5) / 2 ** 32) / weight;
}

/**
 * ln(x) for 0 < x < 1 from exactly specified operations only: Math.log may differ in the last bit between engines, and then
 * two nodes would disagree about a partition. x = f·2^e with f in [1, 2); ln f = 2 artanh((f−1)/(f+1)).
 */
function naturalLog(x: number): number {
  let fraction = x;
  let exponent = 0;
  while (fraction < 1) {
    fraction *= 2;
    exponent--;
  }
  const z = (fraction - 1) / (fraction + 1);
  const z2 = z * z;
  let term = z;
  let sum = 0;
  for (let n = 1; n <= 41; n += 2) {
    sum += term / n;
    term *= z2;
  }
  return 2 * sum + exponent * Math.LN2;
}

/** FNV-1a over UTF-16 code units, then finalized. Unsigned 32 bits. */
function hashText(value: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) {
    hash ^= value.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return mix(hash, value.length);
}

/** The finalizer of MurmurHash3 over the two words: every input bit reaches every output bit. */
function mix(a: number, b: number): number {
  let h = (a ^ Math.imul(b ^ 0x85ebca6b, 0xcc9e2d51)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
