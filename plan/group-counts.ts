// Counts how many drives of one group (a partition's positions, its register replicas, an erasure set) are among the lost
// ones, for the group that loses most. Losses are enumerated by the hundred thousand, so only the groups that a lost drive
// belongs to are looked at.

export class GroupCounts {
  readonly #groups: readonly (readonly number[])[];
  /** For each drive the groups it belongs to. */
  readonly #groupsOf: readonly Int32Array[];
  /** All 0 between calls. */
  readonly #lost: Uint16Array;

  constructor(groups: readonly (readonly number[])[], driveCount: number) {
    const groupsOf: number[][] = Array.from({ length: driveCount }, () => []);
    for (const [group, drives] of groups.entries()) {
      for (const drive of drives) groupsOf[drive]!.push(group);
    }
    this.#groups = groups;
    this.#groupsOf = groupsOf.map((list) => Int32Array.from(list));
    this.#lost = new Uint16Array(groups.length);
  }

  /** Groups that the drive belongs to. */
  membership(drive: number): number {
    return this.#groupsOf[drive]!.length;
  }

  /** The most that one group loses when all of these drives are lost. */
  mostLost(drives: readonly number[]): number {
    const most = this.#lose(drives);
    this.#restore(drives);
    return most;
  }

  /**
   * By drive: the most that one group loses when all of these drives are lost and that drive too. Says nothing about these
   * drives themselves. One more drive matters only to drives that share a group with a lost one, so this takes as long as
   * there are such groups, however many drives there are.
   */
  mostLostWithOneMore(drives: readonly number[]): Uint16Array {
    const most = this.#lose(drives);
    const withOneMore = Uint16Array.from(this.#groupsOf, (groups) => Math.max(most, Math.min(1, groups.length)));
    for (const drive of drives) {
      for (const group of this.#groupsOf[drive]!) {
        const lost = this.#lost[group]! + 1;
        for (const other of this.#groups[group]!) {
          if (lost > withOneMore[other]!) withOneMore[other] = lost;
        }
      }
    }
    this.#restore(drives);
    return withOneMore;
  }

  #lose(drives: readonly number[]): number {
    let most = 0;
    for (const drive of drives) {
      for (const group of this.#groupsOf[drive]!) {
        const lost = this.#lost[group]! + 1;
        this.#lost[group] = lost;
        if (lost > most) most = lost;
      }
    }
    return most;
  }

  #restore(drives: readonly number[]): void {
    for (const drive of drives) {
      for (const group of this.#groupsOf[drive]!) this.#lost[group] = 0;
    }
  }
}
