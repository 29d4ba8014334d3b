// Registers that need mending, each at most once in the queue, worked off when they are due, a few at a time, again and again
// until it succeeds. What is known about a register's trouble travels with it as hints.
import type { RegisterKey } from '../core/keys.ts';
import type { BlobRef } from '../format/object-formats.ts';
import type { Clock, Timer } from '../io/clock.ts';

export interface ShardHint {
  readonly blobId: string;
  readonly position: number;
  readonly slot: string;
}

export interface MendHints {
  /** Shards that a reader found corrupt. */
  readonly corrupt: ShardHint[];
  /** Copies that lie on other drives than their own. */
  readonly strays: ShardHint[];
  /** Blobs that the register may or may not own. */
  readonly unsettled: { readonly objectKey: string; readonly blob: BlobRef }[];
}

export interface MendRequest extends Partial<MendHints> {
  readonly delayMs: number;
  /** Redundancy is known or suspected to be missing, so the cluster is not healthy before this is done. */
  readonly isUrgent: boolean;
}

export interface MendOutcome {
  /** Something will be due then; null: all is done. */
  readonly againAfterMs: number | null;
}

export interface HealQueueOptions {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Rejects when something could not be mended. */
  readonly mend: (key: RegisterKey, hints: MendHints) => Promise<MendOutcome>;
  readonly onFailure: (key: RegisterKey, error: unknown) => void;
}

interface Item extends MendHints {
  dueMs: number;
  isUrgent: boolean;
  /** Failures in a row. */
  attempts: number;
}

export class HealQueue {
  readonly #options: HealQueueOptions;
  readonly #items = new Map<RegisterKey, Item>();
  readonly #timers = new Map<RegisterKey, Timer>();
  /** Due, in the order in which they became so. */
  readonly #due = new Set<RegisterKey>();
  readonly #running = new Map<RegisterKey, Item>();
  readonly #waiting: (() => void)[] = [];
  #isStopped = false;

  constructor(options: HealQueueOptions) {
    this.#options = options;
  }

  add(key: RegisterKey, { delayMs, isUrgent, corrupt = [], strays = [], unsettled = [] }: MendRequest): void {
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    this.#put(key, { dueMs, isUrgent, attempts: 0, corrupt, strays, unsettled });
  }

  /** Registers whose redundancy is not what it should be, as far as is known. */
  get urgentCount(): number {
    const keys = new Set<RegisterKey>();
    for (const items of [this.#items, this.#running]) {
      for (const [key, item] of items) if (item.isUrgent) keys.add(key);
    }
    return keys.size;
  }

  /** Resolves when at most so many urgent registers are left, or the queue was stopped. */
  async urgentAtMost(count: number): Promise<void> {
    while (!this.#isStopped && this.urgentCount > count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#wake();
  }

  #put(key: RegisterKey, item: Item): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    const known = this.#items.get(key);
    const joined = known === undefined ? item : join(known, item);
    this.#items.set(key, joined);
    if (this.#due.has(key)) return;
    this.#timers.get(key)?.cancel();
    const onDue = () => {
      this.#timers.delete(key);
      this.#due.add(key);
      this.#work();
    };
    this.#timers.set(key, clock.setTimer(Math.max(0, joined.dueMs - clock.monotonicMs()), onDue));
  }

  #work(): void {
    for (const key of this.#due) {
      if (this.#isStopped || this.#running.size >= this.#options.concurrency) return;
      if (!this.#running.has(key)) void this.#run(key);
    }
  }

  async #run(key: RegisterKey): Promise<void> {
    const { clock, retryMs, retryMaxMs, mend, onFailure } = this.#options;
    const item = this.#items.get(key)!;
    this.#items.delete(key);
    this.#due.delete(key);
    this.#running.set(key, item);
    try {
      const { againAfterMs } = await mend(key, item);
      this.#running.delete(key);
      // Where stray copies lie nobody else remembers until the next search.
      if (againAfterMs !== null) this.add(key, { delayMs: againAfterMs, isUrgent: false, strays: item.strays });
    } catch (error) {
      this.#running.delete(key);
      if (!this.#isStopped) onFailure(key, error);
      const delayMs = Math.min(retryMaxMs, retryMs * 2 ** item.attempts);
      this.#put(key, { ...item, attempts: item.attempts + 1, dueMs: clock.monotonicMs() + delayMs });
    }
    this.#wake();
    this.#work();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function join(a: Item, b: Item): Item {
  return {
    dueMs: Math.min(a.dueMs, b.dueMs),
    isUrgent: a.isUrgent || b.isUrgent,
    attempts: Math.max(a.attempts, b.attempts),
    corrupt: [...a.corrupt, ...b.corrupt],
    strays: [...a.strays, ...b.strays],
    unsettled: [...a.unsettled, ...b.unsettled],
  };
}
