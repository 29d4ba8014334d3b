// Which drives hold which partition: weighted rendezvous hashing under caps per zone and per node. Pure and exact: the plan,
// every node and every test compute the same table from the same drives in any order, on any machine (only operations
// that IEEE 754 defines to the last bit are used). Adding or removing one drive moves little more than that drive's share,
// counted by position, because a shard belongs to its position: docs/decisions/0005-placement-draws-per-position.md.
import type { Scheme } from './cluster-map.ts';
import { exponential, exponentialAtLeast, hashText, mix, mixRun, ratesFor } from './draws.ts';
import { lossBudget } from './quorum.ts';

/** One drive as placement sees it. */
export interface PlacementDrive {
  /** "node/drive"; hashed, so the same slot always gets the same draws. */
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
  /** For each partition its k+m drives, position 0 first, as indexes into the drives that were given. */
  readonly positions: readonly (readonly number[])[];
  /** All other drives, best first, to stand in for positions of the partition. Computed at each call: O(drives · log drives). */
  handOffs(partition: number): number[];
}

/**
 * Caps are the loss budget where the topology permits, else the smallest that can be met (and the plan says so).
 * Throws RangeError when there are fewer drives than shards, or when the drives contradict themselves.
 */
export function place(drives: readonly PlacementDrive[], scheme: Scheme, partitionCount: number): Placement {
  const table = new Table(drives, scheme.k + scheme.m, capsFor(drives, scheme));
  const positions = Array.from({ length: partitionCount }, (_, partition) => table.positions(partition));
  return {
    caps: table.caps,
    wantedCap: lossBudget(scheme),
    positions,
    handOffs: (partition) => table.handOffs(partition, positions[partition]!),
  };
}

/** The partition of a key or blob id: the top bits of its hash, so that doubling the count splits each partition in two. */
export function partitionOf(name: string, partitionCount: number): number {
  return Math.floor((mix(hashText(name), 0x9e3779b9) / 2 ** 32) * partitionCount);
}

/** Enough partitions that shares even out, few enough that the table stays small: at least 32 per drive, 128 to 65,536. */
export function defaultPartitionCount(driveCount: number): number {
  let count = 128;
  while (count < driveCount * 32 && count < 65_536) count *= 2;
  return count;
}

/** The loss budget of the scheme where the topology permits it, else the least that does. Throws RangeError like place. */
export function capsFor(drives: readonly PlacementDrive[], scheme: Scheme): Caps {
  const width = scheme.k + scheme.m;
  if (drives.length < width) {
    throw new RangeError(`${scheme.k}+${scheme.m} needs ${width} drives, there are ${drives.length}`);
  }
  const wanted = Math.max(1, lossBudget(scheme));
  // The node cap is the looser question (a zone holds at least what its nodes may), so settle it first, alone.
  let node = wanted;
  while (capacity(drives, { node, zone: width }) < width) node++;
  let zone = wanted;
  while (capacity(drives, { node, zone }) < width) zone++;
  return { node, zone };
}

/** The most drives that one partition can have under these caps. */
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

/** What one position of the partition at hand drew. */
interface Row {
  readonly position: number;
  /** By drive. */
  readonly hashes: Uint32Array;
  /** The open drive with the smallest draw, as far as it was last looked. */
  drive: number;
  draw: number;
}

/**
 * The drives as arrays of numbers, sorted by weight and then by slot, and the draws over them. A large cluster takes a billion
 * draws, so what one partition needs is kept for the next.
 */
class Table {
  readonly caps: Caps;
  /** Place in sorted order → index into the drives that were given. */
  readonly #given: readonly number[];
  readonly #hash: Uint32Array;
  readonly #rate: Float64Array;
  /** Where each run of drives of equal weight ends: among them the largest hash is the smallest draw, without a logarithm. */
  readonly #runEnds: readonly number[];
  readonly #zone: Int32Array;
  readonly #node: Int32Array;
  /** By drive: what its draws for the partition at hand start from. */
  readonly #seeds: Uint32Array;
  readonly #rows: readonly Row[];
  readonly #room: Room;

