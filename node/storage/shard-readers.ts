// Reads shard files. Every block is verified before a byte of it is given out, and only the blocks that are needed are read.
import { crc32 } from 'node:zlib';
import { FormatError } from '../format/codec.ts';
import type { Disk, DiskFile } from '../io/disk.ts';
import { CorruptionError, type ShardName } from './drive-store.ts';
import type { Entry } from './entry.ts';
import { shardPath } from './names.ts';
import { OpenFiles } from './open-files.ts';
import { blockSalt, decodeShardFooter, decodeShardHeader, SHARD_BLOCK_BYTES, shardDataStart } from './shard-format.ts';

const OPEN_FILES_MAX = 64;

export class ShardReaders {
  readonly #disk: Disk;
  /** With the checksums of their blocks. */
  readonly #files = new OpenFiles<readonly number[]>(OPEN_FILES_MAX);

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** null: there is no such file. Bytes beyond the end are left out. Rejects with CorruptionError and DiskError. */
  async read(name: ShardName, entry: Entry, offset: number, lengthBytes: number): Promise<Buffer | null> {
    const shard = { name, ...entry.file!, dataStart: shardDataStart(entry.head?.length ?? 0) };
    const path = shardPath(name, shard.generation);
    const end = Math.min(offset + lengthBytes, shard.sizeBytes);
    try {
      return await this.#files.use(
        this.#disk,
        path,
        (file) => readBlockCrcs(file, shard),
        (file, blockCrcs) => readBlocks(file, blockCrcs, shard, offset, end),
      );
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new CorruptionError(`${this.#disk.name}/${path}: ${error.message}`, { cause: error });
    }
  }

  forget(name: ShardName, generation: string): Promise<void> {
    return this.#files.forget(shardPath(name, generation));
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

/** What the index says. */
interface IndexedShard {
  readonly name: ShardName;
  readonly generation: string;
  readonly sizeBytes: number;
  readonly dataStart: number;
}

/** Checks header and footer against the index. */
async function readBlockCrcs(file: DiskFile, shard: IndexedShard): Promise<readonly number[]> {
  const { name, generation, sizeBytes, dataStart } = shard;
  const header = decodeShardHeader(await file.read(0, dataStart));
  const isOurs = header.blobId === name.blobId && header.position === name.position && header.generation === generation;
  if (!isOurs) throw new FormatError('the header names another shard');
  if (header.blockBytes !== SHARD_BLOCK_BYTES) throw new FormatError(`blocks of ${header.blockBytes} bytes`);
  const footerStart = dataStart + sizeBytes;
  const footer = decodeShardFooter(await file.read(footerStart, Math.max(0, (await file.sizeBytes()) - footerStart)));
  if (footer.sizeBytes !== sizeBytes) throw new FormatError('the length is not that of the index');
  return footer.blockCrcs;
}

async function readBlocks(
  file: DiskFile,
  blockCrcs: readonly number[],
  { name, generation, sizeBytes, dataStart }: IndexedShard,
  offset: number,
  end: number,
): Promise<Buffer> {
  if (offset >= end) return Buffer.alloc(0);
  const firstBlock = Math.floor(offset / SHARD_BLOCK_BYTES);
  const start = firstBlock * SHARD_BLOCK_BYTES;
  const readEnd = Math.min(Math.ceil(end / SHARD_BLOCK_BYTES) * SHARD_BLOCK_BYTES, sizeBytes);
  const data = await file.read(dataStart + start, readEnd - start);
  if (data.length !== readEnd - start) throw new FormatError('the file is too short');
  for (let at = 0, block = firstBlock; at < data.length; at += SHARD_BLOCK_BYTES, block++) {
    const crc = crc32(data.subarray(at, at + SHARD_BLOCK_BYTES), blockSalt(name, generation, block));
    if (crc !== blockCrcs[block]) throw new FormatError(`block ${block}: checksum does not match`);
  }
  return data.subarray(offset - start, end - start);
}
