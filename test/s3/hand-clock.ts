// A clock whose timers go off when the test says so. The time of day is the real one, for signatures.
import type { Clock } from '../../node/io/clock.ts';

interface Pending {
  readonly delayMs: number;
  readonly callback: () => void;
}

export class HandClock implements Clock {
  readonly #pending = new Set<Pending>();
  #changed: () => void = () => undefined;

  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return 0;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const pending = { delayMs, callback };
    this.#pending.add(pending);
    this.#changed();
    return { cancel: () => this.#pending.delete(pending) };
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Waits until a timer of that delay is set, and lets it go off. */
  async fire(delayMs: number): Promise<void> {
    for (;;) {
      const pending = [...this.#pending].find((candidate) => candidate.delayMs === delayMs);
      if (pending !== undefined) {
        this.#pending.delete(pending);
        pending.callback();
        return;
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
