// Brings registers to the replicas that missed them: drives that were away are compared as a whole, all drives of a node in one
// go; single misses are brought one by one. Runs in the background; what is left is told to the status, so that nobody calls
// the cluster healthy too early.
import type { RegisterKey } from '../core/keys.ts';
import type { Clock } from '../io/clock.ts';
import type { StoredRegister } from './acceptor.ts';
import { ComparisonCircle } from './comparison-circle.ts';
import type { RegisterClient } from './register-client.ts';
import type { RegisterScanner } from './register-scan.ts';
import type { TopologySource } from './topology.ts';

const INTERVAL_MS = 300;
const PAGE_KEYS = 1_000;
/** Of a comparison; then single misses get their turn. */
const PAGES_IN_A_ROW = 16;
/** Beyond so many single misses a whole comparison is cheaper and forgets nothing. */
const MISSES_MAX = 10_000;

export interface CatchUpOptions {
  readonly clock: Clock;
  readonly topology: TopologySource;
  readonly client: RegisterClient;
  readonly scanner: RegisterScanner;
  /** The cluster's, as far as this node knows. */
  readonly generation: () => number;
  /**
   * A drive has been compared as a whole and misses nothing that was decided before the comparison began. Told of the first
   * comparison, whatever has called for another one since, and when none is left to be done.
   */
  readonly onCaughtUp: (slot: string) => void;
  /** Whether the record on this node's own drive can be read. */
  readonly isReadable: (slot: string, key: RegisterKey) => Promise<boolean>;
  readonly onProblem: (slot: string, error: unknown) => void;
}

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #misses = new Map<string, Set<RegisterKey>>();
  /** Drives that are to be compared, and whose node has not been looked up yet. */
  readonly #asked = new Set<string>();
  /** By node. */
  readonly #circles = new Map<string, ComparisonCircle>();
  /** By slot, registers whose record there cannot be read any more. */
  readonly #unreadable = new Map<string, Set<RegisterKey>>();
  /** By slot, what is being worked on: no longer in the sets above, and not yet done. */
  readonly #underWay = new Map<string, number>();
  #healed = 0;
  #stopped = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  start(): void {
    const round = async () => {
      if (this.#stopped) return;
      const isMore = await this.#round();
      this.#options.clock.setTimer(isMore ? 0 : INTERVAL_MS, round);
    };
    void round();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A replica did not confirm a decided value. */
  missed(slot: string, key: RegisterKey): void {
    if (this.#isAllAhead(slot)) return;
    const keys = this.#misses.get(slot) ?? new Set<RegisterKey>();
    this.#misses.set(slot, keys.add(key));
    if (keys.size > MISSES_MAX) this.compare(slot);
  }

  /** The record on the drive, which is this node's own, cannot be read any more; it is written anew with what the others have decided. */
  unreadable(slot: string, key: RegisterKey): void {
    const keys = this.#unreadable.get(slot) ?? new Set<RegisterKey>();
    this.#unreadable.set(slot, keys.add(key));
  }

  /** Compares the whole drive with the others as soon as it can be reached; what was compared before does not count. */
  compare(slot: string): void {
    this.#asked.add(slot);
    this.#misses.delete(slot);
  }

  /** A comparison of the whole drive has been asked for, and none that began afterwards has ended. */
  isToBeCompared(slot: string): boolean {
    return this.#asked.has(slot) || [...this.#circles.values()].some((circle) => circle.has(slot));
  }

  /** Drives and registers that are known or suspected to be behind. */
  pending(): number {
    return Object.values(this.behind()).reduce((sum, count) => sum + count, 0);
  }

  /** The same by the drive that is behind; a drive that is to be compared as a whole counts as one. */
  behind(): Record<string, number> {
    const counts: Record<string, number> = {};
    const add = (slot: string, count: number) => {
      if (count > 0) counts[slot] = (counts[slot] ?? 0) + count;
    };
    const compared = [...this.#circles.values()].flatMap((circle) => circle.slots());
    for (const slot of new Set([...this.#asked, ...compared])) add(slot, 1);
    for (const [slot, keys] of this.#misses) add(slot, keys.size);
    for (const [slot, keys] of this.#unreadable) add(slot, keys.size);
    for (const [slot, count] of this.#underWay) add(slot, count);
    return counts;
  }

  healed(): number {
    return this.#healed;
  }

  /** Whether another one should follow at once. */
  async #round(): Promise<boolean> {
    for (const [slot, keys] of this.#unreadable) {
      await this.#attempt(slot, () => this.#restore(slot, keys));
    }
    for (const slot of [...this.#misses.keys()]) {
      const drive = this.#options.topology.current().drive(slot);
      if (drive === null) this.#misses.delete(slot);
      else if (this.#isReachable(drive.node)) await this.#attempt(slot, () => this.#bring(slot, drive.node));
    }
    let isMore = false;
    this.#assign();
    for (const [node, circle] of this.#circles) {
      if (!this.#isReachable(node)) continue;
      const isUnfinished = await this.#attempt(circle.slots().join(', '), () => this.#compare(node, circle));
      isMore ||= isUnfinished === true;
    }
    return isMore;
  }

  #isReachable(node: string): boolean {
    return !this.#stopped && this.#options.topology.seemsUp(node);
  }

  async #attempt<T>(slots: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      this.#options.onProblem(slots, error);
      return null;
    }
  }

  /** Gives each drive that is to be compared to its node's circle, and drops what is no longer in the map. */
  #assign(): void {
    const { topology } = this.#options;
    for (const slot of this.#asked) {
      const drive = topology.current().drive(slot);
      if (drive === null) continue;
      const circle = this.#circles.get(drive.node) ?? new ComparisonCircle();
      this.#circles.set(drive.node, circle);
      circle.ask(slot);
    }
    this.#asked.clear();
    for (const [node, circle] of this.#circles) {
      for (const slot of circle.slots()) if (topology.current().drive(slot) === null) circle.drop(slot);
      if (circle.slots().length === 0) this.#circles.delete(node);
    }
  }

  async #restore(slot: string, keys: Set<RegisterKey>): Promise<void> {
    for (const key of [...keys]) {
      if (this.#stopped) return;
      await this.#options.client.rewrite(key);
      // The first time the replica may have noticed only under this very ballot what it lost.
      if (!(await this.#options.isReadable(slot, key))) continue;
      keys.delete(key);
      this.#healed++;
    }
  }

  /** What is missed now will be found by a comparison that has not begun. */
  #isAllAhead(slot: string): boolean {
    return this.#asked.has(slot) || [...this.#circles.values()].some((circle) => circle.isAllAhead(slot));
  }

  /** A few pages; whether there are more. */
  async #compare(node: string, circle: ComparisonCircle): Promise<boolean> {
    for (let page = 0; page < PAGES_IN_A_ROW; page++) {
      this.#assign();
      const { from, slots } = circle.begin();
      if (slots.length === 0) return false;
      const { taken, next } = await this.#options.scanner.catchUp(node, slots, from, PAGE_KEYS);
      this.#healed += taken;
      if (this.#stopped) return false;
      for (const slot of circle.end(next)) this.#options.onCaughtUp(slot);
    }
    return true;
  }

  async #bring(slot: string, node: string): Promise<void> {
    const misses = this.#misses.get(slot);
    // A comparison of the whole drive was called for since.
    if (misses === undefined) return;
    const keys = [...misses].slice(0, PAGE_KEYS);
    // Forgotten before they are read: a newer value may be missed while an older one is on its way.
    for (const key of keys) misses.delete(key);
    this.#workOn(slot, keys.length);
    try {
      const generation = this.#options.generation();
      const entries: StoredRegister[] = [];
      for (const key of keys) {
        const record = await this.#options.client.readRecord(key);
        if (record !== null) entries.push({ key, ...record });
      }
      this.#healed += await this.#options.client.teach({ slot, node }, generation, entries);
    } catch (error) {
      for (const key of keys) this.missed(slot, key);
      throw error;
    } finally {
      this.#workOn(slot, -keys.length);
    }
    if (this.#misses.get(slot)?.size === 0) this.#misses.delete(slot);
  }

  #workOn(slot: string, change: number): void {
    this.#underWay.set(slot, (this.#underWay.get(slot) ?? 0) + change);
  }
}
