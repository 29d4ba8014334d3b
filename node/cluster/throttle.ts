// Lets work through at a bounded rate, so that healing leaves room for clients.
import { type Clock, sleep } from '../io/clock.ts';

export class Throttle {
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  #freeAtMs = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
  }

  /** Resolves when so many bytes may be moved. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + bytes / this.#bytesPerMs;
    if (startMs > nowMs) await sleep(this.#clock, startMs - nowMs);
  }
}
