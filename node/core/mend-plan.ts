// What is to be done so that every shard of a blob lies on its own drive and nowhere else. Pure: facts in, work out.

export interface PositionFacts {
  /** The drive that the map gives the position; null when there is none (the blob's scheme is wider than the map's). */
  readonly ownSlot: string | null;
  /** In the agreed map. Nothing is done for a drive that is down: when it comes up the map changes and all is compared again. */
  readonly isOwnUp: boolean;
  /** Whether the shard is there, whole; null: the drive did not answer. */
  readonly isPresent: boolean | null;
  /** What is stored there was found to be corrupt. */
  readonly isCorrupt: boolean;
  /** The blob's record says that the shard is not on its own drive. */
  readonly isDisplaced: boolean;
  /** Other drives that hold, or may hold, a copy. */
  readonly elsewhere: readonly string[];
}

export interface ShardPlace {
  readonly slot: string;
  readonly position: number;
}

export interface MendPlan {
  /** Shards to be written to their own drives. */
  readonly rebuild: readonly ShardPlace[];
  /** Copies to be deleted when all of `rebuild` is durable. */
  readonly remove: readonly ShardPlace[];
  /** Positions that the record need not call displaced any more, after that. */
  readonly settled: readonly number[];
  /** Positions about which nothing is known, so they must be looked at again. */
  readonly unknown: readonly number[];
}

export function planMend(positions: readonly PositionFacts[]): MendPlan {
  const rebuild: ShardPlace[] = [];
  const remove: ShardPlace[] = [];
  const settled: number[] = [];
  const unknown: number[] = [];
  positions.forEach(({ ownSlot, isOwnUp, isPresent, isCorrupt, isDisplaced, elsewhere }, position) => {
    if (ownSlot === null || !isOwnUp) return;
    if (isPresent === null) {
      unknown.push(position);
      return;
    }
    if (!isPresent || isCorrupt) rebuild.push({ slot: ownSlot, position });
    for (const slot of elsewhere) if (slot !== ownSlot) remove.push({ slot, position });
    if (isDisplaced) settled.push(position);
  });
  return { rebuild, remove, settled, unknown };
}
