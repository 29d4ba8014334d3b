// Asks the node of a drive for what is to be done with shards there. Every call ends: with the answer or with an RpcError.
import { type ShardAttributes, shardAttributes, type WireShardName } from '../format/shard-formats.ts';
import type { NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';
import { type Rpc, RpcError } from './rpc.ts';
import { SHARD_METHODS } from './shard-methods.ts';
import { SHARD_NAMES_MAX } from './shards.ts';
import type { StoreLimits } from './store-limits.ts';
import type { TopologySource } from './topology.ts';

const DELETE_TIMEOUT_MS = 10_000;

export interface ListedShard {
  readonly name: WireShardName;
  readonly sizeBytes: number;
  readonly attributes: ShardAttributes;
}

export interface ShardClientOptions {
  readonly rpc: Rpc;
  readonly topology: TopologySource;
  readonly random: Random;
  readonly limits: StoreLimits;
}

export class ShardClient {
  readonly #options: ShardClientOptions;

  constructor(options: ShardClientOptions) {
    this.#options = options;
  }

  /** Whether the drive is on this node. */
  isLocal(slot: string): boolean {
    return this.#options.topology.current().drive(slot)?.node === this.#options.rpc.self;
  }

  async put(
    slot: string,
    name: WireShardName,
    attributes: Uint8Array,
    data: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const { rpc, limits } = this.#options;
    const options = { timeoutMs: limits.slowDriveMs, ...(signal && { signal }) };
    await rpc.call(this.#node(slot), SHARD_METHODS.put, { slot, name, attributes, data }, options);
  }

  async begin(slot: string, name: WireShardName, attributes: Uint8Array, signal?: AbortSignal): Promise<ShardSession> {
    const { rpc, limits, random } = this.#options;
    const node = this.#node(slot);
    const session = random.bytes(16).toString('hex');
    const options = { timeoutMs: limits.slowDriveMs, ...(signal && { signal }) };
    try {
      await rpc.call(node, SHARD_METHODS.begin, { session, slot, name, attributes }, options);
    } catch (error) {
      // It may have begun all the same; then nothing but its expiry would end it.
      rpc.call(node, SHARD_METHODS.abort, { session }).catch(() => {});
      throw error;
    }
    return new ShardSession(rpc, node, session, limits);
  }

  /** null: there is no such shard. */
  async read(
    slot: string,
    name: WireShardName,
    range: { readonly offset: number; readonly lengthBytes: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    const { rpc, limits } = this.#options;
    const options = { timeoutMs: limits.readTimeoutMs, ...(signal && { signal }) };
    return (await rpc.call(this.#node(slot), SHARD_METHODS.read, { slot, name, ...range }, options)).data;
  }

  /** Stored sizes; null where there is no such shard. */
  async stat(slot: string, names: readonly WireShardName[]): Promise<(number | null)[]> {
    const { rpc, limits } = this.#options;
    const sizes: (number | null)[] = [];
    for (const batch of batches(names)) {
      const options = { timeoutMs: limits.readTimeoutMs };
      const answer = await rpc.call(this.#node(slot), SHARD_METHODS.stat, { slot, names: batch }, options);
      if (answer.sizesBytes.length !== batch.length) throw new RpcError('no-answer', `${slot} left shards unanswered`);
      sizes.push(...answer.sizesBytes);
    }
    return sizes;
  }

  async delete(slot: string, names: readonly WireShardName[]): Promise<void> {
    for (const batch of batches(names)) {
      const options = { timeoutMs: DELETE_TIMEOUT_MS };
      await this.#options.rpc.call(this.#node(slot), SHARD_METHODS.delete, { slot, names: batch }, options);
    }
  }

  async list(slot: string, after: WireShardName | null, limit: number): Promise<ListedShard[]> {
    const { rpc, limits } = this.#options;
    const options = { timeoutMs: limits.readTimeoutMs };
    const { shards } = await rpc.call(this.#node(slot), SHARD_METHODS.list, { slot, after, limit }, options);
    return shards.map((shard) => ({ ...shard, attributes: shardAttributes.decode(shard.attributes) }));
  }

  #node(slot: string): NodeName {
    const drive = this.#options.topology.current().drive(slot);
    if (drive === null) throw new RpcError('unknown-drive', `drive ${slot} is not in the cluster map`);
    return drive.node;
  }
}

/** One shard that is being written block by block; nothing of it is visible before commit. */
export class ShardSession {
  readonly #rpc: Rpc;
  readonly #node: NodeName;
  readonly #session: string;
  readonly #limits: StoreLimits;

  constructor(rpc: Rpc, node: NodeName, session: string, limits: StoreLimits) {
    this.#rpc = rpc;
    this.#node = node;
    this.#session = session;
    this.#limits = limits;
  }

  /** Stripes in order, one at a time. */
  async append(stripe: number, sealed: Uint8Array): Promise<void> {
    const request = { session: this.#session, stripe, data: sealed };
    await this.#rpc.call(this.#node, SHARD_METHODS.append, request, { timeoutMs: this.#limits.slowDriveMs });
  }

  /** Durable when resolved. */
  async commit(): Promise<void> {
    const request = { session: this.#session };
    await this.#rpc.call(this.#node, SHARD_METHODS.commit, request, { timeoutMs: this.#limits.commitTimeoutMs });
  }

  async abort(): Promise<void> {
    await this.#rpc.call(this.#node, SHARD_METHODS.abort, { session: this.#session });
  }
}

function* batches(names: readonly WireShardName[]): Generator<WireShardName[]> {
  for (let at = 0; at < names.length; at += SHARD_NAMES_MAX) yield names.slice(at, at + SHARD_NAMES_MAX);
}
