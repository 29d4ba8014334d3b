// Lets registers be forgotten that have nothing left to remember: what was deleted, and all replicas know it. Each node looks after
// the registers that it answers for. The order makes it safe: first the tombstone is seen, then a new generation begins, and
// what is then forgotten is remembered under that generation, so that whatever began before the tombstone is refused (proposer.ts).
import type { Version } from '../core/ballot.ts';
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import type { RegisterRecord } from '../format/register-formats.ts';
import type { Clock, Timer } from '../io/clock.ts';
import type { Log } from '../io/log.ts';
import type { Generations } from './generations.ts';
import { isEmpty } from './read-back.ts';
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
  readonly takeEmptied: () => RegisterKey[];
  readonly readRecord: (key: RegisterKey) => Promise<RegisterRecord | null>;
  /** Has all replicas of the partition forget those that all of them hold as they were seen; gives their number. */
  readonly forget: (partition: number, tombstones: readonly Tombstone[], generation: number) => Promise<number>;
}

export class TombstoneCollector {
  readonly #options: TombstoneOptions;
  #timer: Timer | null = null;
  #wake: () => void = () => {};
  #isStopped = false;
  /** Known to be deleted and not forgotten yet. */
  readonly #left = new Set<RegisterKey>();
  #walkedMs: number;

  constructor(options: TombstoneOptions) {
    this.#options = options;
    this.#walkedMs = options.clock.monotonicMs();
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
        const count = await this.#options.forget(partition, batch, generation);
        // Of fewer nobody can say which they are: those that are gone are left out at the next pass.
        if (count === batch.length) for (const { key } of batch) this.#left.delete(key);
        await this.#pause(PAUSE_MS);
      }
    }
  }

  /** Those that this node's proposer left behind, and now and then all that there are. */
  async #collect(): Promise<Tombstone[]> {
    const { clock, limits, takeEmptied, readRecord } = this.#options;
    for (const key of takeEmptied()) this.#left.add(key);
    const keys = [...this.#left].slice(0, CANDIDATES_MAX);
    const seen: Tombstone[] = [];
    for (const key of keys) {
      if (this.#isStopped) return [];
      const record = await readRecord(key);
      if (record !== null && isEmpty(record.value)) seen.push({ key, version: record.version });
      else this.#left.delete(key);
    }
    if (clock.monotonicMs() - this.#walkedMs >= limits.tombstoneWalkMs) await this.#walk(seen);
    return seen;
  }

  async #walk(seen: Tombstone[]): Promise<void> {
    const startedMs = this.#options.clock.monotonicMs();
    let from: RegisterKey | null = '';
    while (from !== null && seen.length < CANDIDATES_MAX && !this.#isStopped) {
      const page: Awaited<ReturnType<RegisterMaintenance['walkOwned']>> = await this.#options.registers.walkOwned(
        from,
        PAGE_REGISTERS,
      );
      for (const { key, version, live, payload } of page.entries) {
        if (live || payload.length > 0 || key === MAP_KEY || this.#left.has(key)) continue;
        seen.push({ key, version });
        this.#left.add(key);
      }
      from = page.next;
      await this.#pause(PAUSE_MS);
    }
    if (from === null) this.#walkedMs = startedMs;
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
