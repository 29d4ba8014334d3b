// Bodies that this node has written a moment ago. A drive may be replaced between the moment when a shard became durable on it and
// the moment when a register came to own the blob: whoever compares registers with drives then is too early to see that the
// shard is gone. The writer knows where it put the shards, and has them looked after when the map has moved since.
import type { RegisterKey } from '../core/keys.ts';
import type { BlobRef } from '../format/object-formats.ts';
import type { Clock } from '../io/clock.ts';
import type { Topology, TopologySource } from './topology.ts';

/** The nodes that carried out the write know the map that this node may lack yet, and tell of it several times a second. */
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 20_000;

interface RecentWrite {
  readonly key: RegisterKey;
  readonly blobId: string;
  /** By which the shards were placed. */
  readonly world: Topology;
  readonly writtenMs: number;
}

export interface RecentWritesOptions {
  readonly topology: TopologySource;
  readonly clock: Clock;
  /** A drive that took a shard of the register's blob is not the one that the map has there now. */
  readonly onMoved: (key: RegisterKey) => void;
}

export class RecentWrites {
  readonly #options: RecentWritesOptions;
  /** Oldest first. */
  readonly #writes = new Set<RecentWrite>();

  constructor(options: RecentWritesOptions) {
    this.#options = options;
    options.topology.onChange((next) => {
      for (const write of this.#writes) {
        if (!hasMoved(write, next)) continue;
        this.#writes.delete(write);
        options.onMoved(write.key);
      }
    });
  }

  /** The register owns the blob, whose shards were placed by that map. */
  add(key: RegisterKey, { blobId }: BlobRef, world: Topology): void {
    const { topology, clock, onMoved } = this.#options;
    const write = { key, blobId, world, writtenMs: clock.monotonicMs() };
    if (hasMoved(write, topology.current())) {
      onMoved(key);
      return;
    }
    this.#writes.add(write);
    for (const old of this.#writes) {
      const isOld = old.writtenMs + REMEMBERED_MS < write.writtenMs;
      if (!isOld && this.#writes.size <= REMEMBERED_MAX) return;
      this.#writes.delete(old);
    }
  }
}

function hasMoved({ blobId, world }: RecentWrite, now: Topology): boolean {
  if (world === now) return false;
  const drives = now.positions(now.partitionOf(blobId));
  return world.positions(world.partitionOf(blobId)).some(({ id }, position) => drives[position]?.id !== id);
}
