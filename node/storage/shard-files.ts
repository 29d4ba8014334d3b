// Shards in files of their own. A file is written under a name that was never used before, made durable with its directory,
// and means nothing until the index names it; files that the index does not name are garbage, and swept.
import type { Disk, DiskFile } from '../io/disk.ts';
import type { Random } from '../io/random.ts';
import type { ShardName } from './drive-store.ts';
import type { Entry } from './entry.ts';
import { listIfThere, removeIfThere } from './files.ts';
import type { DriveHealth } from './health.ts';
import type { ShardFile } from './log-format.ts';
import { parseShardFileName, SHARD_DIRECTORY, shardDirectory, shardPath } from './names.ts';
import { BlockSums, encodeShardFooter, encodeShardHeader, SHARD_BLOCK_BYTES } from './shard-format.ts';
import { ShardReaders } from './shard-readers.ts';
import type { SpaceGuard } from './space.ts';

const GENERATION_BYTES = 8;

export interface ShardFilesOptions {
  readonly disk: Disk;
  readonly random: Random;
  readonly health: DriveHealth;
  readonly space: SpaceGuard;
}

export class ShardFiles {
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #health: DriveHealth;
  readonly #space: SpaceGuard;
  readonly #readers: ShardReaders;
  /** Directories that are durable, or on their way. */
  readonly #directories = new Map<string, Promise<void>>();
  /** Files that the index does not name yet, and that no sweep may touch. */
  readonly #unnamed = new Set<string>();
  #syncs = 0;

  constructor(options: ShardFilesOptions) {
    this.#disk = options.disk;
    this.#random = options.random;
    this.#health = options.health;
    this.#space = options.space;
    this.#readers = new ShardReaders(options.disk);
  }

  get syncs(): number {
    return this.#syncs;
  }

  /** Rejects with DiskError. The writer must end with named or discard. */
  async create(name: ShardName, attributes: Uint8Array): Promise<ShardFileWriter> {
    this.#health.assertWritable();
    const generation = this.#random.bytes(GENERATION_BYTES).toString('hex');
    const path = shardPath(name, generation);
    const header = encodeShardHeader({ ...name, generation, blockBytes: SHARD_BLOCK_BYTES, attributes });
    this.#unnamed.add(path);
    let file: DiskFile | null = null;
    try {
      await this.#space.take(header.length);
      await this.#ensureDirectory(shardDirectory(name.blobId));
      file = await this.#disk.open(path, 'create');
      await file.write(0, [header]);
    } catch (error) {
      await this.#discard(path, file);
      throw this.#health.judge(error);
    }
    return this.#writer(name, generation, path, file, header.length);
  }

  #writer(name: ShardName, generation: string, path: string, file: DiskFile, dataStart: number): ShardFileWriter {
    const sums = new BlockSums(name, generation);
    let sizeBytes = 0;
    let isOpen = true;
    const guarded = async (run: () => Promise<void>) => {
      try {
        this.#health.assertWritable();
        await run();
      } catch (error) {
        throw this.#health.judge(error);
      }
    };
    return {
      append: (data) =>
        guarded(async () => {
          await this.#space.take(data.length);
          await file.write(dataStart + sizeBytes, [data]);
          sums.add(data);
          sizeBytes += data.length;
        }),
      finish: async () => {
        await guarded(async () => {
          await file.write(dataStart + sizeBytes, [encodeShardFooter({ sizeBytes, blockCrcs: sums.finish() })]);
          this.#syncs++;
          await file.sync();
          isOpen = false;
          await file.close();
          await this.#disk.syncDirectory(shardDirectory(name.blobId));
        });
        return { generation, sizeBytes };
      },
      named: () => this.#unnamed.delete(path),
      discard: () => this.#discard(path, isOpen ? file : null),
    };
  }

  /** null: there is no such file. Rejects with CorruptionError and DiskError. */
  read(name: ShardName, entry: Entry, offset: number, lengthBytes: number): Promise<Buffer | null> {
    return this.#readers.read(name, entry, offset, lengthBytes);
  }

  /** Gives the space back. Must come after the index has durably forgotten the file. */
  async remove(name: ShardName, generation: string): Promise<void> {
    const path = shardPath(name, generation);
    await this.#readers.forget(name, generation);
    try {
      await removeIfThere(this.#disk, path);
    } catch (error) {
      throw this.#health.judge(error);
    }
  }

  /** Removes the files that isNamed does not know. Gives their number. */
  async sweep(isNamed: (name: ShardName, generation: string) => boolean, isStopped: () => boolean): Promise<number> {
    let removed = 0;
    for (const directory of await listIfThere(this.#disk, SHARD_DIRECTORY)) {
      for (const fileName of await listIfThere(this.#disk, `${SHARD_DIRECTORY}/${directory}`)) {
        if (isStopped() || this.#health.failure !== null) return removed;
        const parsed = parseShardFileName(fileName);
        if (parsed === null || this.#unnamed.has(shardPath(parsed.name, parsed.generation))) continue;
        if (isNamed(parsed.name, parsed.generation)) continue;
        await this.remove(parsed.name, parsed.generation);
        removed++;
      }
    }
    return removed;
  }

  close(): Promise<void> {
    return this.#readers.close();
  }

  async #discard(path: string, file: DiskFile | null): Promise<void> {
    try {
      await file?.close();
      // After a failure the log may yet turn out to name the file: the next start decides.
      if (this.#health.failure !== null) return;
      await removeIfThere(this.#disk, path);
      this.#unnamed.delete(path);
    } catch (error) {
      this.#health.judge(error);
    }
  }

  #ensureDirectory(directory: string): Promise<void> {
    const known = this.#directories.get(directory);
    if (known !== undefined) return known;
    const made = this.#makeDirectory(directory);
    this.#directories.set(directory, made);
    made.catch(() => this.#directories.delete(directory));
    return made;
  }

  async #makeDirectory(directory: string): Promise<void> {
    await this.#disk.makeDirectory(directory);
    await this.#disk.syncDirectory(SHARD_DIRECTORY);
    await this.#disk.syncDirectory('');
  }
}

export interface ShardFileWriter {
  append(data: Uint8Array): Promise<void>;
  /** Data, checksums and name durable. */
  finish(): Promise<ShardFile>;
  /** The index names the file now. */
  named(): void;
  /** Removes the file. */
  discard(): Promise<void>;
}
