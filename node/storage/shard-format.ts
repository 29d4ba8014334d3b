// Bytes of a shard in a file of its own: a sealed header that says which shard this is (so that it can be found without the
// index), the data, and a sealed list of checksums, one for every block of the data. The checksums cover the identity too,
// so that data written to the wrong place is never taken for what belongs there.
import { crc32 } from 'node:zlib';
import { bytes, format, hex, list, u8, u32, u53 } from '../format/codec.ts';
import type { ShardName } from './drive-store.ts';
import { SEAL_HEADER_BYTES, seal, unseal } from './sealed.ts';

const HEADER_MAGIC = 'ASHLRSHD';
const FOOTER_MAGIC = 'ASHLREND';

/** So much is read and verified together. */
export const SHARD_BLOCK_BYTES = 64 * 2 ** 10;
/** The data starts at a multiple of this, so that it can be read past the page cache. */
const HEADER_ALIGN_BYTES = 4096;
/** Of a block, in the footer. */
const CRC_BYTES = 4;

export const SHARD_FILE_HEADER = format('shard file header', 1, {
  blobId: [hex(16), 'the blob'],
  position: [u8, 'which of its shards'],
  generation: [hex(8), 'as in the file name and in the index'],
  blockBytes: [u32, 'length of the blocks that the checksums are for; the last one may be shorter'],
  attributes: [bytes, "the creator's own bytes"],
});

export const SHARD_FILE_FOOTER = format('shard file footer', 1, {
  sizeBytes: [u53, 'length of the data'],
  blockCrcs: [list(u32), 'CRC-32 of blob id, position, generation, block number (u32) and the block'],
});

export interface ShardFileHeader extends ShardName {
  readonly generation: string;
  readonly blockBytes: number;
  readonly attributes: Uint8Array;
}

export interface ShardFileFooter {
  readonly sizeBytes: number;
  readonly blockCrcs: readonly number[];
}

/** Padded with zeros up to where the data starts. */
export function encodeShardHeader(header: ShardFileHeader): Buffer {
  const sealed = seal(HEADER_MAGIC, SHARD_FILE_HEADER.encode(header));
  return Buffer.concat([sealed], shardDataStart(header.attributes.length));
}

/** Throws FormatError. */
export const decodeShardHeader = (input: Buffer): ShardFileHeader =>
  SHARD_FILE_HEADER.decode(unseal(HEADER_MAGIC, input));

export function encodeShardFooter({ sizeBytes, blockCrcs }: ShardFileFooter): Buffer {
  return seal(FOOTER_MAGIC, SHARD_FILE_FOOTER.encode({ sizeBytes, blockCrcs: [...blockCrcs] }));
}

/** Throws FormatError. */
export const decodeShardFooter = (input: Buffer): ShardFileFooter =>
  SHARD_FILE_FOOTER.decode(unseal(FOOTER_MAGIC, input));

/** Where the data starts in a file with so many bytes of attributes. */
export function shardDataStart(attributeBytes: number): number {
  const headerBytes = SEAL_HEADER_BYTES + 1 + 16 + 1 + 8 + 4 + 4 + attributeBytes;
  return Math.ceil(headerBytes / HEADER_ALIGN_BYTES) * HEADER_ALIGN_BYTES;
}

/** With the longest attributes. */
export const SHARD_HEADER_BYTES_MAX = shardDataStart(64 * 2 ** 10);

/** Length of the data of a file that has so many bytes from the start of the data on: data, then the footer. */
export function shardSizeBytes(dataAndFooterBytes: number): number {
  const dataAndCrcs = dataAndFooterBytes - (SEAL_HEADER_BYTES + 1 + 8 + 4);
  return dataAndCrcs - CRC_BYTES * Math.ceil(dataAndCrcs / (SHARD_BLOCK_BYTES + CRC_BYTES));
}

/** What the checksum of this block starts from. */
export function blockSalt(name: ShardName, generation: string, block: number): number {
  const prefix = Buffer.alloc(29);
  prefix.write(name.blobId, 'hex');
  prefix.writeUInt8(name.position, 16);
  prefix.write(generation, 17, 'hex');
  prefix.writeUInt32LE(block, 25);
  return crc32(prefix);
}

/** Checksums of data that comes in pieces of any size. */
export class BlockSums {
  readonly #name: ShardName;
  readonly #generation: string;
  readonly #done: number[] = [];
  #current = 0;
  #filledBytes = 0;

  constructor(name: ShardName, generation: string) {
    this.#name = name;
    this.#generation = generation;
  }

  add(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      if (this.#filledBytes === 0) this.#current = blockSalt(this.#name, this.#generation, this.#done.length);
      const piece = data.subarray(at, at + SHARD_BLOCK_BYTES - this.#filledBytes);
      this.#current = crc32(piece, this.#current);
      this.#filledBytes += piece.length;
      at += piece.length;
      if (this.#filledBytes === SHARD_BLOCK_BYTES) this.#close();
    }
  }

  finish(): number[] {
    if (this.#filledBytes > 0) this.#close();
    return this.#done;
  }

  #close(): void {
    this.#done.push(this.#current);
    this.#filledBytes = 0;
  }
}
