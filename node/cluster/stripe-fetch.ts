// Gets the wanted blocks of one stripe, once: asks for them, doubles what is late, replaces what fails, and rebuilds what is
// still missing when k blocks are there.
import { type BlockState, planFetch } from '../core/fetch-plan.ts';
import type { Erasure } from '../erasure/erasure.ts';
import type { Clock, Timer } from '../io/clock.ts';

/** Wanted blocks by position. */
export type StripeBlocks = ReadonlyMap<number, Uint8Array>;

/** What is known of a position's drive from the stripes before. */
export type PositionHealth = 'good' | 'slow' | 'bad';

export interface StripeFetchOptions {
  readonly wanted: readonly number[];
  readonly clock: Clock;
  readonly hedgeMs: number;
  readonly erasure: Erasure;
  /** By position; updated with what this stripe shows. */
  readonly health: PositionHealth[];
  /** All positions, the best substitutes first. */
  readonly preference: readonly number[];
  /** Resolves with a verified block. */
  readonly read: (position: number, signal: AbortSignal) => Promise<Uint8Array>;
  /** Positions that are worth another try, found by looking elsewhere; never rejects. */
  readonly findMore: () => Promise<readonly number[]>;
  readonly lost: () => Error;
}

export class StripeFetch {
  readonly #options: StripeFetchOptions;
  readonly #states: BlockState[];
  readonly #blocks: (Uint8Array | null)[];
  readonly #timers = new Set<Timer>();
  readonly #abort = new AbortController();
  readonly #outcome = Promise.withResolvers<StripeBlocks>();
  #hasLookedElsewhere = false;

  constructor(options: StripeFetchOptions) {
    this.#options = options;
    this.#states = options.health.map((health) => (health === 'good' ? 'idle' : 'avoided'));
    this.#blocks = options.health.map(() => null);
  }

  /** Rejects with the error of `lost`, or with the signal's reason. */
  async run(signal: AbortSignal): Promise<StripeBlocks> {
    signal.throwIfAborted();
    const onAbort = () => this.#outcome.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#step();
      return await this.#outcome.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const timer of this.#timers) timer.cancel();
      this.#abort.abort(new Error('the stripe is complete'));
    }
  }

  #step(): void {
    if (this.#abort.signal.aborted) return;
    const { wanted, preference, erasure } = this.#options;
    const plan = planFetch({ k: erasure.k, states: this.#states, wanted, preference });
    switch (plan.kind) {
      case 'complete':
        this.#finish(wanted.map((position) => this.#blocks[position]!));
        break;
      case 'rebuild':
        this.#finish(erasure.reconstruct(this.#blocks, wanted));
        break;
      case 'fetch':
        for (const position of plan.positions) this.#start(position);
        break;
      case 'lost':
        void this.#lookElsewhere();
        break;
    }
  }

  #finish(blocks: readonly Uint8Array[]): void {
    this.#outcome.resolve(new Map(this.#options.wanted.map((position, at) => [position, blocks[at]!])));
  }

  #start(position: number): void {
    const { clock, hedgeMs, health, read } = this.#options;
    this.#states[position] = 'pending';
    const timer = clock.setTimer(hedgeMs, () => {
      if (this.#states[position] !== 'pending') return;
      this.#states[position] = 'slow';
      health[position] = 'slow';
      this.#step();
    });
    this.#timers.add(timer);
    read(position, this.#abort.signal).then(
      (block) => {
        if (this.#states[position] === 'pending') health[position] = 'good';
        this.#states[position] = 'arrived';
        this.#blocks[position] = block;
        this.#step();
      },
      () => {
        if (this.#abort.signal.aborted) return;
        this.#states[position] = 'failed';
        health[position] = 'bad';
        this.#step();
      },
    );
  }

  async #lookElsewhere(): Promise<void> {
    const found = this.#hasLookedElsewhere ? [] : await this.#options.findMore();
    this.#hasLookedElsewhere = true;
    const failed = found.filter((position) => this.#states[position] === 'failed');
    for (const position of failed) this.#states[position] = 'idle';
    if (failed.length > 0) this.#step();
    else this.#outcome.reject(this.#options.lost());
  }
}
