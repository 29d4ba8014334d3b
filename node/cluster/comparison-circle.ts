// How far the comparison of one node's drives has come. It goes over all registers in circles, so that what calls for another
// comparison in the middle of one costs only the part that was compared before: a drive is compared when a whole circle was.
import type { RegisterKey } from '../core/keys.ts';

/** In the order of time: later laps are later. */
interface Place {
  readonly lap: number;
  readonly from: RegisterKey;
}

interface Goal {
  /** Where the first circle since the drive came in ends; null behind it. */
  first: Place | null;
  /** Where the circle ends that began after everything that called for one. */
  last: Place;
}

export class ComparisonCircle {
  #place: Place = { lap: 0, from: '' };
  readonly #goals = new Map<string, Goal>();
  /** Called for, and not yet among the goals. */
  readonly #asked = new Set<string>();

  /** What was compared before, and what is being compared now, does not count any more for this drive. */
  ask(slot: string): void {
    this.#asked.add(slot);
  }

  drop(slot: string): void {
    this.#asked.delete(slot);
    this.#goals.delete(slot);
  }

  slots(): string[] {
    return [...new Set([...this.#goals.keys(), ...this.#asked])];
  }

  has(slot: string): boolean {
    return this.#goals.has(slot) || this.#asked.has(slot);
  }

  /** Everything of this drive will be compared by what has yet to begin. */
  isAllAhead(slot: string): boolean {
    return this.#asked.has(slot);
  }

  /** A part begins: from where, and for which drives. */
  begin(): { from: RegisterKey; slots: string[] } {
    const { lap, from } = this.#place;
    const last = { lap: lap + 1, from };
    for (const slot of this.#asked) {
      const goal = this.#goals.get(slot);
      this.#goals.set(slot, { first: goal === undefined ? last : goal.first, last });
    }
    this.#asked.clear();
    return { from, slots: [...this.#goals.keys()] };
  }

  /**
   * The part that began last was compared, up to this key (null: to the end). Gives the drives whose first circle has ended, and
   * those with which it is done.
   */
  end(next: RegisterKey | null): string[] {
    const { lap } = this.#place;
    this.#place = next === null ? { lap: lap + 1, from: '' } : { lap, from: next };
    const caughtUp: string[] = [];
    for (const [slot, goal] of this.#goals) {
      const isFirst = goal.first !== null && this.#isBehindUs(goal.first);
      const isLast = this.#isBehindUs(goal.last);
      if (isFirst || isLast) caughtUp.push(slot);
      if (isFirst) goal.first = null;
      if (isLast) this.#goals.delete(slot);
    }
    return caughtUp;
  }

  #isBehindUs({ lap, from }: Place): boolean {
    return this.#place.lap > lap || (this.#place.lap === lap && this.#place.from >= from);
  }
}
