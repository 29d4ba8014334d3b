// The requests that a server is answering: so that it can stop when the last of them is answered, and not before, whatever else
// keeps connections to it open (other nodes do, on the same port, for as long as they live).
import type { Server } from 'node:http';
import type { Clock } from './io/clock.ts';

export interface RequestsUnderWay {
  /** Resolves when no request is under way, or at the deadline. */
  done(deadlineMs: number): Promise<void>;
}

export function watchRequests(server: Server, clock: Clock): RequestsUnderWay {
  let underWay = 0;
  let onDone = () => {};
  server.on('request', (_, response) => {
    underWay++;
    // Comes once for every response, finished or broken off.
    response.once('close', () => {
      underWay--;
      if (underWay === 0) onDone();
    });
  });
  return {
    done: (deadlineMs) =>
      new Promise((resolve) => {
        if (underWay === 0) {
          resolve();
          return;
        }
        const timer = clock.setTimer(deadlineMs, resolve);
        onDone = () => {
          timer.cancel();
          resolve();
        };
      }),
  };
}
