// Compares what registers say with what drives hold. A run walks the registers that this node answers for and the shards on its
// own drives, and hands everything that is not as it should be to the heal queue.
import { KIND, type RegisterKey } from '../core/keys.ts';
import { planMend } from '../core/mend-plan.ts';
import { objectBlobs, partBlobs, readObject, readPart } from '../core/object-record.ts';
import { FormatError } from '../format/codec.ts';
import type { BlobRef } from '../format/object-formats.ts';
import type { WireShardName } from '../format/shard-formats.ts';
import { sleep } from '../io/clock.ts';
import type { BlobMender } from './blob-mender.ts';
import { ownSlot } from './blob-ports.ts';
import { describeKey } from './describe-key.ts';
import type { HealQueue, MendHints } from './heal-queue.ts';
import type { HealerOptions } from './healer-options.ts';
import { OrphanSearch } from './orphans.ts';

const PAGE_REGISTERS = 200;
const PAGE_SHARDS = 500;
/** The walk rests while so many registers wait for redundancy, so that the queue stays short. */
const QUEUE_MAX = 1_000;
const PAUSE_MS = 5;
/** While this node's own drives are being compared, which it has to do before it is ready. */
const CATCHING_UP_PAUSE_MS = 500;
const NO_HINTS: MendHints = { corrupt: [], strays: [], unsettled: [] };

export interface ComparisonOptions extends HealerOptions {
  readonly blobs: BlobMender;
  readonly queue: HealQueue;
  readonly condemnedDelayMs: (count: number) => number;
  /** null: it ended without a failure. */
  readonly onEnd: (what: Pass, error: unknown | null) => void;
}

type Pass = 'comparing registers with shards' | 'searching for strays' | 'searching for orphans';

/** What a comparison needs of a register of either kind. */
interface Examined {
  readonly key: RegisterKey;
  readonly blobs: readonly BlobRef[];
  readonly condemnedCount: number;
  /** Something about uploads is to be looked into. */
  readonly isUnfinished: boolean;
}

