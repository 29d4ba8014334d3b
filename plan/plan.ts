// The plan of a cluster as a value (make-plan.ts makes it). It holds what the targets need to build the cluster and what
// a person needs before agreeing to it: where shards go, which losses are survived (proven by enumerating the actual
// placement), what capacity is left, and whether the plan keeps the promise that the spec makes.
import type { Caps } from '../node/core/placement.ts';
import type { RegisterQuorums } from '../node/core/quorum.ts';
import type { ClusterSpec, Engine, FailureDomain } from '../spec/cluster-spec.ts';

export interface Plan {
  readonly name: string;
  readonly engine: Engine;
  readonly scheme: { readonly k: number; readonly m: number };
  readonly survive: FailureDomain;
  readonly verdict: Verdict;
  readonly zones: readonly string[];
  readonly nodes: readonly PlanNode[];
  /** A power of two; 0 with engines that place by erasure sets instead of partitions. */
  readonly partitionCount: number;
  /** Slots of the drives that vote on the cluster map; empty with other engines. */
  readonly keepers: readonly string[];
  readonly endpoint: ClusterSpec['endpoint'];
  readonly region: string;
  readonly domains: readonly string[];
  readonly root: ClusterSpec['root'];
  /** null when not even one object could be placed; the verdict says why. */
  readonly layout: PartitionLayout | SetLayout | null;
  /** One entry for each kind of loss; none without a layout. */
  readonly losses: readonly LossGroup[];
  /** What is survived of any m drives at once; null without a layout. */
  readonly anyDrives: AnyDrives | null;
  readonly capacity: Capacity | null;
}

export interface PlanNode {
  readonly name: string;
  readonly zone: string;
  /** null: the target chooses. */
  readonly host: string | null;
  readonly port: number | null;
  readonly drives: readonly PlanDrive[];
  /** Directory of the write-ahead log; null: on the drives themselves. */
  readonly wal: string | null;
}

export interface PlanDrive {
  /** The last component of the drive's path. */
  readonly name: string;
  /** "node/drive": what placement hashes. */
  readonly slot: string;
  readonly path: string | null;
  /** Integer ≥ 1: GiB of capacity when the spec gives capacities, else 1. */
  readonly weight: number;
  readonly capacityBytes: number | null;
}

export interface Verdict {
  readonly safe: boolean;
  /** Why not, a sentence each; empty when safe. */
  readonly reasons: readonly string[];
  /** Specs with small changes that would hold; each was planned and found safe. Empty when safe. */
  readonly nearest: readonly NearestSpec[];
}

export interface NearestSpec {
  /** "2 drives per node instead of 1". */
  readonly change: string;
  /** Lines to paste into the spec in place of those of the same name. */
  readonly yaml: string;
}

/** Placement of engine ashlar. */
export interface PartitionLayout {
  readonly kind: 'partitions';
  readonly quorums: RegisterQuorums;
  readonly caps: Caps;
  /** What the caps would be if the topology permitted. */
  readonly wantedCap: number;
  /** In the order of nodes and their drives. */
  readonly drives: readonly DriveShare[];
}

export interface DriveShare {
  readonly slot: string;
  /** Partitions of which the drive holds a shard position, and a register replica. */
  readonly shardPartitions: number;
  readonly replicaPartitions: number;
}

/** Placement of engines rustfs and minio. */
export interface SetLayout {
  readonly kind: 'sets';
  /** The volume arguments of their server command, in order. Order and width can never change later. */
  readonly volumes: readonly string[];
  /** Settings that the layout depends on, for instance MINIO_ERASURE_SET_DRIVE_COUNT. */
  readonly environment: Readonly<Record<string, string>>;
  readonly pools: readonly SetPool[];
}

export interface SetPool {
  readonly setSize: number;
  readonly parity: number;
  readonly readQuorum: number;
  readonly writeQuorum: number;
  /** Slots. */
  readonly sets: readonly (readonly string[])[];
  /** The most drives of one set in one zone, and on one node. */
  readonly worstZoneShare: number;
  readonly worstNodeShare: number;
}

/** 'pair': two drives; 'drive+zone': a drive and a zone that it is not in. */
export type LossKind = FailureDomain | 'pair' | 'drive+zone';

/** What is left at the partition (or set) that is hit hardest. A number below 0 says how many are missing. */
export interface Remainder {
  readonly reads: boolean;
  readonly writes: boolean;
  /** Shards beyond the k that a read needs. */
  readonly shardsToSpare: number;
  /** Register replicas beyond the write quorum; with sets: drives beyond the write quorum. */
  readonly replicasToSpare: number;
  /** Keepers of the cluster map beyond a majority; null with sets. */
  readonly keepersToSpare: number | null;
}

export interface Loss extends Remainder {
  /** "a", "a1", "a1/d1", "a1/d1 + b1/d2", "a1/d1 + zone b". */
  readonly lost: string;
}

export interface LossGroup {
  readonly kind: LossKind;
  readonly total: number;
  readonly readsSurvived: number;
  readonly writesSurvived: number;
  /** The loss that leaves least; null when there is no such loss at all. */
  readonly worst: Loss | null;
  /** All of them; empty when there are more than CASES_MAX (they were enumerated all the same). */
  readonly cases: readonly Loss[];
}

export interface AnyDrives {
  /** m */
  readonly count: number;
  readonly reads: boolean;
  /** Sets of so many drives that were enumerated; null when there are too many and each partition's own count decides. */
  readonly enumerated: number | null;
}

export interface Capacity {
  /** Null when the spec gives no capacities; the fractions hold anyway. */
  readonly rawBytes: number | null;
  /** Of objects so large that overheads vanish. */
  readonly usableBytes: number | null;
  readonly strandedBytes: number | null;
  /** Share of raw capacity that is filled when the first drive is full. */
  readonly fillable: number;
  /** Share of raw capacity that no placement could fill under the caps; the rest up to 1 − fillable is unevenness. */
  readonly strandedByCaps: number;
  readonly byObjectSize: readonly ObjectCost[];
}

export interface ObjectCost {
  readonly objectBytes: number;
  /** On all drives together. */
  readonly storedBytes: number;
  /** Stored whole, in so many copies; null: erasure-coded. */
  readonly copies: number | null;
  /** Object bytes per stored byte. */
  readonly efficiency: number;
  /** Object bytes that fit when all objects are of this size; null without capacities. */
  readonly usableBytes: number | null;
}
