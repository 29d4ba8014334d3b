// Scrubbing of one drive: every value and every shard is read through the drive's own checks, in the order of its index, so that
// index, log, segments and shard files are held to each other. The position is kept on the drive itself.
import type { ScrubReport } from '../admin/status.ts';
import type { RegisterKey } from '../core/keys.ts';
import { type ScrubRecord, scrubRecord } from '../format/scrub-formats.ts';
import { shardAttributes } from '../format/shard-formats.ts';
import type { Clock } from '../io/clock.ts';
import { DiskError } from '../io/disk.ts';
import type { Log } from '../io/log.ts';
import { fraction, type Random } from '../io/random.ts';
import { CorruptionError, type DriveStore, type ShardInfo, type ShardName } from '../storage/drive-store.ts';
import type { DamagedShard } from './blob-source.ts';
import type { StoreLimits } from './store-limits.ts';
import { Throttle } from './throttle.ts';

const SCRUB_STORE_KEY = 'S';
const REGISTER_PREFIX = 'R';
const PAGE_VALUES = 200;
const PAGE_SHARDS = 100;
const READ_BYTES = 1024 * 1024;
/** What an entry costs the drive besides its bytes. */
const ENTRY_BYTES = 4_096;
const SAVE_INTERVAL_MS = 30_000;
const REPORTED_MAX = 20;

const NEW_PASS = { isRunning: true, valuesFrom: '', shardsAfter: null, passReadBytes: 0 };
const NEVER: ScrubRecord = {
  ...NEW_PASS,
  isRunning: false,
  lastPassEndedMs: null,
  damagedValues: [],
  damagedShards: [],
};
/** Kept over a restart; what is beyond that the next pass finds again. */
const KEPT_FINDINGS_MAX = 1_000;

/** Something that could not be read. */
interface Finding {
  readonly what: { readonly value: string } | { readonly shard: ShardName };
  readonly text: string;
  /** Has it mended, if anybody can. */
  readonly mend: () => void;
  /** Rejects as long as it cannot be read. What is gone is fine. */
  readonly read: () => Promise<void>;
  looks: number;
}

export interface DriveScrubOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: StoreLimits;
  readonly log: Log;
  /** A shard cannot be read any more. owner: a register that may own its blob. */
  readonly damaged: (owner: RegisterKey, blobId: string, damage: DamagedShard) => void;
  /** The drive's record of the register cannot be read any more. */
  readonly unreadable: (slot: string, key: RegisterKey) => void;
}

export class DriveScrub {
  readonly #store: DriveStore;
  readonly #options: DriveScrubOptions;
  readonly #throttle: Throttle;
  readonly #findings = new Map<string, Finding>();
  #record = NEVER;
  #readBytes = 0;
  #found = 0;
  #repaired = 0;
  /** What an earlier process saved is taken over. */
  #isResumed = false;
  #isStopped = false;
  #isWanted = false;
  #savedMs = 0;
  /** What was found or repaired since the record was saved. */
  #isChanged = false;
  #wake: () => void = () => {};

  constructor(store: DriveStore, options: DriveScrubOptions) {
    this.#store = store;
    this.#options = options;
    this.#throttle = new Throttle(options.limits.scrubBytesPerSecond, options.clock);
  }

  start(): void {
    void this.#run();
    this.#recheckLater();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  startNow(): void {
    this.#isWanted = true;
    this.#wake();
  }

