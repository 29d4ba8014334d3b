// One epoch of the cluster map with what follows from it, and where to get the newest. Immutable: a request that took a
// Topology at its start sees one consistent world until it ends.
import type { ClusterMap, MapDrive, MapNode } from '../core/cluster-map.ts';
import { type Placement, type PlacementDrive, partitionOf, place } from '../core/placement.ts';
import { type RegisterQuorums, registerQuorums } from '../core/quorum.ts';

export class Topology {
  readonly map: ClusterMap;
  readonly quorums: RegisterQuorums;
  readonly #placed: readonly PlacementDrive[];
  readonly #placement: Placement;
  readonly #positions: readonly (readonly MapDrive[])[];
  readonly #replicas: readonly (readonly MapDrive[])[];
  readonly #nodes: ReadonlyMap<string, MapNode>;
  readonly #drives: ReadonlyMap<string, MapDrive>;

  /**
   * before: another epoch. Its placement, which takes seconds to compute in a large cluster, is taken over when the same drives
   * are placed: drives that go down and come back change nothing about it.
   */
  constructor(map: ClusterMap, before: Topology | null = null) {
    this.map = map;
    this.quorums = registerQuorums(map.scheme);
    this.#nodes = new Map(map.nodes.map((node) => [node.name, node]));
    this.#drives = new Map(map.drives.map((drive) => [drive.slot, drive]));
    this.#placed = map.drives.map(({ slot, node, weight }) => ({ slot, node, weight, zone: this.node(node).zone }));
    const isPlaced = before !== null && placesAlike(before.map, map) && areAlike(before.#placed, this.#placed);
    this.#placement = isPlaced ? before.#placement : place(this.#placed, map.scheme, map.partitionCount);
    this.#positions = this.#placement.positions.map((indexes) => indexes.map((index) => map.drives[index]!));
    this.#replicas = this.#positions.map((positions) => positions.slice(0, this.quorums.replicas));
  }

  get epoch(): number {
    return this.map.epoch;
  }

  node(name: string): MapNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name} in epoch ${this.map.epoch}`);
    return node;
  }

  drive(slot: string): MapDrive | null {
    return this.#drives.get(slot) ?? null;
  }

  /** name: a register key, or a blob id. */
  partitionOf(name: string): number {
    return partitionOf(name, this.map.partitionCount);
  }

  /** The k+m drives of a partition, position 0 first, whatever their state. */
  positions(partition: number): readonly MapDrive[] {
    return this.#positions[partition]!;
  }

  /** The drives that stand in, best first, when a position's own drive is slow or down. */
  handOffs(partition: number): readonly MapDrive[] {
    return this.#placement.handOffs(partition).map((index) => this.map.drives[index]!);
  }

  /** The drives that hold the partition's registers; the first of them that is up proposes. */
  replicas(partition: number): readonly MapDrive[] {
    return this.#replicas[partition]!;
  }
}

function placesAlike(one: ClusterMap, other: ClusterMap): boolean {
  return (
    one.scheme.k === other.scheme.k && one.scheme.m === other.scheme.m && one.partitionCount === other.partitionCount
  );
}

/** The order counts too: a placement names drives by their places in it. */
function areAlike(ones: readonly PlacementDrive[], others: readonly PlacementDrive[]): boolean {
  return (
    ones.length === others.length &&
    ones.every(({ slot, node, zone, weight }, index) => {
      const other = others[index]!;
      return slot === other.slot && node === other.node && zone === other.zone && weight === other.weight;
    })
  );
}

/** The newest agreed map that this node knows. */
export interface TopologySource {
  current(): Topology;
  /** Whether that node answers at the moment: a local suspicion, only good for choosing whom to ask first. */
  seemsUp(nodeName: string): boolean;
  onChange(listener: (topology: Topology) => void): void;
}
