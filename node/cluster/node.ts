// A storage node without its front ends: membership, registers, objects and healing over the injected ports. The real program
// (main.ts) and the simulation build exactly this.
import { decide } from '../core/decide.ts';
import type { Hello } from '../core/founding.ts';
import { KIND } from '../core/keys.ts';
import { summarize } from '../core/object-record.ts';
import { createErasure } from '../erasure/erasure.ts';
import type { Clock } from '../io/clock.ts';
import type { Log } from '../io/log.ts';
import type { Network, NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';
import { type BlobPorts, rememberErasures } from './blob-ports.ts';
import type { Introductions } from './bootstrap.ts';
import { ByteBudget } from './byte-budget.ts';
import { ClusterStatus } from './cluster-status.ts';
import { createObjectStore } from './create-object-store.ts';
import { createHealer, type Healer } from './heal.ts';
import type { LocalDrive } from './local-drives.ts';
import { Member, type Running } from './member.ts';
import type { ObjectStore } from './object-store.ts';
import { Scrubber } from './scrub.ts';
import { ShardClient } from './shard-client.ts';
import { registerShardService } from './shards.ts';
import { Background, type StoreContext } from './store-context.ts';
import { STORE_LIMITS, type StoreLimits } from './store-limits.ts';
import { TombstoneCollector } from './tombstones.ts';

export interface NodeOptions {
  readonly name: NodeName;
  readonly zone: string;
  /** "k+m" */
  readonly scheme: string;
  /** The whole list of endpoints that the node was started with. */
  readonly endpoints: readonly string[];
  /** The distinct addresses ("http://host:port") in the list. */
  readonly addresses: readonly string[];
  readonly drives: readonly LocalDrive[];
  readonly network: Network;
  readonly introductions: Introductions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Resident memory of this process. */
  readonly rssBytes: () => number;
  /** Other than STORE_LIMITS: the rate of scrubbing is a setting; more than that only tests change. */
  readonly limits?: Partial<StoreLimits>;
}

/** What a node serves once it has joined its cluster. */
export interface ServingNode extends Pick<BlobPorts, 'writeBudget' | 'readBudget' | 'erasure'> {
  readonly store: ObjectStore;
  readonly status: ClusterStatus;
  readonly healer: Healer;
  readonly running: Running;
}

export class StorageNode {
  readonly member: Member;
  readonly #options: NodeOptions;
  readonly #background: Background;
  #serving: ServingNode | null = null;
  #scrubber: Scrubber | null = null;
  #tombstones: TombstoneCollector | null = null;

  constructor(options: NodeOptions) {
    const { log } = options;
    this.#options = options;
    this.#background = new Background(log);
    this.member = new Member({
      ...options,
      decide,
      summarize,
      observer: {
        step: (step) => {
          if (step.kind === 'conflict')
            log.error('these nodes cannot be one cluster; nothing was formatted', { problems: step.problems });
          else if (step.kind === 'wait') log.info(step.reason);
          else
            log.info(
              step.kind === 'join' ? `joining the cluster that ${step.from} belongs to` : 'founding the cluster',
            );
        },
        map: (map) => {
          const down = map.drives.filter((drive) => drive.state === 'down').map((drive) => drive.slot);
          log.info('the cluster map changed', { epoch: map.epoch, down });
        },
        problem: (what, error) => log.warn(`${what} did not work; it will be tried again`, { error }),
        revived: (key) => {
          if (key[0] === KIND.object || key[0] === KIND.part) this.#serving?.healer.displaced(key);
        },
        newLife: () => this.#serving?.healer.compareAgain(),
      },
    });
  }

  /** null until the node has joined its cluster. */
  get serving(): ServingNode | null {
    return this.#serving;
  }

  hello(): Hello {
    return this.member.hello();
  }

  ready(): boolean {
    return this.#serving !== null && this.member.ready();
  }

  /** Resolves when the node has joined its cluster. Rejects with StartRefusedError, or when it was stopped. */
  async start(): Promise<void> {
    await this.member.start();
    const { running, rpc, drives } = this.member;
    const { clock, random, log, name, zone, rssBytes } = this.#options;
    const limits = { ...STORE_LIMITS, ...this.#options.limits };
    registerShardService(rpc, (slot) => this.#usableStore(slot), clock);
    const blobPorts: BlobPorts = {
      topology: running.topology,
      shards: new ShardClient({ rpc, topology: running.topology, random, limits }),
      clock,
      random,
      limits,
      writeBudget: new ByteBudget(limits.writeBudgetBytes, clock),
      readBudget: new ByteBudget(limits.readBudgetBytes, clock),
      erasure: rememberErasures(createErasure),
    };
    const healer = createHealer({
      ...blobPorts,
      registers: running.registers,
      drives,
      isCatchingUp: () => !this.member.ready(),
      log,
      background: this.#background,
    });
    const context: StoreContext = {
      ...blobPorts,
      registers: running.registers,
      log,
      healing: healer,
      background: this.#background,
    };
    this.#scrubber = new Scrubber({
      drives,
      clock,
      random,
      limits,
      log,
      damaged: (owner, blobId, damage) => healer.damaged(owner, blobId, damage),
      unreadable: (slot, key) => running.catchUp.unreadable(slot, key),
    });
    const heal = () => healer.report();
    const status = new ClusterStatus({ member: this.member, name, zone, heal, scrub: this.#scrubber, rssBytes });
    this.#serving = { ...blobPorts, store: createObjectStore(context), status, healer, running };
    healer.start();
    this.#scrubber.start();
    this.#tombstones = new TombstoneCollector({ ...running, clock, limits, log });
    this.#tombstones.start();
  }

  /** Ends what goes on in the background, then closes the drives. */
  async stop(): Promise<void> {
    this.#serving?.healer.stop();
    this.#scrubber?.stop();
    this.#tombstones?.stop();
    await this.#background.idle();
    await this.member.stop();
  }

  #usableStore(slot: string) {
    const drive = this.member.drives.get(slot);
    return drive?.kind === 'open' ? drive.store : null;
  }
}
