// What the index and the memtable say about one key: where its data is. In the index every entry carries a checksum that
// covers its key too, because the pages of the index have none.
import { crc32 } from 'node:zlib';
import { bytes, FormatError, format, optional, struct, u32, u53 } from '../format/codec.ts';
import { CorruptionError } from './drive-store.ts';
import { SHARD_FILE, type ShardFile } from './log-format.ts';

export const POINTER = struct('pointer', {
  file: [u53, 'number of the log file or segment'],
  offset: [u53, 'where in the file the data starts'],
  lengthBytes: [u32, 'length of the data'],
  crc: [u32, 'CRC-32 of the key and the data'],
});

/** Data in a log file or segment. */
export interface Pointer {
  readonly file: number;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly crc: number;
}

export const INDEX_ENTRY = format('index entry', 1, {
  head: [optional(bytes), "a shard's attributes, a value's head"],
  inline: [optional(bytes), 'the data itself, when it is short'],
  pointer: [optional(POINTER), 'where the data is, when it is longer'],
  file: [optional(SHARD_FILE), 'which file the data is in, when it is a long shard'],
});

/** Exactly one of inline, pointer and file says where the data is. */
export interface Entry {
  readonly head: Uint8Array | null;
  readonly inline: Uint8Array | null;
  readonly pointer: Pointer | null;
  readonly file: ShardFile | null;
}

const CRC_BYTES = 4;

export function encodeEntry(key: string, entry: Entry): Buffer {
  const pieces = INDEX_ENTRY.pieces(entry);
  const crc = Buffer.alloc(CRC_BYTES);
  crc.writeUInt32LE(pieces.reduce((sum, piece) => crc32(piece, sum), keyCrc(key)));
  return Buffer.concat([crc, ...pieces]);
}

/** The checksum that an encoded entry carries; 0 for one that is too short to be one. */
export function entryCrc(value: Buffer): number {
  return value.length < CRC_BYTES ? 0 : value.readUInt32LE(0);
}

/** Throws CorruptionError. */
export function decodeEntry(key: string, value: Buffer, driveName: string): Entry {
  const damage = (reason: string) => new CorruptionError(`${driveName}: index entry ${printableKey(key)}: ${reason}`);
  if (value.length < CRC_BYTES) throw damage('too short');
  const encoded = value.subarray(CRC_BYTES);
  if (crc32(encoded, keyCrc(key)) !== value.readUInt32LE(0)) throw damage('checksum does not match');
  try {
    return INDEX_ENTRY.decode(encoded);
  } catch (error) {
    if (error instanceof FormatError) throw damage(error.message);
    throw error;
  }
}

/** What the checksum of anything stored under this key starts from. */
export function keyCrc(key: string): number {
  return crc32(Buffer.from(key, 'latin1'));
}

export function entrySizeBytes(entry: Entry): number {
  return entry.inline?.length ?? entry.pointer?.lengthBytes ?? entry.file?.sizeBytes ?? 0;
}

/** Keys are bytes; messages are for people. */
export function printableKey(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key);
}
