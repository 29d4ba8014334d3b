// Writes one shard. Short ones are kept in memory until their end is known, and then go through the log, in the same sync as
// whatever else is being committed; longer ones go to a file of their own.
import { SMALL_SHARD_MAX_BYTES } from '../core/limits.ts';
import type { ShardName, ShardWriter } from './drive-store.ts';
import type { ShardFile } from './log-format.ts';
import type { ShardFiles, ShardFileWriter } from './shard-files.ts';

/** Makes the shard, which is in a file or given here, durable and visible; onVisible is called at that moment. */
export type CommitShard = (file: ShardFile | null, data: Uint8Array | null, onVisible: () => void) => Promise<void>;

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
    if (this.#file === null && this.#heldBytes + data.length <= SMALL_SHARD_MAX_BYTES) {
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
      await this.#commit(null, Buffer.concat(this.#held), () => undefined);
      return;
    }
    try {
      await this.#commit(await file.finish(), null, () => file.named());
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
