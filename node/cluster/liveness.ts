// Who answers. Every node asks every other a few times a second; the answers also carry which drives it can use and which map
// it knows. This is suspicion, local to one node: good for choosing whom to ask first and for proposing a change of the map,
// never for deciding anything alone.
import type { Clock } from '../io/clock.ts';
import type { NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';
import { MEMBERSHIP_METHODS } from './membership-methods.ts';
import { type Rpc, RpcError } from './rpc.ts';

const INTERVAL_MS = 300;
/** A dead process is noticed by its broken connections at once; only a silent one takes so long. */
const PING_TIMEOUT_MS = 3_000;

export interface UsableDrive {
  readonly slot: string;
  readonly id: string;
  readonly caughtUp: boolean;
}

export interface PeerState {
  /** Of the process that answered last; empty before the first answer. */
  readonly life: string;
  /** The newest ping was answered, and no connection has broken since. */
  readonly answers: boolean;
  /** Since when `answers` has its value, by the monotonic clock. */
  readonly sinceMs: number;
  readonly ready: boolean;
  readonly epoch: number;
  readonly drives: readonly UsableDrive[];
}

type Ping = Pick<PeerState, 'life' | 'epoch' | 'ready' | 'drives'>;

export interface LivenessOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly peers: () => readonly NodeName[];
  readonly random: Random;
  /** What this node says of itself. */
  readonly self: () => { readonly epoch: number; readonly ready: boolean; readonly drives: readonly UsableDrive[] };
  /** A peer knows a newer map. */
  readonly onNewerEpoch: (peer: NodeName, epoch: number) => void;
  /** A peer answers for the first time, or is another process than before. */
  readonly onNewLife: (peer: NodeName) => void;
  /** A peer refused because it belongs to another cluster. Every time. */
  readonly onOtherCluster: (peer: NodeName, error: RpcError) => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #life: string;
  readonly #peers = new Map<NodeName, PeerState>();
  #stopped = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#life = options.random.bytes(8).toString('hex');
    options.rpc.handle(MEMBERSHIP_METHODS.ping, async (ping, from) => {
      this.#heard(from, ping);
      return this.#own();
    });
  }

  /** Resolves when every peer has been asked once. */
  async start(): Promise<void> {
    await this.#round();
    const next = () => {
      if (this.#stopped) return;
      void this.#round();
      this.#options.clock.setTimer(INTERVAL_MS, next);
    };
    this.#options.clock.setTimer(INTERVAL_MS, next);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The transport lost its connection to the node. */
  broken(node: NodeName): void {
    this.#silent(node);
  }

  seemsUp(node: NodeName): boolean {
    return node === this.#options.rpc.self || this.#peers.get(node)?.answers === true;
  }

  /** null: never heard of. For this node itself: what it says. */
  state(node: NodeName): PeerState | null {
    if (node === this.#options.rpc.self)
      return { ...this.#options.self(), life: this.#life, answers: true, sinceMs: 0 };
    return this.#peers.get(node) ?? null;
  }

  async #round(): Promise<void> {
    const { rpc } = this.#options;
    const others = this.#options.peers().filter((peer) => peer !== rpc.self);
    await Promise.all(
      others.map(async (peer) => {
        try {
          this.#heard(peer, await rpc.call(peer, MEMBERSHIP_METHODS.ping, this.#own(), { timeoutMs: PING_TIMEOUT_MS }));
        } catch (error) {
          // Silence and refusal mean the same here: it is not there for us.
          this.#silent(peer);
          if (error instanceof RpcError && error.code === 'other-cluster') this.#options.onOtherCluster(peer, error);
        }
      }),
    );
  }

  #own() {
    const { epoch, ready, drives } = this.#options.self();
    return { life: this.#life, epoch, ready, drives: [...drives] };
  }

  #heard(peer: NodeName, ping: Ping): void {
    const { life, epoch, ready, drives } = ping;
    const before = this.#peers.get(peer);
    const sinceMs = before?.answers ? before.sinceMs : this.#options.clock.monotonicMs();
    this.#peers.set(peer, { life, answers: true, sinceMs, ready, epoch, drives });
    if (before?.life !== life) this.#options.onNewLife(peer);
    if (epoch > this.#options.self().epoch) this.#options.onNewerEpoch(peer, epoch);
  }

  #silent(peer: NodeName): void {
    const before = this.#peers.get(peer);
    if (before !== undefined && !before.answers) return;
    const sinceMs = this.#options.clock.monotonicMs();
    this.#peers.set(peer, { life: '', ready: false, epoch: 0, drives: [], ...before, answers: false, sinceMs });
  }
}
