// Brings registers to the replicas that missed them: a drive that was away is compared as a whole, single misses are brought
// one by one. Runs in the background; what is left is told to the status, so that nobody calls the cluster healthy too early.
import type { RegisterKey } from '../core/keys.ts';
import type { Clock } from '../io/clock.ts';
import type { RegisterClient } from './register-client.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import type { RegisterScanner } from './register-scan.ts';
import type { Rpc } from './rpc.ts';
import type { TopologySource } from './topology.ts';

const INTERVAL_MS = 300;
const PAGE_KEYS = 1_000;
/** Beyond so many single misses a whole comparison is cheaper and forgets nothing. */
const MISSES_MAX = 10_000;

export interface CatchUpOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly topology: TopologySource;
  readonly client: RegisterClient;
  readonly scanner: RegisterScanner;
  /** The cluster's, as far as this node knows. */
  readonly generation: () => number;
  /** A drive has been compared to the end and misses nothing that was decided before the comparison began. */
  readonly onCaughtUp: (slot: string) => void;
  /** Whether the record on this node's own drive can be read. */
  readonly isReadable: (slot: string, key: RegisterKey) => Promise<boolean>;
  readonly onProblem: (slot: string, error: unknown) => void;
}

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #misses = new Map<string, Set<RegisterKey>>();
  readonly #comparisons = new Set<string>();
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
      await this.#round();
      this.#options.clock.setTimer(INTERVAL_MS, round);
    };
    void round();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A replica did not confirm a decided value. */
  missed(slot: string, key: RegisterKey): void {
    if (this.#comparisons.has(slot)) return;
    const keys = this.#misses.get(slot) ?? new Set<RegisterKey>();
    this.#misses.set(slot, keys.add(key));
    if (keys.size > MISSES_MAX) this.compare(slot);
  }

  /** The record on the drive, which is this node's own, cannot be read any more; it is written anew with what the others have decided. */
  unreadable(slot: string, key: RegisterKey): void {
    const keys = this.#unreadable.get(slot) ?? new Set<RegisterKey>();
    this.#unreadable.set(slot, keys.add(key));
  }

  /** Compares the whole drive with the others as soon as it can be reached. */
  compare(slot: string): void {
    this.#comparisons.add(slot);
    this.#misses.delete(slot);
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
    for (const slot of this.#comparisons) add(slot, 1);
    for (const [slot, keys] of this.#misses) add(slot, keys.size);
    for (const [slot, keys] of this.#unreadable) add(slot, keys.size);
    for (const [slot, count] of this.#underWay) add(slot, count);
    return counts;
  }

  healed(): number {
    return this.#healed;
  }

  async #round(): Promise<void> {
    for (const [slot, keys] of this.#unreadable) {
      try {
        await this.#restore(slot, keys);
      } catch (error) {
        this.#options.onProblem(slot, error);
      }
    }
    for (const slot of [...this.#comparisons, ...this.#misses.keys()]) {
      const drive = this.#options.topology.current().drive(slot);
      if (drive === null) {
        this.#comparisons.delete(slot);
        this.#misses.delete(slot);
      } else if (this.#options.topology.seemsUp(drive.node) && !this.#stopped) {
        try {
          if (this.#comparisons.has(slot)) await this.#compareAll(slot, drive.node);
          else await this.#bring(slot, drive.node);
        } catch (error) {
          this.#options.onProblem(slot, error);
        }
      }
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

  async #compareAll(slot: string, node: string): Promise<void> {
    // A miss that is reported while the comparison runs may lie behind its cursor.
    this.#comparisons.delete(slot);
    this.#workOn(slot, 1);
    try {
      let from: RegisterKey | null = '';
      while (from !== null && !this.#stopped) {
        const { taken, next }: { taken: number; next: RegisterKey | null } = await this.#options.scanner.catchUp(
          slot,
          node,
          from,
          PAGE_KEYS,
        );
        this.#healed += taken;
        from = next;
      }
    } catch (error) {
      this.compare(slot);
      throw error;
    } finally {
      this.#workOn(slot, -1);
    }
    if (!this.#stopped) this.#options.onCaughtUp(slot);
  }

  async #bring(slot: string, node: string): Promise<void> {
    const misses = this.#misses.get(slot)!;
    const keys = [...misses].slice(0, PAGE_KEYS);
    // Forgotten before they are read: a newer value may be missed while an older one is on its way.
    for (const key of keys) misses.delete(key);
    this.#workOn(slot, keys.length);
    try {
      const generation = this.#options.generation();
      const entries = [];
      for (const key of keys) {
        const record = await this.#options.client.readRecord(key);
        if (record !== null) entries.push({ key, ...record });
      }
      const { taken } = await this.#options.rpc.call(node, REGISTER_METHODS.learn, { slot, generation, entries });
      this.#healed += taken;
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