  /**
   * Reads up to so many shards, chosen by chance, of each a piece of at most 1 MiB. Gives a sentence for each that cannot be read;
   * it is from then on what any other finding is. Rejects when the drive itself does not answer.
   */
  async sample(count: number): Promise<string[]> {
    const damaged: string[] = [];
    for (let at = 0; at < count && !this.#isStopped; at++) {
      const shard = await this.#shardByChance();
      if (shard === null) break;
      const { blobId, position, sizeBytes } = shard;
      const pieces = Math.ceil(sizeBytes / READ_BYTES);
      const offset = Math.floor(fraction(this.#options.random) * pieces) * READ_BYTES;
      try {
        await this.#store.readShard({ blobId, position }, offset, READ_BYTES);
      } catch (error) {
        if (!isDamage(error)) throw error;
        damaged.push(this.#noteShard(shard, error));
      }
    }
    await this.#saveFindings();
    return damaged;
  }

  /** Blob ids are drawn by chance, so the shard after any id is as likely as another. null: there is none. */
  async #shardByChance(): Promise<ShardInfo | null> {
    const after = { blobId: this.#options.random.bytes(16).toString('hex'), position: 0 };
    const [next] = await this.#store.listShards(after, 1);
    const [first] = next === undefined ? await this.#store.listShards(null, 1) : [];
    return next ?? first ?? null;
  }

  report(): ScrubReport {
    const { isRunning, passReadBytes, lastPassEndedMs } = this.#record;
    return {
      slot: this.#slot,
      isRunning: isRunning || this.#isWanted,
      passReadBytes,
      lastPassEndedMs,
      readBytes: this.#readBytes,
      errorsFound: this.#found,
      errorsRepaired: this.#repaired,
      unrepaired: [...this.#findings.values()].slice(0, REPORTED_MAX).map(({ text }) => text),
    };
  }

  get #slot(): string {
    return this.#store.identity.slot;
  }

  async #run(): Promise<void> {
    const { limits, log } = this.#options;
    let restMs = 0;
    while (!this.#isStopped) {
      try {
        if (!this.#isResumed) await this.#resume(await this.#load());
        if (!this.#record.isRunning && !this.#isWanted) await this.#rest(this.#dueInMs());
        if (this.#isStopped) return;
        if (!this.#record.isRunning || this.#isWanted) this.#record = { ...this.#record, ...NEW_PASS };
        this.#isWanted = false;
        if (await this.#pass()) await this.#ended();
        restMs = 0;
      } catch (error) {
        if (this.#isStopped) return;
        // The drive itself does not work; its node has noticed, and the status says so.
        restMs = Math.min(limits.healRetryMaxMs, Math.max(limits.healRetryMs, restMs * 2));
        log.debug('Scrubbing goes on later.', { slot: this.#slot, error });
        await this.#rest(restMs);
      }
    }
  }

  /** Whether it got to the end; false when it was stopped or is to begin anew. */
  async #pass(): Promise<boolean> {
    while (this.#record.valuesFrom !== null) {
      const { valuesFrom } = this.#record;
      const keys = (await this.#store.heads(valuesFrom, '', PAGE_VALUES)).map(({ key }) => key);
      for (const key of keys) {
        await unlessDamaged(
          () => this.#readValue(key),
          (error) => this.#noteValue(key, error),
        );
      }
      const last = keys.length < PAGE_VALUES ? null : `${keys.at(-1)}\0`;
      if (!(await this.#pageEnds({ valuesFrom: last }))) return false;
    }
    for (;;) {
      const page: ShardInfo[] = await this.#store.listShards(this.#record.shardsAfter, PAGE_SHARDS);
      for (const shard of page) {
        await unlessDamaged(
          () => this.#readShard(shard),
          (error) => this.#noteShard(shard, error),
        );
        if (this.#isStopped || this.#isWanted) return false;
      }
      const last = page.at(-1);
      const shardsAfter =
        last === undefined ? this.#record.shardsAfter : { blobId: last.blobId, position: last.position };
      if (!(await this.#pageEnds({ shardsAfter }))) return false;
      if (page.length < PAGE_SHARDS) return true;
    }
  }

  #noteValue(key: string, error: Error): string {
    return this.#note(`value ${key}`, keyText(key), error, {
      what: { value: key },
      read: () => this.#readValue(key),
      mend: this.#menderOfValue(key),
    });
  }

  #noteShard(shard: ShardInfo, error: Error): string {
    const { blobId, position } = shard;
    const name = `shard ${blobId}.${position}`;
    return this.#note(name, name, error, {
      what: { shard: { blobId, position } },
      read: () => this.#readShard(shard),
      mend: () => this.#mendShard(shard),
    });
  }

  /** Has it mended, unless it is known already. Gives what is to be said of it. */
  #note(id: string, name: string, error: Error, finding: Pick<Finding, 'what' | 'read' | 'mend'>): string {
    const text = `${name} on ${this.#slot} cannot be read: ${error.message}`;
    if (this.#findings.has(id)) return text;
    this.#findings.set(id, { ...finding, text, looks: 0 });
    this.#found++;
    this.#isChanged = true;
    this.#options.log.warn('Scrubbing found damage.', { slot: this.#slot, what: name, error });
    finding.mend();
    return text;
  }

  async #readValue(key: string): Promise<void> {
    await this.#throttle.take(ENTRY_BYTES);
    const value = await this.#store.get(key);
    this.#count(value?.length ?? 0);
  }

  async #readShard({ blobId, position, sizeBytes }: ShardInfo): Promise<void> {
    await this.#throttle.take(ENTRY_BYTES);
    for (let offset = 0; offset === 0 || offset < sizeBytes; offset += READ_BYTES) {
      if (this.#isStopped) return;
      await this.#throttle.take(Math.min(READ_BYTES, sizeBytes - offset));
      const piece = await this.#store.readShard({ blobId, position }, offset, READ_BYTES);
      // Deleted meanwhile.
      if (piece === null) return;
      this.#count(piece.length);
    }
  }

  #count(bytes: number): void {
    this.#readBytes += bytes;
    this.#record = { ...this.#record, passReadBytes: this.#record.passReadBytes + bytes };
  }

  #mendShard({ blobId, position, attributes }: ShardInfo): void {
    for (const owner of shardAttributes.decode(attributes).owners) {
      this.#options.damaged(owner, blobId, { slot: this.#slot, position, kind: 'corrupt' });
    }
  }

  /** Of the other values only the drive's replacement gets rid: they are promises, and a promise that is lost cannot be guessed. */
  #menderOfValue(key: string): () => void {
    return key.startsWith(REGISTER_PREFIX)
      ? () => this.#options.unreadable(this.#slot, key.slice(REGISTER_PREFIX.length))
      : () => {};
  }

  async #pageEnds(moved: Partial<ScrubRecord>): Promise<boolean> {
    this.#record = { ...this.#record, ...moved };
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#isChanged || nowMs - this.#savedMs >= SAVE_INTERVAL_MS) await this.#save(nowMs);
    return !this.#isStopped && !this.#isWanted;
  }

  async #ended(): Promise<void> {
    const { clock } = this.#options;
    this.#record = { ...this.#record, isRunning: false, lastPassEndedMs: Math.max(0, clock.wallMs()) };
    await this.#save(clock.monotonicMs());
  }

  async #saveFindings(): Promise<void> {
    if (this.#isChanged && this.#isResumed) await this.#save(this.#options.clock.monotonicMs());
  }

  async #save(nowMs: number): Promise<void> {
    this.#savedMs = nowMs;
    this.#isChanged = false;
    const kept = [...this.#findings.values()].slice(0, KEPT_FINDINGS_MAX).map(({ what }) => what);
    this.#record = {
      ...this.#record,
      damagedValues: kept.flatMap((what) => ('value' in what ? [what.value] : [])),
      damagedShards: kept.flatMap((what) => ('shard' in what ? [what.shard] : [])),
    };
    await this.#store.commit([{ kind: 'put', key: SCRUB_STORE_KEY, value: scrubRecord.encode(this.#record) }]);
  }

  async #load(): Promise<ScrubRecord> {
    this.#savedMs = this.#options.clock.monotonicMs();
    try {
      const stored = await this.#store.get(SCRUB_STORE_KEY);
      if (stored !== null) return scrubRecord.decode(stored);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    return NEVER;
  }

  /** Goes on from what an earlier process saved: first of all it looks whether what that had found is repaired. */
  async #resume(record: ScrubRecord): Promise<void> {
    for (const key of record.damagedValues) {
      await unlessDamaged(
        () => this.#readValue(key),
        (error) => this.#noteValue(key, error),
      );
    }
    for (const name of record.damagedShards) {
      const shard = await this.#store.statShard(name);
      if (shard === null) continue;
      await unlessDamaged(
        () => this.#readShard(shard),
        (error) => this.#noteShard(shard, error),
      );
    }
    this.#record = record;
    this.#isResumed = true;
  }

  /** By the wall clock, which may be wrong: a pass too early or too late does no harm. */
  #dueInMs(): number {
    const { clock, limits } = this.#options;
    const { lastPassEndedMs } = this.#record;
    if (lastPassEndedMs === null) return 0;
    return Math.min(limits.scrubIntervalMs, Math.max(0, lastPassEndedMs + limits.scrubIntervalMs - clock.wallMs()));
  }

