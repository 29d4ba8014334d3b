// One shard of a blob while its blocks are being sent, one after the other. A lane that fails once is over; the others go on.
import type { ShardSession } from './shard-client.ts';

export class ShardLane {
  readonly position: number;
  readonly #session: ShardSession;
  readonly #onFailure: (error: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  hasFailed = false;

  constructor(position: number, session: ShardSession, onFailure: (error: unknown) => void) {
    this.position = position;
    this.#session = session;
    this.#onFailure = onFailure;
  }

  /** Resolves when the drive has the block, or the lane has failed. */
  append(stripe: number, sealed: Uint8Array): Promise<void> {
    return this.#next(() => this.#session.append(stripe, sealed));
  }

  commit(): Promise<void> {
    return this.#next(() => this.#session.commit());
  }

  /** Waits for what is under way; harmless after commit. */
  async abort(): Promise<void> {
    await this.#tail;
    this.hasFailed = true;
    await this.#session.abort().catch(() => {});
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(async () => {
      if (this.hasFailed) return;
      try {
        await step();
      } catch (error) {
        this.hasFailed = true;
        this.#onFailure(error);
        this.#session.abort().catch(() => {});
      }
    });
    return this.#tail;
  }
}
