// Lets registers be forgotten that have nothing left to remember: what was deleted, and all replicas know it. Each node looks after
// the registers that it answers for. The order makes it safe: first the tombstone is seen, then a new generation begins, and
// what is then forgotten is remembered under that generation, so that whatever began before the tombstone is refused (proposer.ts).
import type { Version } from '../core/ballot.ts';
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import type { Clock, Timer } from '../io/clock.ts';
import type { Log } from '../io/log.ts';
import type { Generations } from './generations.ts';
import type { RegisterMaintenance } from './registers.ts';
import type { StoreLimits } from './store-limits.ts';
import type { TopologySource } from './topology.ts';

const PAGE_REGISTERS = 500;
const PAUSE_MS = 20;
/** The rest waits for the next pass. */
const CANDIDATES_MAX = 20_000;
const BATCH = 64;

export interface Tombstone {
  readonly key: RegisterKey;
  readonly version: Version;
}

export interface TombstoneOptions {
  readonly registers: RegisterMaintenance;
  readonly generations: Generations;
  readonly topology: TopologySource;
  readonly clock: Clock;
  readonly limits: StoreLimits;
  readonly log: Log;
  /** Has all replicas of the partition forget those that all of them hold as they were seen; gives their number. */
  readonly forget: (partition: number, tombstones: readonly Tombstone[], generation: number) => Promise<number>;
}

export class TombstoneCollector {
  readonly #options: TombstoneOptions;
  #timer: Timer | null = null;
  #wake: () => void = () => {};
  #isStopped = false;
  #forgottenCount = 0;

  constructor(options: TombstoneOptions) {
    this.#options = options;
  }

  /** Registers forgotten so far. */
  get forgottenCount(): number {
    return this.#forgottenCount;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wake();
  }

  async #run(): Promise<void> {
    const { limits, log } = this.#options;
    while (!this.#isStopped) {
      await this.#pause(limits.tombstoneIntervalMs);
      // A replica that is away does not know of the deletion, or nobody knows whether it does.
      if (this.#isStopped || !this.#isEverybodyThere()) continue;
      try {
        await this.#pass();
      } catch (error) {
        log.debug('Tombstones stay until the next pass.', { error });
      }
    }
  }

  async #pass(): Promise<void> {
    const { generations, topology, limits } = this.#options;
    const seen = await this.#collect();
    if (seen.length === 0 || this.#isStopped) return;
    const generation = await generations.advance(await generations.refresh());
    // A courtesy: what began before is refused from now on, so it gets the time to end.
    await this.#pause(limits.tombstoneGraceMs);
    const byPartition = Map.groupBy(seen, ({ key }) => topology.current().partitionOf(key));
    for (const [partition, tombstones] of byPartition) {
      for (let at = 0; at < tombstones.length; at += BATCH) {
        if (this.#isStopped || !this.#isEverybodyThere()) return;
        const batch = tombstones.slice(at, at + BATCH);
        this.#forgottenCount += await this.#options.forget(partition, batch, generation);
        await this.#pause(PAUSE_MS);
      }
    }
  }

  async #collect(): Promise<Tombstone[]> {
    const seen: Tombstone[] = [];
    let from: RegisterKey | null = '';
    while (from !== null && seen.length < CANDIDATES_MAX && !this.#isStopped) {
      const page: Awaited<ReturnType<RegisterMaintenance['walkOwned']>> = await this.#options.registers.walkOwned(
        from,
        PAGE_REGISTERS,
      );
      for (const { key, version, live, payload } of page.entries) {
        if (!live && payload.length === 0 && key !== MAP_KEY) seen.push({ key, version });
      }
      from = page.next;
      await this.#pause(PAUSE_MS);
    }
    return seen;
  }

  #isEverybodyThere(): boolean {
    const { topology } = this.#options;
    return topology.current().map.drives.every(({ state, node }) => state === 'up' && topology.seemsUp(node));
  }

  async #pause(durationMs: number): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#options.clock.setTimer(durationMs, resolve);
    });
  }
}
