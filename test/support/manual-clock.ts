// A clock that a test moves by hand, for code that waits while something real does the work.
import type { Clock, Timer } from '../../node/io/clock.ts';

interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #waiting = new Set<Waiting>();

  wallMs(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Without a delay it calls back soon, as that needs no time to pass; otherwise when advance reaches it. */
  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#waiting.add(timer);
    if (delayMs === 0) queueMicrotask(() => this.#run(timer));
    return { cancel: () => this.#waiting.delete(timer) };
  }

  /** Calls back whoever comes due, in the order of time, those that are set meanwhile included. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#waiting].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      this.#run(due);
    }
    this.#nowMs = untilMs;
  }

  #run(timer: Waiting): void {
    if (this.#waiting.delete(timer)) timer.callback();
  }
}
