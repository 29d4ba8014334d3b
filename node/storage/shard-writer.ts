// Writes one shard. Short ones are kept in memory until their end is known, and then go through the log, in the same sync as
// whatever else is being committed; longer ones go to a file of their own.
import type { ShardName, ShardWriter } from './drive-store.ts';
import type { ShardMeta } from './log-format.ts';
import type { ShardFiles, ShardFileWriter } from './shard-files.ts';

/** Longer shards get a file. */
export const SMALL_SHARD_BYTES_MAX = 64 * 2 ** 10;

/** Makes the shard durable and visible; onVisible is called at that moment. */
export type CommitShard = (shard: ShardMeta, data: Uint8Array | null, onVisible: () => void) => Promise<void>;

export class DriveShardWriter implements ShardWriter {
  readonly #files: ShardFiles;
  readonly #name: ShardName;
  readonly #attributes: Buffer;
  readonly #commit: CommitShard;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #file: ShardFileWriter | null = null;
  #isOver = false;

  constructor(files: ShardFiles, name: ShardName, attributes: Buffer, commit: CommitShard) {
    this.#files = files;
    this.#name = name;
    this.#attributes = attributes;
    this.#commit = commit;
  }

  async append(data: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (this.#file === null && this.#heldBytes + data.length <= SMALL_SHARD_BYTES_MAX) {
      this.#held.push(Buffer.from(data));
      this.#heldBytes += data.length;
      return;
    }
    if (this.#file === null) {
      this.#file = await this.#files.create(this.#name, this.#attributes);
      if (this.#heldBytes > 0) await this.#file.append(Buffer.concat(this.#held));
      this.#held.length = 0;
    }
    await this.#file.append(data);
  }

  async commit(): Promise<void> {
    this.#assertOpen();
    this.#isOver = true;
    const file = this.#file;
    if (file === null) {
      const data = Buffer.concat(this.#held);
      const shard = { attributes: this.#attributes, sizeBytes: data.length, generation: null };
      await this.#commit(shard, data, () => undefined);
      return;
    }
    try {
      const shard = await file.finish();
      await this.#commit(shard, null, () => file.named());
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#file?.discard();
  }

  #assertOpen(): void {
    if (this.#isOver) throw new Error('the shard is committed or aborted already');
  }
}
