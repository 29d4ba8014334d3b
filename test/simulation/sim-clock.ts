// The clocks of one simulated process: wrong by a skew, running too fast or too slow by a drift, the wall clock jumping.
import type { Clock, Timer } from '../../node/io/clock.ts';
import type { SimHost } from './sim-host.ts';

export interface ClockErrors {
  /** The wall clock is ahead by this at the start. */
  readonly skewMs: number;
  /** 0.001: runs 0.1 % too fast. Greater than −1. */
  readonly drift: number;
}

/** The wall clock of a simulated world at its beginning: 2030-01-01T00:00:00Z. */
export const WORLD_EPOCH_MS = 1_893_456_000_000;

export class SimClock implements Clock {
  readonly #host: SimHost;
  readonly #drift: number;
  readonly #startMs: number;
  #skewMs: number;

  constructor(host: SimHost, { skewMs, drift }: ClockErrors = { skewMs: 0, drift: 0 }) {
    if (!(drift > -1)) throw new RangeError(`a drift of ${drift} would make time stand still`);
    this.#host = host;
    this.#drift = drift;
    this.#skewMs = skewMs;
    this.#startMs = host.scheduler.nowMs;
  }

  wallMs(): number {
    return Math.floor(WORLD_EPOCH_MS + this.#skewMs + this.#host.scheduler.nowMs * (1 + this.#drift));
  }

  monotonicMs(): number {
    return (this.#host.scheduler.nowMs - this.#startMs) * (1 + this.#drift);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.#host.after(Math.max(0, delayMs) / (1 + this.#drift), `${this.#host.name} timer`, callback);
  }

  /** An operator or a time daemon sets the wall clock. */
  jumpWall(byMs: number): void {
    this.#skewMs += byMs;
  }
}
