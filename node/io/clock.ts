// Time as a port: everything in the node that waits or looks at a clock does it through this interface, so that a
// simulation can own it. The real adapter is below the interface.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. For timestamps that people and clients see; it may jump. Never for ordering. */
  wallMs(): number;
  /** Milliseconds since some fixed point; never goes back. For timeouts and measurements. */
  monotonicMs(): number;
  /** Calls back once after delayMs (≥ 0); never synchronously. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Resolves after delayMs. Rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's clocks. */
export function systemClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer: (delayMs, callback) => {
      const handle = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
