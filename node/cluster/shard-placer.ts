// Finds a drive for every shard of one blob: its own, a hand-off drive when that one is slow or gone, nobody when it is down in
// the map and nobody can stand in. Where none of that is allowed it waits for the drives or the map to change.

import type { MapDrive } from '../core/cluster-map.ts';
import { lossBudget } from '../core/quorum.ts';
import { type CandidateDrive, chooseShardSlot } from '../core/shard-choice.ts';
import { type Clock, sleep } from '../io/clock.ts';
import { StoreError } from './object-store.ts';
import { RpcError } from './rpc.ts';
import type { StoreLimits } from './store-limits.ts';
import type { Topology, TopologySource } from './topology.ts';

export interface PlacerOptions {
  readonly topology: TopologySource;
  readonly clock: Clock;
  readonly limits: StoreLimits;
}

export interface Placed<T> {
  readonly slot: string;
  readonly value: T;
}

export class ShardPlacer {
  readonly #options: PlacerOptions;
  /** The world in which the blob was begun: it says which drives are whose, the newest map only says which are up. */
  readonly #world: Topology;
  readonly #partition: number;
  readonly #zoneCap: number;
  readonly #nodeCap: number;
  /** By position: the drive that holds or is about to hold the shard. */
  readonly #holders: (string | null)[];
  readonly #failed = new Set<string>();
  readonly #touched = new Map<string, { readonly slot: string; readonly position: number }>();
  #lastError: unknown = null;
  #isStopped = false;

  constructor(options: PlacerOptions, world: Topology, blobId: string) {
    this.#options = options;
    this.#world = world;
    this.#partition = world.partitionOf(blobId);
    const own = world.positions(this.#partition);
    this.#holders = own.map((drive) => (this.#candidate(drive).isUp ? drive.slot : null));
    // Where the topology permits no better, the map's own placement exceeds the loss budget; stand-ins then need not keep it.
    const budget = Math.max(1, lossBudget(world.map.scheme));
    this.#zoneCap = Math.max(budget, largestCount(own.map(({ node }) => world.node(node).zone)));
    this.#nodeCap = Math.max(budget, largestCount(own.map(({ node }) => node)));
  }

  /**
   * Runs the attempt on one drive after the other until it succeeds; null when the blob does without this shard. Rejects with
   * StoreError 'Unavailable' or 'NoSpace' when no drive takes it in time.
   */
  async place<T>(position: number, attempt: (slot: string) => Promise<T>): Promise<Placed<T> | null> {
    const { clock, limits } = this.#options;
    const deadlineMs = clock.monotonicMs() + limits.placementDeadlineMs;
    for (;;) {
      if (this.#isStopped) throw new StoreError('Unavailable', 'the write was given up');
      const choice = this.#choose(position);
      switch (choice.kind) {
        case 'try':
          this.#holders[position] = choice.slot;
          this.#touched.set(`${choice.slot} ${position}`, { slot: choice.slot, position });
          try {
            return { slot: choice.slot, value: await attempt(choice.slot) };
          } catch (error) {
            this.lost(position, error);
          }
          break;
        case 'skip':
          this.#holders[position] = null;
          return null;
        case 'wait':
          if (clock.monotonicMs() >= deadlineMs) throw this.#refusal(position);
          await sleep(clock, limits.placementRetryMs);
          this.#failed.clear();
          break;
      }
    }
  }

  /** The drive that held or was to hold this position's shard turned out not to. */
  lost(position: number, error: unknown): void {
    const slot = this.#holders[position];
    if (slot != null) this.#failed.add(slot);
    this.#holders[position] = null;
    this.#lastError = error;
  }

  /** No further attempts: the write has failed elsewhere. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Every drive that was asked to take a shard, whatever came of it. */
  touched(): { readonly slot: string; readonly position: number }[] {
    return [...this.#touched.values()];
  }

  #choose(position: number) {
    const own = this.#candidate(this.#world.positions(this.#partition)[position]!);
    const others = this.#holders.flatMap((slot, at) => {
      const drive = slot === null || at === position ? null : this.#world.drive(slot);
      return drive === null ? [] : [this.#candidate(drive)];
    });
    return chooseShardSlot({
      own,
      others,
      handOffs: this.#world.handOffs(this.#partition).map((drive) => this.#candidate(drive)),
      failed: this.#failed,
      zoneCap: this.#zoneCap,
      nodeCap: this.#nodeCap,
    });
  }

  #candidate({ slot, node }: MapDrive): CandidateDrive {
    const { topology } = this.#options;
    return {
      slot,
      node,
      zone: this.#world.node(node).zone,
      isUp: topology.current().drive(slot)?.state === 'up',
      seemsUp: topology.seemsUp(node),
    };
  }

  #refusal(position: number): StoreError {
    const cause = this.#lastError;
    if (cause instanceof RpcError && cause.code === 'no-space') {
      return new StoreError('NoSpace', `no drive has space for shard ${position}: ${cause.message}`, { cause });
    }
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new StoreError('Unavailable', `no drive takes shard ${position}${why}`, { cause });
  }
}

function largestCount(names: readonly string[]): number {
  return Math.max(...names.map((name) => names.filter((other) => other === name).length));
}
