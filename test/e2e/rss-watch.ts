// Watches how much memory processes hold, from outside: the largest resident set seen of each.
import { readFile } from 'node:fs/promises';

const INTERVAL_MS = 250;

export class RssWatch {
  readonly #peakBytes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  /** pidsOf gives the processes by name at each look: they may be replaced while being watched. */
  constructor(pidsOf: () => Promise<ReadonlyMap<string, number>>) {
    this.#timer = setInterval(() => void this.#look(pidsOf), INTERVAL_MS);
  }

  /** Bytes by name. */
  stop(): ReadonlyMap<string, number> {
    clearInterval(this.#timer);
    return this.#peakBytes;
  }

  async #look(pidsOf: () => Promise<ReadonlyMap<string, number>>): Promise<void> {
    for (const [name, pid] of await pidsOf()) {
      // A process that ends between the two steps has no status file any more; the next look finds its successor.
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      this.#peakBytes.set(name, Math.max(this.#peakBytes.get(name) ?? 0, kib * 1024));
    }
  }
}
