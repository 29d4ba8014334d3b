// Serves the register protocol for this node: the replicas on its drives, and the proposer.
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import { CorruptionError, type DriveStore } from '../storage/drive-store.ts';
import { Acceptor } from './acceptor.ts';
import type { Groups } from './groups.ts';
import { hasPartition } from './partition-set.ts';
import type { Proposer } from './proposer.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import { type Summarize, UnavailableError } from './registers.ts';
import { type Rpc, RpcError } from './rpc.ts';

/** The replicas on this node's own drives, by slot. Only drives whose id is the one in the cluster map may be added. */
export class Replicas {
  readonly #acceptors = new Map<string, Acceptor>();
  /** Replacements that have yet to catch up: they learn, and do not vote. */
  readonly #joining = new Map<string, Acceptor>();
  readonly #summarize: Summarize;
  readonly #onCorrupt: (slot: string, key: RegisterKey) => void;

  /** onCorrupt: told of records on these drives that turn out to be unreadable. */
  constructor(summarize: Summarize, onCorrupt: (slot: string, key: RegisterKey) => void) {
    this.#summarize = summarize;
    this.#onCorrupt = onCorrupt;
  }

  add(drive: DriveStore): void {
    this.#acceptors.set(drive.identity.slot, this.#acceptor(drive));
  }

  addJoining(drive: DriveStore): void {
    this.#joining.set(drive.identity.slot, this.#acceptor(drive));
  }

  /** The joining drive holds all that it must: from now on it votes. */
  admit(slot: string): void {
    this.#acceptors.set(slot, this.joining(slot));
    this.#joining.delete(slot);
  }

  joining(slot: string): Acceptor {
    const acceptor = this.#joining.get(slot);
    if (acceptor === undefined) throw new Error(`drive ${slot} is not joining`);
    return acceptor;
  }

  /** For learning: whether it votes or not. Throws RpcError 'unknown-drive'. */
  learner(slot: string): Acceptor {
    return this.#joining.get(slot) ?? this.get(slot);
  }

  remove(slot: string): void {
    this.#acceptors.delete(slot);
    this.#joining.delete(slot);
  }

  /** Throws RpcError 'unknown-drive'. */
  get(slot: string): Acceptor {
    const acceptor = this.#acceptors.get(slot);
    if (acceptor === undefined) throw new RpcError('unknown-drive', `drive ${slot} does not vote on this node`);
    return acceptor;
  }

  slots(): string[] {
    return [...this.#acceptors.keys()];
  }

  #acceptor(drive: DriveStore): Acceptor {
    return new Acceptor(drive, {
      summarize: this.#summarize,
      onCorrupt: (key) => this.#onCorrupt(drive.identity.slot, key),
    });
  }
}

export function serveRegisters(rpc: Rpc, replicas: Replicas, proposer: Proposer, groups: Groups): void {
  rpc.handle(REGISTER_METHODS.prepare, async ({ slot, partition, ballot }) =>
    replicas.get(slot).prepare(partition, ballot),
  );

  rpc.handle(REGISTER_METHODS.accept, async ({ slot, groups }) => ({
    results: await replicas.get(slot).accept(groups),
  }));

  rpc.handle(REGISTER_METHODS.fetch, ({ slot, partition, ballot, keys, values }) =>
    namingCorruption(slot, async () => {
      const registers = await replicas.get(slot).fetch(partition, ballot, keys, values);
      if (registers === null) throw new RpcError('stale', `${slot} has promised another ballot`);
      // Asked for afterwards: where something is absent because it was forgotten, this says so.
      return { registers, generation: await replicas.get(slot).generation() };
    }),
  );

  rpc.handle(REGISTER_METHODS.scan, ({ slot, from, to, limit, partitions, detail }) =>
    namingCorruption(slot, async () => {
      const isWanted = (key: RegisterKey) =>
        partitions === null || key === MAP_KEY || hasPartition(partitions, groups.partitionOf(key));
      const { registers, next } = await replicas.get(slot).scan(from, to, { limit, detail, isWanted });
      return { entries: registers, next };
    }),
  );

  rpc.handle(REGISTER_METHODS.learn, async ({ slot, generation, entries }) => {
    const taken = await replicas.learner(slot).learn(entries, generation);
    if (taken === null) throw new RpcError('stale', `${slot} has forgotten registers since generation ${generation}`);
    return { taken };
  });

  rpc.handle(REGISTER_METHODS.change, async (request) => namingUnavailability(() => proposer.change(request)));

  rpc.handle(REGISTER_METHODS.forget, async ({ slot, partition, ballot, generation, entries }) => ({
    forgotten: await replicas.get(slot).forget(partition, ballot, generation, entries),
  }));

  rpc.handle(REGISTER_METHODS.mend, async ({ key }) =>
    namingUnavailability(async () => {
      await proposer.rewrite(key);
      return {};
    }),
  );

  rpc.handle(REGISTER_METHODS.settle, async ({ keys }) =>
    namingUnavailability(async () => ({
      registers: await Promise.all(keys.map((key: RegisterKey) => proposer.settle(key))),
    })),
  );
}

async function namingUnavailability<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UnavailableError) throw new RpcError('unavailable', error.message, { cause: error });
    throw error;
  }
}

async function namingCorruption<T>(slot: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CorruptionError) throw new RpcError('corrupt', `${slot}: ${error.message}`, { cause: error });
    throw error;
  }
}
