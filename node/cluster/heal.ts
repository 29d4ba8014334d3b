// The healer of this node: keeps every shard where the map wants it. It works off what reads and writes report, and compares
// everything that this node answers for with what the drives really hold: at its start, after every change of the map, when
// another node was restarted, and now and then. It never says that all is compared before such a comparison has ended without a failure.
import type { HealReport } from '../admin/status.ts';
import type { RegisterKey } from '../core/keys.ts';
import type { BlobRef } from '../format/object-formats.ts';
import { BlobMender } from './blob-mender.ts';
import type { DamagedShard } from './blob-source.ts';
import { Comparison } from './comparison.ts';
import { CondemnedShards } from './condemned-shards.ts';
import { describeKey } from './describe-key.ts';
import { HealQueue } from './heal-queue.ts';
import type { HealerOptions } from './healer-options.ts';
import { RecentWrites } from './recent-writes.ts';
import { RegisterMender } from './register-mender.ts';
import type { Healing } from './store-context.ts';
import { Throttle } from './throttle.ts';
import type { Topology } from './topology.ts';

const UNSETTLED_DELAY_MS = 1_000;
const FAILURES_MAX = 20;

const ignore = () => {};

export interface Healer extends Healing {
  /** A node was restarted: what it knew of trouble, nobody knows now. */
  compareAgain(): void;
  start(): void;
  stop(): void;
  report(): HealReport;
}

export function createHealer(options: HealerOptions): Healer {
  return new NodeHealer(options);
}

class NodeHealer implements Healer {
  readonly #options: HealerOptions;
  readonly #queue: HealQueue;
  readonly #blobs: BlobMender;
  readonly #condemned: CondemnedShards;
  readonly #comparison: Comparison;
  readonly #recentWrites: RecentWrites;
  /** By what could not be mended, why. */
  readonly #failures = new Map<string, string>();

  constructor(options: HealerOptions) {
    const { clock, limits, registers, background } = options;
    this.#options = options;
    this.#blobs = new BlobMender(options, new Throttle(limits.healBytesPerSecond, clock));
    this.#condemned = new CondemnedShards(options);
    const mender = new RegisterMender({ registers, clock, limits, healing: this }, this.#blobs, this.#condemned);
    this.#queue = new HealQueue({
      clock,
      concurrency: limits.healConcurrency,
      retryMs: limits.healRetryMs,
      retryMaxMs: limits.healRetryMaxMs,
      mend: async (key, hints) => {
        const work = mender.mend(key, hints);
        background.run(work.then(ignore, ignore));
        const outcome = await work;
        this.#failures.delete(describeKey(key));
        return outcome;
      },
      onFailure: (key, error) => this.#failed(describeKey(key), error),
    });
    this.#recentWrites = new RecentWrites({ ...options, onMoved: (key) => this.displaced(key) });
    this.#comparison = new Comparison({
      ...options,
      blobs: this.#blobs,
      queue: this.#queue,
      condemnedDelayMs: (count) => this.#condemned.delayMs(count),
      onEnd: (what, error) => {
        if (error === null) this.#failures.delete(what);
        else this.#failed(what, error);
      },
    });
  }

  compareAgain(): void {
    this.#comparison.compareAgain();
  }

  start(): void {
    this.#comparison.start();
  }

  stop(): void {
    this.#comparison.stop();
    this.#queue.stop();
  }

  report(): HealReport {
    return {
      pending: this.#queue.urgentCount,
      behind: {},
      registersHealed: 0,
      shardsHealed: this.#blobs.healedCount,
      comparedSinceMapChange: this.#comparison.isUpToDate(),
      failures: [...this.#failures].map(([what, why]) => `${what}: ${why}`),
    };
  }

  condemned(key: RegisterKey, count: number): void {
    this.#queue.add(key, { delayMs: this.#condemned.delayMs(count), isUrgent: false });
  }

  written(key: RegisterKey, blob: BlobRef, world: Topology): void {
    if (blob.displaced.length > 0) this.displaced(key);
    else this.#recentWrites.add(key, blob, world);
  }

  displaced(key: RegisterKey): void {
    this.#queue.add(key, { delayMs: this.#options.limits.displacedDelayMs, isUrgent: true });
  }

  unfinished(key: RegisterKey): void {
    this.#queue.add(key, { delayMs: 0, isUrgent: false });
  }

  damaged(key: RegisterKey, blobId: string, { slot, position, kind }: DamagedShard): void {
    const corrupt = kind === 'corrupt' ? [{ blobId, position, slot }] : [];
    // A copy that lies elsewhere is not rebuilt but removed.
    this.#queue.add(key, { delayMs: 0, isUrgent: true, corrupt, strays: corrupt });
  }

  unsettled(key: RegisterKey, objectKey: string, blob: BlobRef): void {
    // Should the register own it, nobody has looked yet whether all of its shards are in place.
    this.#queue.add(key, { delayMs: UNSETTLED_DELAY_MS, isUrgent: true, unsettled: [{ objectKey, blob }] });
  }

  hold(blobId: string): () => void {
    return this.#condemned.hold(blobId);
  }

  #failed(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#failures.get(what) !== why)
      this.#options.log.warn('Healing did not succeed and will be tried again.', { what, error });
    this.#failures.delete(what);
    this.#failures.set(what, why);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > FAILURES_MAX && oldest !== undefined) this.#failures.delete(oldest);
  }
}
