// The cluster map as a value: which nodes and drives there are, in which zones and states, and the erasure scheme. Small;
// agreed by consensus; every epoch replaces the one before it. Everything that depends on topology is computed from it.

/** k data shards and m parity shards: any k of the k+m rebuild the data. */
export interface Scheme {
  readonly k: number;
  readonly m: number;
}

/** 'down' is an agreed fact, not a suspicion: only then may a write skip the drive's position. */
export type DriveState = 'up' | 'down';

export interface MapNode {
  /** Unique in the cluster, for instance "a1". */
  readonly name: string;
  readonly zone: string;
  /** Where peers and clients reach it, for instance "http://10.0.0.1:9000". */
  readonly address: string;
}

export interface MapDrive {
  /** 32 hexadecimal digits, drawn when the drive was formatted; a replaced drive gets a new one. */
  readonly id: string;
  /** The place of the drive, "node/drive" (for instance "a1/d1"): placement hashes this, so a replacement inherits its partitions. */
  readonly slot: string;
  readonly node: string;
  /** Share of the data relative to other drives, an integer ≥ 1 (by default GiB of capacity). */
  readonly weight: number;
  readonly state: DriveState;
}

export interface ClusterMap {
  /** 32 hexadecimal digits, drawn when the cluster was founded. */
  readonly clusterId: string;
  /** Starts at 1 and grows by one with every change. */
  readonly epoch: number;
  readonly scheme: Scheme;
  /** A power of two. */
  readonly partitionCount: number;
  readonly nodes: readonly MapNode[];
  readonly drives: readonly MapDrive[];
  /** Slots of the drives that vote on the next map. */
  readonly keepers: readonly string[];
}

/** "4+2" → { k: 4, m: 2 }. Throws RangeError saying what is wrong. */
export function parseScheme(text: string): Scheme {
  const match = /^([0-9]{1,3})\+([0-9]{1,3})$/.exec(text.trim());
  if (match === null) throw new RangeError(`"${text}" is not an erasure scheme; write k+m, for instance 4+2`);
  const k = Number(match[1]);
  const m = Number(match[2]);
  if (k < 1) throw new RangeError(`"${text}" has no data shard; k must be at least 1`);
  if (m < 1) throw new RangeError(`"${text}" has no parity shard, so it survives no loss; m must be at least 1`);
  if (k + m > 64) throw new RangeError(`"${text}" has ${k + m} shards; at most 64 are supported`);
  return { k, m };
}

export function schemeText(scheme: Scheme): string {
  return `${scheme.k}+${scheme.m}`;
}
