// What the parts of the object layer share: the ports, the registers with commands and replies as values, and work that goes on
// after a request has been answered.
import type { RegisterKey } from '../core/keys.ts';
import type { StoredState } from '../core/object-record.ts';
import {
  type CommandName,
  type CommandValue,
  decodeReply,
  encodeCommand,
  type Reply,
} from '../format/object-command-formats.ts';
import type { BlobRef } from '../format/object-formats.ts';
import type { Log } from '../io/log.ts';
import type { BlobPorts } from './blob-ports.ts';
import type { DamagedShard } from './blob-source.ts';
import { StoreError } from './object-store.ts';
import { type Registers, UnavailableError } from './registers.ts';
import type { Topology } from './topology.ts';

export interface StoreContext extends BlobPorts {
  readonly registers: Registers;
  readonly log: Log;
  readonly healing: Healing;
  readonly background: Background;
}

/** What reads and writes tell the healer. Nothing of it waits. */
export interface Healing {
  /** The register holds so many condemned blobs, whose shards are to be deleted in a while. */
  condemned(key: RegisterKey, count: number): void;
  /** The register owns the blob from now on, whose shards were placed by that map. */
  written(key: RegisterKey, blob: BlobRef, world: Topology): void;
  /** A blob of the register was written without all of its shards on their own drives. */
  displaced(key: RegisterKey): void;
  /** An upload whose fate is settled is to be cleaned up, or a part came too late for its upload. */
  unfinished(key: RegisterKey): void;
  /** A read met a shard that is missing or corrupt. */
  damaged(key: RegisterKey, blobId: string, damage: DamagedShard): void;
  /** Whether the register owns the blob is not known: the write that would make it so got no answer. */
  unsettled(key: RegisterKey, objectKey: string, blob: BlobRef): void;
  /** The blob is being read on this node, so its shards stay until the given function is called. */
  hold(blobId: string): () => void;
}

/** Work that no request waits for; a stop of the node does. */
export class Background {
  readonly #work = new Set<Promise<void>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  readonly run = (work: Promise<void>): void => {
    const watched = work.catch((error) => this.#log.warn('Cleaning up after a request failed.', { error }));
    this.#work.add(watched);
    void watched.then(() => this.#work.delete(watched));
  };

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}

type RegisterPorts = Pick<StoreContext, 'registers' | 'healing'>;

/** Linearizable. Rejects with StoreError 'Unavailable'. */
export async function readRegister({ registers }: RegisterPorts, key: RegisterKey): Promise<StoredState> {
  return namingUnavailability(() => registers.read(key));
}

/** Carries out a command. Rejects with StoreError 'Unavailable' when nobody knows whether it happened. */
export async function changeRegister<N extends CommandName>(
  { registers, healing }: RegisterPorts,
  key: RegisterKey,
  name: N,
  value: CommandValue<N>,
): Promise<Reply> {
  const command = encodeCommand(name, value);
  const reply = decodeReply(await namingUnavailability(() => registers.change(key, command)));
  if (reply.condemnedCount > 0) healing.condemned(key, reply.condemnedCount);
  return reply;
}

export async function namingUnavailability<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UnavailableError) throw new StoreError('Unavailable', error.message, { cause: error });
    throw error;
  }
}
