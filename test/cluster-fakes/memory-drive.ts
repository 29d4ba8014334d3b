// A drive store in memory, for tests of what lies above it: acknowledges at once, loses nothing unless told to.
import sortedBtree from 'sorted-btree';
import type {
  DriveIdentity,
  DriveStatus,
  DriveStore,
  ShardInfo,
  ShardName,
  ShardWriter,
  StoreEntry,
  StoreHead,
  StoreOperation,
} from '../../node/storage/drive-store.ts';

interface StoredShard {
  readonly attributes: Uint8Array;
  data: Buffer;
}

export class MemoryDrive implements DriveStore {
  readonly identity: DriveIdentity;
  readonly shards = new Map<string, StoredShard>();
  readonly #entries = new sortedBtree.default<string, { value: Uint8Array; head: Uint8Array | null }>();

  constructor(identity: DriveIdentity) {
    this.identity = identity;
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.kind === 'delete') {
        this.#entries.delete(operation.key);
      } else {
        const head = operation.head === undefined ? null : Uint8Array.from(operation.head);
        this.#entries.set(operation.key, { value: Uint8Array.from(operation.value), head });
      }
    }
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#entries.get(key)?.value ?? null;
  }

  async range(from: string, to: string, limit: number): Promise<StoreEntry[]> {
    return this.#slice(from, to, limit).map(([key, { value }]) => ({ key, value }));
  }

  async head(key: string): Promise<StoreHead | null> {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : { key, head: entry.head };
  }

  async heads(from: string, to: string, limit: number): Promise<StoreHead[]> {
    return this.#slice(from, to, limit).map(([key, { head }]) => ({ key, head }));
  }

  async beginShard(name: ShardName, attributes: Uint8Array): Promise<ShardWriter> {
    const pieces: Buffer[] = [];
    return {
      append: async (data) => void pieces.push(Buffer.from(data)),
      commit: async () => void this.shards.set(shardKey(name), { attributes, data: Buffer.concat(pieces) }),
      abort: async () => {},
    };
  }

  async putShard(name: ShardName, attributes: Uint8Array, data: Uint8Array): Promise<void> {
    this.shards.set(shardKey(name), { attributes, data: Buffer.from(data) });
  }

  async statShard(name: ShardName): Promise<ShardInfo | null> {
    const shard = this.shards.get(shardKey(name));
    return shard === undefined ? null : { ...name, attributes: shard.attributes, sizeBytes: shard.data.length };
  }

  async readShard(name: ShardName, offset: number, length: number): Promise<Uint8Array | null> {
    const shard = this.shards.get(shardKey(name));
    return shard === undefined ? null : Buffer.from(shard.data.subarray(offset, offset + length));
  }

  async deleteShard(name: ShardName): Promise<void> {
    this.shards.delete(shardKey(name));
  }

  async listShards(after: ShardName | null, limit: number): Promise<ShardInfo[]> {
    const from = after === null ? '' : shardKey(after);
    const keys = [...this.shards.keys()].filter((key) => key > from).sort();
    return keys.slice(0, limit).map((key) => {
      const [blobId, position] = key.split('.') as [string, string];
      const { attributes, data } = this.shards.get(key)!;
      return { blobId, position: Number(position), attributes, sizeBytes: data.length };
    });
  }

  async status(): Promise<DriveStatus> {
    let shardBytes = 0;
    for (const { data } of this.shards.values()) shardBytes += data.length;
    const space = { totalBytes: 2 ** 40, freeBytes: 2 ** 40 - shardBytes };
    return { ...space, shardCount: this.shards.size, shardBytes, driveSyncs: 0, logSyncs: 0, failure: null };
  }

  async close(): Promise<void> {}

  #slice(from: string, to: string, limit: number) {
    const found: [string, { value: Uint8Array; head: Uint8Array | null }][] = [];
    for (const [key, entry] of this.#entries.entries(from)) {
      if ((to !== '' && key >= to) || found.length === limit) break;
      found.push([key, entry]);
    }
    return found;
  }
}

function shardKey({ blobId, position }: ShardName): string {
  return `${blobId}.${String(position).padStart(3, '0')}`;
}
