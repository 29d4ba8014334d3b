// The scrubber of this node: reads and verifies everything on its drives, again and again, each drive at a bounded rate of its
// own. What it finds goes to those who mend; it is called repaired only when it has been read again and was fine.
import type { ScrubReport } from '../admin/status.ts';
import type { DriveStore } from '../storage/drive-store.ts';
import { DriveScrub, type DriveScrubOptions } from './drive-scrub.ts';

export interface ScrubOptions extends DriveScrubOptions {
  /** This node's own usable drives; a replaced one is another one. */
  readonly drives: { open(): DriveStore[] };
}

export class Scrubber {
  readonly #options: ScrubOptions;
  readonly #scrubs = new Map<DriveStore, DriveScrub>();
  #isStopped = false;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  /** Goes on where the last process was, or begins when the next pass is due. */
  start(): void {
    this.#adopt();
  }

  stop(): void {
    this.#isStopped = true;
    for (const scrub of this.#scrubs.values()) scrub.stop();
  }

  /** Begins a new pass over every drive at once. */
  startNow(): void {
    this.#adopt();
    for (const scrub of this.#scrubs.values()) scrub.startNow();
  }

  /** As DriveScrub.sample, of every drive; a drive that does not answer is such a sentence, too. */
  async sample(countPerDrive: number): Promise<string[]> {
    this.#adopt();
    const ofDrive = ([store, scrub]: [DriveStore, DriveScrub]) =>
      scrub
        .sample(countPerDrive)
        .catch((error) => [`drive ${store.identity.slot} cannot be sampled: ${error.message}`]);
    return (await Promise.all([...this.#scrubs].map(ofDrive))).flat();
  }

  report(): ScrubReport[] {
    this.#adopt();
    return [...this.#scrubs.values()].map((scrub) => scrub.report());
  }

  #adopt(): void {
    if (this.#isStopped) return;
    const open = this.#options.drives.open();
    for (const [store, scrub] of this.#scrubs) {
      if (open.includes(store)) continue;
      scrub.stop();
      this.#scrubs.delete(store);
    }
    for (const store of open) {
      if (this.#scrubs.has(store)) continue;
      const scrub = new DriveScrub(store, this.#options);
      this.#scrubs.set(store, scrub);
      scrub.start();
    }
  }
}
