// Registers without a protocol: one map, changed at once by the real decisions, with the delays and the failures that a test
// asks for. Scans, walks and replies are as the interface promises.

import type { RegisterMaintenance, RegisterState, Registers, ScanPage } from '../../node/cluster/registers.ts';
import { UnavailableError } from '../../node/cluster/registers.ts';
import type { Topology } from '../../node/cluster/topology.ts';
import { ZERO_BALLOT } from '../../node/core/ballot.ts';
import { decide } from '../../node/core/decide.ts';
import { afterPrefix, type RegisterKey } from '../../node/core/keys.ts';
import { summarize } from '../../node/core/object-record.ts';
import { type CommandName, decodeCommand } from '../../node/format/object-command-formats.ts';
import type { Scheduler } from '../simulation/scheduler.ts';

/**
 * lose-before: it does not happen. lose-after: it does, and nobody learns of it. lose-reply: it does, but an empty reply comes.
 * late: the asker gives up now, and it happens when runLate is called.
 */
export type ChangeFate = 'work' | 'lose-before' | 'lose-after' | 'lose-reply' | 'late';

const UNVERSIONED = { ballot: ZERO_BALLOT, sequence: 0 };

export class FakeRegisters {
  readonly states = new Map<RegisterKey, RegisterState>();
  /** Asked for every change. */
  fate: (name: CommandName, key: RegisterKey) => ChangeFate = () => 'work';
  /** Awaited before a change is decided: a test may let others go first. */
  before: (name: CommandName, key: RegisterKey) => Promise<void> = async () => {};
  scanCount = 0;
  scannedCount = 0;
  readonly #scheduler: Scheduler;
  readonly #late: (() => void)[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  runLate(): void {
    for (const change of this.#late.splice(0)) change();
  }

  /** The registers as one node sees them. */
  on(nodeName: string, topology: () => Topology): Registers & RegisterMaintenance {
    return {
      read: async (key) => {
        await this.#scheduler.sleep(0.5, 'register read');
        return this.#state(key);
      },
      change: async (key, command) => {
        const { name } = decodeCommand(command);
        await this.#scheduler.sleep(1, 'register change');
        await this.before(name, key);
        return this.#change(key, command, this.fate(name, key));
      },
      scan: async (from, to, limit) => {
        await this.#scheduler.sleep(1, 'register scan');
        return this.#scan(from, to, limit);
      },
      walkOwned: async (from, limit) => {
        await this.#scheduler.sleep(1, 'register walk');
        const keys = this.#keys(from, '').slice(0, limit + 1);
        const world = topology();
        const isOwned = (key: RegisterKey) => {
          const replicas = world.replicas(world.partitionOf(key));
          return replicas.find((drive) => world.drive(drive.slot)?.state === 'up')?.node === nodeName;
        };
        const entries = keys
          .slice(0, limit)
          .filter(isOwned)
          .map((key) => ({
            key,
            version: UNVERSIONED,
            payload: this.#state(key).payload!,
            live: this.#state(key).live,
          }));
        return { entries, next: keys[limit] ?? null };
      },
    };
  }

  #change(key: RegisterKey, command: Uint8Array, fate: ChangeFate): Uint8Array {
    if (fate === 'lose-before') throw new UnavailableError('lost before it was decided');
    if (fate === 'late') {
      this.#late.push(() => this.#carryOut(key, command));
      throw new UnavailableError('still under way');
    }
    const { reply, wrote } = this.#carryOut(key, command);
    if (fate === 'lose-after') throw new UnavailableError('lost after it was decided');
    return fate === 'lose-reply' && wrote ? new Uint8Array() : reply;
  }

  #carryOut(key: RegisterKey, command: Uint8Array): { reply: Uint8Array; wrote: boolean } {
    const decision = decide(key, this.#state(key), command);
    if (decision.kind === 'write') {
      const { payload, live } = decision;
      // What is not live and has nothing to remember may be forgotten at any time, so it is at once.
      if (!live && payload.length === 0) this.states.delete(key);
      else this.states.set(key, { payload: Uint8Array.from(payload), live });
    }
    return { reply: decision.reply, wrote: decision.kind === 'write' };
  }

  #state(key: RegisterKey): RegisterState {
    return this.states.get(key) ?? { payload: null, live: false };
  }

  #scan(from: RegisterKey, to: RegisterKey, limit: number): ScanPage {
    this.scanCount++;
    const live = this.#keys(from, to).filter((key) => this.#state(key).live);
    this.scannedCount += Math.min(limit, live.length);
    const entries = live.slice(0, limit).map((key) => ({ key, summary: summarize(key, this.#state(key).payload!) }));
    return { entries, next: live[limit] ?? null };
  }

  /** The keys of one kind, for looking at what is left. */
  keysOf(kind: string): RegisterKey[] {
    return this.#keys(kind, afterPrefix(kind));
  }

  #keys(from: RegisterKey, to: RegisterKey): RegisterKey[] {
    return [...this.states.keys()].filter((key) => key >= from && (to === '' || key < to)).sort();
  }
}