  constructor(drives: readonly PlacementDrive[], width: number, caps: Caps) {
    assertConsistent(drives);
    this.caps = caps;
    const order = (a: PlacementDrive, b: PlacementDrive) => a.weight - b.weight || (a.slot < b.slot ? -1 : 1);
    this.#given = drives.map((_, index) => index).sort((a, b) => order(drives[a]!, drives[b]!));
    const sorted = this.#given.map((index) => drives[index]!);
    const weights = sorted.map((drive) => drive.weight);
    this.#hash = Uint32Array.from(sorted, (drive) => hashText(drive.slot));
    this.#rate = Float64Array.from(ratesFor(weights, width));
    this.#runEnds = weights.map((_, index) => index + 1).filter((end) => weights[end - 1] !== weights[end]);
    this.#zone = numbered(sorted.map((drive) => drive.zone));
    this.#node = numbered(sorted.map((drive) => drive.node));
    this.#seeds = new Uint32Array(drives.length);
    this.#rows = Array.from({ length: width }, (_, position) => ({
      position,
      hashes: new Uint32Array(drives.length),
      drive: -1,
      draw: Number.POSITIVE_INFINITY,
    }));
    this.#room = new Room(this.#zone, this.#node, caps);
  }

  /**
   * Every drive draws for every position; the best draw of all takes its position, then the best that is left, and so on.
   * Whatever is taken first, caps per node within caps per zone never stop short of the width when it can be reached at all
   * (they are a laminar matroid), and any drive can take any free position.
   */
  positions(partition: number): number[] {
    const room = this.#room;
    room.clear();
    for (let drive = 0; drive < this.#seeds.length; drive++) {
      this.#seeds[drive] = mix(this.#hash[drive]!, partition);
    }
    for (const row of this.#rows) this.#findSmallest(row, true);
    const chosen: number[] = new Array<number>(this.#rows.length).fill(-1);
    for (let left = this.#rows.length; left > 0; left--) {
      let best: Row | null = null;
      for (const row of this.#rows) {
        if (chosen[row.position] !== -1) continue;
        if (!room.isOpen(row.drive)) this.#findSmallest(row, false);
        if (best === null || row.draw < best.draw) best = row;
      }
      chosen[best!.position] = this.#given[best!.drive]!;
      room.take(best!.drive);
    }
    return chosen;
  }

  /** Drives that keep the caps even after they stood in come first, then those that exceed them by one, and so on. */
  handOffs(partition: number, positions: readonly number[]): number[] {
    const own = new Set(positions);
    const inZone = new Map<number, number>();
    const onNode = new Map<number, number>();
    const take = (drive: number) => {
      add(inZone, this.#zone[drive]!);
      add(onNode, this.#node[drive]!);
    };
    const excess = (drive: number) => {
      const zone = (inZone.get(this.#zone[drive]!) ?? 0) + 1 - this.caps.zone;
      const node = (onNode.get(this.#node[drive]!) ?? 0) + 1 - this.caps.node;
      return Math.max(0, zone, node);
    };
    const others: { drive: number; draw: number }[] = [];
    for (const [drive, given] of this.#given.entries()) {
      if (own.has(given)) take(drive);
      else others.push({ drive, draw: this.#draw(mix(mix(this.#hash[drive]!, partition), 0), drive) });
    }
    const ranked = others.sort((a, b) => a.draw - b.draw || a.drive - b.drive).map(({ drive }) => drive);
    const keeping: number[] = [];
    const exceeding: number[] = [];
    for (const drive of ranked) {
      if (excess(drive) > 0) {
        exceeding.push(drive);
      } else {
        take(drive);
        keeping.push(drive);
      }
    }
    const byExcess = exceeding.map((drive) => {
      const by = excess(drive);
      take(drive);
      return { drive, by };
    });
    byExcess.sort((a, b) => a.by - b.by);
    return [...keeping, ...byExcess.map(({ drive }) => drive)].map((drive) => this.#given[drive]!);
  }

  /** Finds the smallest draw of the drives that are open. isNew: of all drives, for which the row's hashes are still to be made. */
  #findSmallest(row: Row, isNew: boolean): void {
    row.drive = -1;
    row.draw = Number.POSITIVE_INFINITY;
    let start = 0;
    // By index, because the loop of mixRun, where all the time goes, takes half as long again inside of a for…of.
    for (let run = 0; run < this.#runEnds.length; run++) {
      const end = this.#runEnds[run]!;
      const drive = isNew
        ? mixRun(this.#seeds, row.position + 1, row.hashes, start, end)
        : this.#room.largestOpen(row.hashes, start, end);
      start = end;
      if (drive < 0) continue;
      const hash = row.hashes[drive]!;
      if (exponentialAtLeast(hash) / this.#rate[drive]! >= row.draw) continue;
      const draw = this.#draw(hash, drive);
      if (draw < row.draw) [row.drive, row.draw] = [drive, draw];
    }
  }

  #draw(hash: number, drive: number): number {
    return exponential(hash) / this.#rate[drive]!;
  }
}

/** Which drives the caps still allow, while the drives of a partition are taken one by one. */
class Room {
  readonly #zone: Int32Array;
  readonly #node: Int32Array;
  readonly #caps: Caps;
  readonly #taken: Uint8Array;
  readonly #inZone: Int32Array;
  readonly #onNode: Int32Array;

  constructor(zone: Int32Array, node: Int32Array, caps: Caps) {
    this.#zone = zone;
    this.#node = node;
    this.#caps = caps;
    this.#taken = new Uint8Array(zone.length);
    // There are no more zones and nodes than drives.
    this.#inZone = new Int32Array(zone.length);
    this.#onNode = new Int32Array(zone.length);
  }

  clear(): void {
    this.#taken.fill(0);
    this.#inZone.fill(0);
    this.#onNode.fill(0);
  }

  isOpen(drive: number): boolean {
    return (
      this.#taken[drive] === 0 &&
      this.#inZone[this.#zone[drive]!]! < this.#caps.zone &&
      this.#onNode[this.#node[drive]!]! < this.#caps.node
    );
  }

  take(drive: number): void {
    this.#taken[drive] = 1;
    this.#inZone[this.#zone[drive]!]!++;
    this.#onNode[this.#node[drive]!]!++;
  }

  /** The open drive with the largest hash from start to before end, the first of equals; -1 when none is open. */
  largestOpen(hashes: Uint32Array, start: number, end: number): number {
    let largest = -1;
    let largestHash = -1;
    for (let drive = start; drive < end; drive++) {
      if (hashes[drive]! > largestHash && this.isOpen(drive)) {
        largest = drive;
        largestHash = hashes[drive]!;
      }
    }
    return largest;
  }
}

/** Counts one more under that key. */
function add(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function assertConsistent(drives: readonly PlacementDrive[]): void {
  const slots = new Set<string>();
  const zoneOf = new Map<string, string>();
  for (const drive of drives) {
    if (slots.has(drive.slot)) throw new RangeError(`two drives have the slot ${drive.slot}`);
    slots.add(drive.slot);
    if (!Number.isSafeInteger(drive.weight) || drive.weight < 1) {
      throw new RangeError(`drive ${drive.slot} has weight ${drive.weight}; it must be an integer of at least 1`);
    }
    const zone = zoneOf.get(drive.node) ?? drive.zone;
    if (zone !== drive.zone) throw new RangeError(`node ${drive.node} is in zone ${zone} and in zone ${drive.zone}`);
    zoneOf.set(drive.node, zone);
  }
}

/** Equal texts get equal numbers, from 0. */
function numbered(texts: readonly string[]): Int32Array {
  const numbers = new Map<string, number>();
  return Int32Array.from(texts, (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}
