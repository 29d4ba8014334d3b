// Ballots and versions of the register protocol (docs/consistency.md), and their order.

/** A proposer's claim on a partition. Unique: the proposer draws its id afresh at every process start. */
export interface Ballot {
  readonly round: number;
  /** 16 hexadecimal digits, drawn by the proposing process when it started. */
  readonly proposer: string;
}

/** Names one proposal in a partition: under one ballot a sequence number is used once. */
export interface Version {
  readonly ballot: Ballot;
  readonly sequence: number;
}

export const ZERO_BALLOT: Ballot = { round: 0, proposer: '0000000000000000' };

export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.round !== b.round) return a.round - b.round;
  return a.proposer < b.proposer ? -1 : a.proposer > b.proposer ? 1 : 0;
}

export function compareVersions(a: Version, b: Version): number {
  return compareBallots(a.ballot, b.ballot) || a.sequence - b.sequence;
}