  #recheckLater(): void {
    this.#options.clock.setTimer(this.#options.limits.scrubRecheckMs, () => {
      if (!this.#isStopped) void this.#recheck().then(() => this.#recheckLater());
    });
  }

  async #recheck(): Promise<void> {
    for (const [id, finding] of this.#findings) {
      try {
        await finding.read();
        this.#findings.delete(id);
        this.#repaired++;
        this.#isChanged = true;
        this.#options.log.info('What scrubbing found is repaired.', { slot: this.#slot, what: finding.text });
      } catch {
        // Whoever was asked to mend it may have been unable to just then; asked less and less often.
        finding.looks++;
        if (Number.isInteger(Math.log2(finding.looks))) finding.mend();
      }
      if (this.#isStopped) return;
    }
    // The drive may not take it; the next page that ends tries again.
    await this.#saveFindings().catch(() => {});
  }

  /** Until the time is over, a pass is wanted or the scrubber stops. */
  async #rest(durationMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.setTimer(durationMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#wake = () => {};
  }
}

/** Rejects with what is not damage. */
async function unlessDamaged(read: () => Promise<void>, note: (error: Error) => void): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    note(error);
  }
}

/** The bytes cannot be had any more; else the drive as a whole does not answer. */
function isDamage(error: unknown): error is Error {
  return error instanceof CorruptionError || (error instanceof DiskError && error.kind === 'io');
}

function keyText(key: string): string {
  return key.startsWith(REGISTER_PREFIX) ? 'a register' : `the record ${JSON.stringify(key)}`;
}
