// What the reading and writing of blobs works with, and where the shards of a blob lie.

import type { Erasure } from '../erasure/erasure.ts';
import type { BlobRef } from '../format/object-formats.ts';
import type { Clock } from '../io/clock.ts';
import type { Random } from '../io/random.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { ShardClient } from './shard-client.ts';
import type { StoreLimits } from './store-limits.ts';
import type { Topology, TopologySource } from './topology.ts';

export interface BlobPorts {
  readonly topology: TopologySource;
  readonly shards: ShardClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: StoreLimits;
  readonly writeBudget: ByteBudget;
  readonly readBudget: ByteBudget;
  /** The code for a scheme; the same one for every call, since making one is dear. */
  erasure(k: number, m: number): Erasure;
}

export function rememberErasures(create: (k: number, m: number) => Erasure): (k: number, m: number) => Erasure {
  const known = new Map<string, Erasure>();
  return (k, m) => {
    const name = `${k}+${m}`;
    const erasure = known.get(name) ?? create(k, m);
    known.set(name, erasure);
    return erasure;
  };
}

/** The slot that the map gives the position; null when the blob's scheme is wider than the map's. */
export function ownSlot(topology: Topology, blobId: string, position: number): string | null {
  return topology.positions(topology.partitionOf(blobId))[position]?.slot ?? null;
}

/** By position, where its shard should be found, likeliest first. */
export function shardLocations(topology: Topology, blob: BlobRef): string[][] {
  return Array.from({ length: blob.k + blob.m }, (_, position) => {
    const own = ownSlot(topology, blob.blobId, position);
    const displaced = blob.displaced.find((shard) => shard.position === position);
    const slots = [displaced?.handOffSlot ?? null, own].filter((slot) => slot !== null);
    return [...new Set(slots)];
  });
}
