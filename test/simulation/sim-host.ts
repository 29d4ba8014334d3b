// One run of one process: everything that a device owes it passes through here, so that the process can be paused (what
// comes in waits) or killed (nothing reaches it any more, and its pending promises never settle).
import type { Scheduled, Scheduler, Timeline } from './scheduler.ts';

export class SimHost implements Timeline {
  readonly name: string;
  readonly scheduler: Scheduler;
  #alive = true;
  #pausedUntilMs = 0;
  readonly #onKill: (() => void)[] = [];

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.scheduler = scheduler;
  }

  get alive(): boolean {
    return this.#alive;
  }

  after(delayMs: number, label: string, run: () => void): Scheduled {
    let scheduled = this.scheduler.after(delayMs, label, () => arrive());
    const arrive = () => {
      if (!this.#alive) return;
      const pauseMs = this.#pausedUntilMs - this.scheduler.nowMs;
      // What waits for the end of a pause comes in the order in which it would have come.
      if (pauseMs > 0) scheduled = this.scheduler.after(pauseMs, label, arrive);
      else run();
    };
    return { cancel: () => scheduled.cancel() };
  }

  /** The process stands still (stopped, swapped out, its machine migrated) while the rest of the world goes on. */
  pause(durationMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.scheduler.nowMs + durationMs);
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#pausedUntilMs = this.scheduler.nowMs;
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const listener of this.#onKill) listener();
  }

  onKill(listener: () => void): void {
    this.#onKill.push(listener);
  }
}
