// A clock that stands still: nothing that waits for time happens, so a test is about what happens without it. Timers of no delay come at once.
import type { Clock } from '../../node/io/clock.ts';

export function stillClock(): Clock {
  return {
    wallMs: () => 1_800_000_000_000,
    monotonicMs: () => 0,
    setTimer: (delayMs, callback) => {
      if (delayMs === 0) queueMicrotask(callback);
      return { cancel: () => undefined };
    },
  };
}
