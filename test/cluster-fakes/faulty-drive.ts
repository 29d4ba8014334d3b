// A drive in memory that fails, hangs or damages just what a test says, and counts the bytes that are on their way into it.
import { DiskError } from '../../node/io/disk.ts';
import type { ShardInfo, ShardName, ShardWriter } from '../../node/storage/drive-store.ts';
import { MemoryDrive } from './memory-drive.ts';

export type ShardOperation = 'put' | 'begin' | 'append' | 'commit' | 'abort' | 'read' | 'stat' | 'delete' | 'list';
export type Fate = 'work' | 'fail' | 'hang' | 'no-space';

export interface ShardCall {
  readonly slot: string;
  readonly operation: ShardOperation;
  readonly blobId: string;
  readonly position: number;
}

export class FaultyDrive extends MemoryDrive {
  /** Asked before every operation on shards. */
  fate: (call: ShardCall) => Fate = () => 'work';
  /** Blocks appended to shards that are not committed yet. */
  uncommittedShards = 0;

  override async beginShard(name: ShardName, attributes: Uint8Array): Promise<ShardWriter> {
    await this.#pass('begin', name);
    const writer = await super.beginShard(name, attributes);
    this.uncommittedShards++;
    return {
      append: async (data) => {
        await this.#pass('append', name);
        await writer.append(data);
      },
      commit: async () => {
        await this.#pass('commit', name);
        this.uncommittedShards--;
        await writer.commit();
      },
      abort: async () => {
        this.uncommittedShards--;
        await this.#pass('abort', name);
        await writer.abort();
      },
    };
  }

  override async putShard(name: ShardName, attributes: Uint8Array, data: Uint8Array): Promise<void> {
    await this.#pass('put', name);
    await super.putShard(name, attributes, data);
  }

  override async statShard(name: ShardName): Promise<ShardInfo | null> {
    await this.#pass('stat', name);
    return super.statShard(name);
  }

  override async readShard(name: ShardName, offset: number, length: number): Promise<Uint8Array | null> {
    await this.#pass('read', name);
    return super.readShard(name, offset, length);
  }

  override async deleteShard(name: ShardName): Promise<void> {
    await this.#pass('delete', name);
    await super.deleteShard(name);
  }

  override async listShards(after: ShardName | null, limit: number): Promise<ShardInfo[]> {
    await this.#pass('list', after ?? { blobId: '', position: 0 });
    return super.listShards(after, limit);
  }

  names(): ShardName[] {
    return [...this.shards.keys()].sort().map((key) => {
      const [blobId, position] = key.split('.') as [string, string];
      return { blobId, position: Number(position) };
    });
  }

  has({ blobId, position }: ShardName): boolean {
    return this.names().some((name) => name.blobId === blobId && name.position === position);
  }

  /** Flips one bit of the stored shard, behind the drive's back. */
  damage({ blobId, position }: ShardName, at: number): void {
    const shard = this.shards.get(`${blobId}.${String(position).padStart(3, '0')}`);
    if (shard === undefined) throw new Error(`${this.identity.slot} has no shard ${position} of ${blobId}`);
    const index = at % shard.data.length;
    shard.data[index] = shard.data[index]! ^ 1;
  }

  async #pass(operation: ShardOperation, { blobId, position }: ShardName): Promise<void> {
    const { slot } = this.identity;
    switch (this.fate({ slot, operation, blobId, position })) {
      case 'work':
        return;
      case 'fail':
        throw new DiskError('io', `${operation} failed as the test says`);
      case 'no-space':
        throw new DiskError('no-space', `${operation} found no space, as the test says`);
      case 'hang':
        return new Promise(() => {});
    }
  }
}
