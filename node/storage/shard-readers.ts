// Open shard files for reading: at most so many, the least recently used closed first. Every block is verified before a
// byte of it is given out, and only the blocks that are needed are read.
import { crc32 } from 'node:zlib';
import { FormatError } from '../format/codec.ts';
import { type Disk, DiskError, type DiskFile } from '../io/disk.ts';
import { CorruptionError, type ShardName } from './drive-store.ts';
import type { ShardMeta } from './log-format.ts';
import { shardPath } from './names.ts';
import { blockSalt, decodeShardFooter, decodeShardHeader, SHARD_BLOCK_BYTES, shardDataStart } from './shard-format.ts';

const OPEN_FILES_MAX = 64;

interface OpenShard {
  readonly file: DiskFile;
  readonly dataStart: number;
  readonly blockCrcs: readonly number[];
  readers: number;
  forgotten: boolean;
}

export class ShardReaders {
  readonly #disk: Disk;
  /** In order of use, the least recent first. */
  readonly #open = new Map<string, Promise<OpenShard>>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** null: there is no such file. Bytes beyond the end are left out. Rejects with CorruptionError and DiskError. */
  async read(name: ShardName, meta: ShardMeta, offset: number, lengthBytes: number): Promise<Buffer | null> {
    const path = shardPath(name, meta.generation!);
    let shard: OpenShard;
    try {
      shard = await this.#acquire(path, name, meta);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'not-found') return null;
      throw error;
    }
    try {
      return await this.#readBlocks(shard, path, name, meta, offset, lengthBytes);
    } finally {
      shard.readers--;
      if (shard.forgotten && shard.readers === 0) await shard.file.close();
    }
  }

  /** Closes the file, now or when its last reader is done. */
  async forget(path: string): Promise<void> {
    const opening = this.#open.get(path);
    if (opening === undefined) return;
    this.#open.delete(path);
    const shard = await opening.catch(() => null);
    if (shard === null) return;
    shard.forgotten = true;
    if (shard.readers === 0) await shard.file.close();
  }

  async close(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.forget(path);
  }

  async #acquire(path: string, name: ShardName, meta: ShardMeta): Promise<OpenShard> {
    const opening = this.#open.get(path) ?? this.#openShard(path, name, meta);
    this.#open.delete(path);
    this.#open.set(path, opening);
    try {
      const shard = await opening;
      // It may have been forgotten, and closed, while we waited.
      if (shard.forgotten) return await this.#acquire(path, name, meta);
      shard.readers++;
      return shard;
    } catch (error) {
      if (this.#open.get(path) === opening) this.#open.delete(path);
      throw error;
    } finally {
      const oldest = this.#open.size > OPEN_FILES_MAX ? this.#open.keys().next().value : undefined;
      if (oldest !== undefined) await this.forget(oldest);
    }
  }

  async #openShard(path: string, name: ShardName, meta: ShardMeta): Promise<OpenShard> {
    const file = await this.#disk.open(path, 'read');
    try {
      const dataStart = shardDataStart(meta.attributes.length);
      const header = decodeShardHeader(await file.read(0, dataStart));
      const isOurs =
        header.blobId === name.blobId && header.position === name.position && header.generation === meta.generation;
      if (!isOurs) throw new FormatError('the header names another shard');
      if (header.blockBytes !== SHARD_BLOCK_BYTES) throw new FormatError(`blocks of ${header.blockBytes} bytes`);
      const footerStart = dataStart + meta.sizeBytes;
      const footer = decodeShardFooter(await file.read(footerStart, (await file.sizeBytes()) - footerStart));
      if (footer.sizeBytes !== meta.sizeBytes) throw new FormatError('the length is not that of the index');
      return { file, dataStart, blockCrcs: footer.blockCrcs, readers: 0, forgotten: false };
    } catch (error) {
      await file.close();
      if (error instanceof FormatError) throw this.#damage(path, error.message);
      throw error;
    }
  }

  async #readBlocks(
    shard: OpenShard,
    path: string,
    name: ShardName,
    meta: ShardMeta,
    offset: number,
    lengthBytes: number,
  ): Promise<Buffer> {
    const end = Math.min(offset + lengthBytes, meta.sizeBytes);
    if (offset >= end) return Buffer.alloc(0);
    const firstBlock = Math.floor(offset / SHARD_BLOCK_BYTES);
    const start = firstBlock * SHARD_BLOCK_BYTES;
    const readEnd = Math.min(Math.ceil(end / SHARD_BLOCK_BYTES) * SHARD_BLOCK_BYTES, meta.sizeBytes);
    const data = await shard.file.read(shard.dataStart + start, readEnd - start);
    if (data.length !== readEnd - start) throw this.#damage(path, 'the file is too short');
    for (let at = 0, block = firstBlock; at < data.length; at += SHARD_BLOCK_BYTES, block++) {
      const crc = crc32(data.subarray(at, at + SHARD_BLOCK_BYTES), blockSalt(name, meta.generation!, block));
      if (crc !== shard.blockCrcs[block]) throw this.#damage(path, `block ${block}: checksum does not match`);
    }
    return data.subarray(offset - start, end - start);
  }

  #damage(path: string, reason: string): CorruptionError {
    return new CorruptionError(`${this.#disk.name}/${path}: ${reason}`);
  }
}
