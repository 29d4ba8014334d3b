// How many replicas a register has and how many of them must answer. Pure arithmetic on the scheme; the plan proves its
// promises with the same numbers that the nodes use.
import type { Scheme } from './cluster-map.ts';

export interface RegisterQuorums {
  /** N: the first N drives of a partition hold its registers. */
  readonly replicas: number;
  /** W: an acknowledged value is durable on at least so many; never fewer than m+1. */
  readonly write: number;
  /** T: so many must promise before a new proposer may act; every W meets every T. */
  readonly takeOver: number;
}

/** N = 2m+1 with majorities where the partition has that many drives; else all k+m with W = m+1 and T = N−W+1. */
export function registerQuorums(scheme: Scheme): RegisterQuorums {
  const replicas = Math.min(2 * scheme.m + 1, scheme.k + scheme.m);
  // As replicas ≤ 2m+1, two write quorums meet too: a read is final when one of them agrees, whoever proposes.
  const write = scheme.m + 1;
  return { replicas, write, takeOver: replicas - write + 1 };
}

/** How many drives of one partition a failure domain may hold so that losing it stops neither reads nor writes. */
export function lossBudget(scheme: Scheme): number {
  const { replicas, write } = registerQuorums(scheme);
  return Math.min(scheme.m, replicas - write);
}
