// Where a shard is written when its own drive may not take it: which hand-off drive stands in, when a shard may be left out, and
// when the writer must rather wait. Pure, so that the promise behind it can be tested against all small topologies.

/** A drive as the choice sees it. */
export interface CandidateDrive {
  readonly slot: string;
  readonly node: string;
  readonly zone: string;
  /** In the agreed map. */
  readonly isUp: boolean;
  /** Whether its node answers, as far as this node can tell. */
  readonly seemsUp: boolean;
}

export interface ShardChoiceInput {
  /** The drive that the map gives the position. */
  readonly own: CandidateDrive;
  /** Stand-ins, best first. */
  readonly handOffs: readonly CandidateDrive[];
  /** The drives that hold, or are about to hold, the blob's other shards. */
  readonly others: readonly CandidateDrive[];
  /** Drives that failed to take a shard of this blob. */
  readonly failed: ReadonlySet<string>;
  /** At most so many shards of a blob in one zone, and on one node. */
  readonly zoneCap: number;
  readonly nodeCap: number;
}

export type ShardChoice =
  | { readonly kind: 'try'; readonly slot: string }
  /** Its drive is down in the map and nobody can stand in: the blob does without this shard for now. */
  | { readonly kind: 'skip' }
  /** Nothing can take the shard at present, and it may not be left out. */
  | { readonly kind: 'wait' };

/**
 * While the map calls the own drive up, nothing was agreed to be lost, so a stand-in must keep the caps: else the loss of one
 * zone could take more shards than the scheme has parity. Once the drive is down in the map, any stand-in is better than none.
 */
export function chooseShardSlot({ own, handOffs, others, failed, zoneCap, nodeCap }: ShardChoiceInput): ShardChoice {
  const mayTry = (drive: CandidateDrive) => drive.isUp && drive.seemsUp && !failed.has(drive.slot);
  if (mayTry(own)) return { kind: 'try', slot: own.slot };
  const taken = new Set(others.map((drive) => drive.slot));
  const usable = handOffs.filter((drive) => mayTry(drive) && !taken.has(drive.slot));
  const keepsCaps = (drive: CandidateDrive) =>
    others.filter(({ zone }) => zone === drive.zone).length < zoneCap &&
    others.filter(({ node }) => node === drive.node).length < nodeCap;
  const standIn = usable.find(keepsCaps) ?? (own.isUp ? undefined : usable[0]);
  if (standIn !== undefined) return { kind: 'try', slot: standIn.slot };
  if (!own.isUp) return { kind: 'skip' };
  // That its node does not seem up is only a suspicion, and there is nobody else to ask.
  return failed.has(own.slot) ? { kind: 'wait' } : { kind: 'try', slot: own.slot };
}
