// Which state of a register holds when its cluster is dead: from the copies on whatever drives are left, the one that the
// cluster itself would have gone on with, and how sure that is. Pure. The rules are those of docs/consistency.md.
import { compareVersions, type Version } from '../core/ballot.ts';
import type { RegisterQuorums } from '../core/quorum.ts';

export interface Copy {
  readonly version: Version;
  /** The drive is one of the register's replicas in the newest map, under the id that the map knows. */
  readonly isReplica: boolean;
  /** The drive knows that this version was decided. */
  readonly isMarked: boolean;
}

/**
 * decided: it is what every client would have been answered. newest: nothing that was decided is newer, and whether this one
 * was acknowledged is not known. uncertain: too few replicas are here, a newer one may have been decided on the others.
 */
export type Certainty = 'decided' | 'newest' | 'uncertain';

export interface Judgement<C extends Copy> {
  readonly certainty: Certainty;
  /** One copy of every version that may hold, the likeliest first; only the first can be decided. Empty: there is no such register. */
  readonly candidates: readonly C[];
}

/**
 * copies: at least one. replicasHere: how many replicas of the partition can be trusted to have told everything that they
 * accepted. quorums null: the cluster map is lost.
 */
export function judge<C extends Copy>(
  copies: readonly C[],
  replicasHere: number,
  quorums: RegisterQuorums | null,
): Judgement<C> {
  // A drive that was replaced may hold what was never decided, under a higher version than what was, or was deleted since.
  const replicas = copies.filter(({ isReplica }) => isReplica);
  const isKnownAbsent = replicas.length === 0 && quorums !== null && replicasHere >= quorums.takeOver;
  if (isKnownAbsent) return { certainty: 'decided', candidates: [] };
  const eligible = replicas.length > 0 ? replicas : copies;
  const sorted = [...eligible].sort((a, b) => compareVersions(b.version, a.version));
  const candidates = sorted.filter((copy, i) => i === 0 || compareVersions(copy.version, sorted[i - 1]!.version) !== 0);
  return { certainty: certaintyOf(replicas, sorted[0]!.version, replicasHere, quorums), candidates };
}

function certaintyOf(
  replicas: readonly Copy[],
  version: Version,
  replicasHere: number,
  quorums: RegisterQuorums | null,
): Certainty {
  if (quorums === null) return 'uncertain';
  const holders = replicas.filter((copy) => compareVersions(copy.version, version) === 0);
  // Two write quorums meet: what one of them holds, nothing decided is newer than.
  if (holders.length >= quorums.write) return 'decided';
  if (replicasHere < quorums.takeOver) return 'uncertain';
  return holders.some(({ isMarked }) => isMarked) ? 'decided' : 'newest';
}
