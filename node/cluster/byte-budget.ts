// A fixed number of bytes for buffers, handed out first come, first served. What does not fit waits, and is refused when it has
// waited too long: memory stays bounded, and clients are told to slow down rather than left hanging.
import type { Clock } from '../io/clock.ts';
import { StoreError } from './object-store.ts';

interface Waiting {
  readonly sizeBytes: number;
  grant(): void;
}

export class ByteBudget {
  readonly totalBytes: number;
  readonly #clock: Clock;
  #usedBytes = 0;
  #peakBytes = 0;
  readonly #queue: Waiting[] = [];

  constructor(totalBytes: number, clock: Clock) {
    this.totalBytes = totalBytes;
    this.#clock = clock;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that was ever in use at once. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Rejects with StoreError 'SlowDown' after waitMs. A request larger than the whole budget counts as the whole budget. */
  async take(sizeBytes: number, waitMs: number): Promise<BudgetShare> {
    const askedBytes = Math.min(sizeBytes, this.totalBytes);
    const share = this.tryTake(askedBytes);
    if (share !== null) return share;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        sizeBytes: askedBytes,
        grant: () => {
          timer.cancel();
          resolve(this.#give(askedBytes));
        },
      };
      const timer = this.#clock.setTimer(waitMs, () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        reject(new StoreError('SlowDown', 'all buffers are in use'));
        this.#serve();
      });
      this.#queue.push(waiting);
    });
  }

  /** Without waiting, and never ahead of those who wait. */
  tryTake(sizeBytes: number): BudgetShare | null {
    if (this.#queue.length > 0 || this.#usedBytes + sizeBytes > this.totalBytes) return null;
    return this.#give(sizeBytes);
  }

  #give(sizeBytes: number): BudgetShare {
    this.#usedBytes += sizeBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#usedBytes -= sizeBytes;
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined || this.#usedBytes + first.sizeBytes > this.totalBytes) return;
      this.#queue.shift();
      first.grant();
    }
  }
}

export interface BudgetShare {
  /** Releasing twice is harmless. */
  release(): void;
}

/**
 * The stripes that one body may hold in memory: one is reserved as long as the body lasts, so that it never stops half-way for
 * want of memory; further ones come and go with what the budget has left.
 */
export class StripeWindow {
  readonly #budget: ByteBudget;
  readonly #stripeBytes: number;
  readonly #stripesMax: number;
  readonly #base: BudgetShare;
  readonly #extras: BudgetShare[] = [];
  #inUse = 0;
  readonly #waiting: (() => void)[] = [];

  private constructor(budget: ByteBudget, stripeBytes: number, stripesMax: number, base: BudgetShare) {
    this.#budget = budget;
    this.#stripeBytes = stripeBytes;
    this.#stripesMax = stripesMax;
    this.#base = base;
  }

  /** Rejects with StoreError 'SlowDown'. */
  static async open(
    budget: ByteBudget,
    stripeBytes: number,
    stripesMax: number,
    waitMs: number,
  ): Promise<StripeWindow> {
    return new StripeWindow(budget, stripeBytes, stripesMax, await budget.take(stripeBytes, waitMs));
  }

  /** Room for one stripe, waiting for an earlier one to end when there is no more. */
  async enter(): Promise<void> {
    while (!this.tryEnter()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  tryEnter(): boolean {
    if (this.#inUse > 0) {
      if (this.#inUse >= this.#stripesMax) return false;
      const extra = this.#budget.tryTake(this.#stripeBytes);
      if (extra === null) return false;
      this.#extras.push(extra);
    }
    this.#inUse++;
    return true;
  }

  leave(): void {
    this.#inUse--;
    this.#extras.pop()?.release();
    this.#waiting.shift()?.();
  }

  /** Gives back everything, whatever is still in it. */
  close(): void {
    this.#base.release();
    for (const extra of this.#extras.splice(0)) extra.release();
  }
}