export class Comparison {
  readonly #options: ComparisonOptions;
  /** To be woken by what calls for another comparison, and only by the end. */
  readonly #resting = new Set<() => void>();
  readonly #pausing = new Set<() => void>();
  /** Grows with everything after which all must be compared again. */
  #occasion = 1;
  #comparedOccasion = 0;
  #isStopped = false;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  start(): void {
    const { limits, topology } = this.#options;
    topology.onChange(() => this.compareAgain());
    void this.#again('comparing registers with shards', limits.compareIntervalMs, () => this.#compareNow());
    // Between changes of the map shards are displaced too, by drives that were slow.
    void this.#again('searching for strays', limits.strayIntervalMs, () => this.#searchStrays());
    const orphans = new OrphanSearch({ ...this.#options, pause: (durationMs) => this.#pause(durationMs) });
    void this.#again('searching for orphans', limits.orphanIntervalMs, () => orphans.search());
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
    for (const end of [...this.#pausing]) end();
  }

  /** What was compared may have changed in a way that nobody told of. */
  compareAgain(): void {
    this.#occasion++;
    this.#wake();
  }

  /** Whether a comparison that began after the last occasion has ended without a failure. */
  isUpToDate(): boolean {
    return this.#comparedOccasion === this.#occasion;
  }

  /** Runs until stopped: once per occasion at least, and again after the interval, or sooner when it did not get to the end. */
  async #again(what: Pass, intervalMs: number, run: () => Promise<boolean>): Promise<void> {
    const { limits, onEnd } = this.#options;
    while (!this.#isStopped) {
      const occasion = this.#occasion;
      let restMs = limits.healRetryMs;
      try {
        if (await run()) {
          restMs = intervalMs;
          onEnd(what, null);
        }
      } catch (error) {
        if (!this.#isStopped) onEnd(what, error);
      }
      if (this.#occasion === occasion) await this.#rest(restMs);
    }
  }

  async #compareNow(): Promise<boolean> {
    const occasion = this.#occasion;
    if (!(await this.#compare(occasion))) return false;
    this.#comparedOccasion = occasion;
    return true;
  }

  /** Whether it got to the end. Rejects, at the end, with what could not be read or compared. */
  async #compare(occasion: number): Promise<boolean> {
    const { registers, queue, clock, isCatchingUp } = this.#options;
    const problems = new Set<string>();
    let from: RegisterKey | null = '';
    while (from !== null) {
      const page: Awaited<ReturnType<typeof registers.walkOwned>> = await registers.walkOwned(from, PAGE_REGISTERS);
      const examined: Examined[] = [];
      for (const { key, payload } of page.entries) {
        try {
          examined.push(...examine(key, payload));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          problems.add(`${describeKey(key)} cannot be read: ${error.message}`);
        }
      }
      for (const slot of await this.#check(examined)) problems.add(`drive ${slot} does not answer`);
      await queue.urgentAtMost(QUEUE_MAX);
      await sleep(clock, isCatchingUp() ? CATCHING_UP_PAUSE_MS : PAUSE_MS);
      if (this.#isStopped || this.#occasion !== occasion) return false;
      from = page.next;
    }
    if (problems.size > 0) throw new Error([...problems].join('; '));
    return true;
  }

  /** Hands what is not in order to the queue; gives the drives that did not answer. */
  async #check(examined: readonly Examined[]): Promise<Set<string>> {
    const { blobs: mender, queue, condemnedDelayMs } = this.#options;
    const silent = new Set<string>();
    const facts = await mender.inspect(
      examined.flatMap(({ blobs }) => blobs),
      NO_HINTS,
    );
    for (const { key, blobs, condemnedCount, isUnfinished } of examined) {
      const plans = blobs.map(({ blobId }) => ({ blobId, plan: planMend(facts.get(blobId)!) }));
      for (const { blobId, plan } of plans) {
        for (const position of plan.unknown) silent.add(facts.get(blobId)![position]!.ownSlot!);
      }
      const isOutOfPlace = plans.some(({ plan }) => plan.rebuild.length + plan.settled.length > 0);
      if (isOutOfPlace) queue.add(key, { delayMs: 0, isUrgent: true });
      if (isUnfinished) queue.add(key, { delayMs: 0, isUrgent: false });
      if (condemnedCount > 0) queue.add(key, { delayMs: condemnedDelayMs(condemnedCount), isUrgent: false });
    }
    return silent;
  }

  /** Shards on this node's drives that belong on other drives which are there to take them. */
  async #searchStrays(): Promise<boolean> {
    const { drives, shards, topology, queue } = this.#options;
    for (const { identity } of drives.open()) {
      const { slot } = identity;
      let after: WireShardName | null = null;
      do {
        const page: Awaited<ReturnType<typeof shards.list>> = await shards.list(slot, after, PAGE_SHARDS);
        for (const { name, attributes } of page) {
          const own = ownSlot(topology.current(), name.blobId, name.position);
          const drive = own === null || own === slot ? null : topology.current().drive(own);
          if (drive?.state !== 'up') continue;
          const strays = [{ ...name, slot }];
          for (const owner of attributes.owners) queue.add(owner, { delayMs: 0, isUrgent: true, strays });
        }
        await queue.urgentAtMost(QUEUE_MAX);
        if (this.#isStopped) return false;
        after = page.length < PAGE_SHARDS ? null : page.at(-1)!.name;
      } while (after !== null);
    }
    return true;
  }

  /** Until the time is over, the map changes or the healer stops. */
  async #rest(durationMs: number): Promise<void> {
    await this.#restIn(this.#resting, durationMs);
  }

  async #restIn(resting: Set<() => void>, durationMs: number): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        timer.cancel();
        resting.delete(end);
        resolve();
      };
      const timer = this.#options.clock.setTimer(durationMs, end);
      resting.add(end);
    });
  }

  /** The whole time, whatever the map does, unless the healer stops; false then. */
  async #pause(durationMs: number): Promise<boolean> {
    await this.#restIn(this.#pausing, durationMs);
    return !this.#isStopped;
  }

  #wake(): void {
    for (const end of [...this.#resting]) end();
  }
}

/** Nothing for registers without blobs. Throws FormatError. */
function examine(key: RegisterKey, payload: Uint8Array): Examined[] {
  if (key[0] === KIND.object) {
    const record = readObject({ payload });
    const { condemned, uploads } = record;
    return [{ key, blobs: objectBlobs(record), condemnedCount: condemned.length, isUnfinished: uploads.length > 0 }];
  }
  const record = key[0] === KIND.part ? readPart({ payload }) : null;
  if (record === null) return [];
  const { condemned, banned, part } = record;
  const isUnfinished = part !== null || banned.length > 0;
  return [{ key, blobs: partBlobs(record), condemnedCount: condemned.length, isUnfinished }];
}
