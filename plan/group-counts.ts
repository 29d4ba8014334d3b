// Counts how many drives of one group (a partition's positions, its register replicas, an erasure set) are among the lost
// ones, for the group that loses most. Losses are enumerated by the hundred thousand, so only the groups that a lost drive
// belongs to are looked at.

export class GroupCounts {
  /** For each drive the groups it belongs to. */
  readonly #groupsOf: readonly Int32Array[];
  readonly #lost: Uint16Array;

  constructor(groups: readonly (readonly number[])[], driveCount: number) {
    const groupsOf: number[][] = Array.from({ length: driveCount }, () => []);
    for (const [group, drives] of groups.entries()) {
      for (const drive of drives) groupsOf[drive]!.push(group);
    }
    this.#groupsOf = groupsOf.map((list) => Int32Array.from(list));
    this.#lost = new Uint16Array(groups.length);
  }

  /** Groups that the drive belongs to. */
  membership(drive: number): number {
    return this.#groupsOf[drive]!.length;
  }

  /** The most that one group loses when all of these drives are lost. */
  mostLost(drives: readonly number[]): number {
    let most = 0;
    for (const drive of drives) {
      for (const group of this.#groupsOf[drive]!) {
        const lost = this.#lost[group]! + 1;
        this.#lost[group] = lost;
        if (lost > most) most = lost;
      }
    }
    for (const drive of drives) {
      for (const group of this.#groupsOf[drive]!) this.#lost[group] = 0;
    }
    return most;
  }
}
