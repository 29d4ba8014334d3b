// The cluster's generation: a number in a register of its own that only grows. A change of a register carries the generation that
// its asker knew when it began; replicas remember the generation in which they last forgot something. So a change that began
// before something was forgotten, and may have been carried out already, is told from one that is new. Knowing an old generation
// is always safe: the change is refused and asked anew.
import { GENERATION_KEY, type RegisterKey } from '../core/keys.ts';
import { readMap, readSetMapReply, setMapCommand } from '../core/map-commands.ts';
import type { Clock } from '../io/clock.ts';
import type { RegisterState } from './registers.ts';

const REFRESH_INTERVAL_MS = 30_000;
const NOTHING = new Uint8Array();

export interface GenerationsOptions {
  readonly clock: Clock;
  readonly read: (key: RegisterKey) => Promise<RegisterState>;
  readonly change: (key: RegisterKey, command: Uint8Array) => Promise<Uint8Array>;
}

export class Generations {
  readonly #options: GenerationsOptions;
  #known = 0;
  #isStopped = false;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** As far as this node has heard. */
  get known(): number {
    return this.#known;
  }

  start(): void {
    const next = async () => {
      if (this.#isStopped) return;
      // Without a quorum there is nothing to change either.
      await this.refresh().catch(() => {});
      this.#options.clock.setTimer(REFRESH_INTERVAL_MS, () => void next());
    };
    void next();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** As it is at some moment during the call. Rejects with UnavailableError. */
  async refresh(): Promise<number> {
    const record = readMap(await this.#options.read(GENERATION_KEY));
    return this.#saw(record?.epoch ?? 0);
  }

  /** Resolves with a generation that began after the call did; `from` is what refresh gave. Rejects with UnavailableError. */
  async advance(from: number): Promise<number> {
    const reply = await this.#options.change(GENERATION_KEY, setMapCommand(from, NOTHING));
    if (reply.length === 0 || readSetMapReply(reply).isSet) return this.#saw(from + 1);
    return this.refresh();
  }

  #saw(generation: number): number {
    this.#known = Math.max(this.#known, generation);
    return generation;
  }
}
