// Bytes of the log: files of frames, a frame for every group commit, a list of operations in every frame. One write and one
// sync make a frame durable before the next is written, so only the last frame of the last file can be torn. The checksum
// of a frame covers the drive and the file it was written to, so that a frame of another life is never taken for this one.
import { crc32 } from 'node:zlib';
import {
  bytes,
  type Codec,
  FormatError,
  format,
  hex,
  list,
  optional,
  Reader,
  struct,
  u16,
  u32,
  u53,
  Writer,
} from '../format/codec.ts';
import { seal, unseal } from './sealed.ts';

const LOG_MAGIC = 'ASHLRLOG';

export const LOG_FILE_HEADER = format('log file header', 1, {
  driveId: [hex(16), 'the drive whose log this is'],
  number: [u53, 'the number in the file name, so that a renamed file is noticed'],
  firstSequence: [u53, 'sequence number of the first frame of the file, so that a missing file is noticed'],
});

export type LogFileHeader = { driveId: string; number: number; firstSequence: number };

export const encodeLogFileHeader = (header: LogFileHeader): Buffer => seal(LOG_MAGIC, LOG_FILE_HEADER.encode(header));
/** Throws FormatError. */
export const decodeLogFileHeader = (input: Buffer): LogFileHeader => LOG_FILE_HEADER.decode(unseal(LOG_MAGIC, input));
export const LOG_FILE_HEADER_BYTES = encodeLogFileHeader({
  driveId: '0'.repeat(32),
  number: 0,
  firstSequence: 0,
}).length;

/** A key of the index, as bytes. */
export const indexKey: Codec<string> = {
  type: 'key (u16 length, then the bytes)',
  write(writer, value) {
    u16.write(writer, value.length);
    const at = writer.reserve(value.length);
    writer.buffer.write(value, at, 'latin1');
  },
  read(reader) {
    const length = u16.read(reader);
    const at = reader.take(length);
    return reader.buffer.toString('latin1', at, at + length);
  },
};

export const SHARD_FILE = struct('shard file', {
  generation: [hex(8), 'the last part of the name of the file'],
  sizeBytes: [u53, 'length of the shard'],
});

/** A shard that lies in a file of its own. */
export interface ShardFile {
  readonly generation: string;
  readonly sizeBytes: number;
}

export const LOG_OPERATION = struct('log operation', {
  key: [indexKey, 'what is changed'],
  head: [optional(bytes), "kept in the index beside the data: a shard's attributes, a value's head"],
  file: [optional(SHARD_FILE), 'present for a shard in a file of its own'],
  data: [optional(bytes), 'the value, or the data of a small shard; absent together with file for a deletion'],
});

/** file and data both null: a deletion. */
export interface LogOperation {
  readonly key: string;
  readonly head: Uint8Array | null;
  readonly file: ShardFile | null;
  readonly data: Uint8Array | null;
}

const OPERATIONS = list(LOG_OPERATION);

export const FRAME_HEADER = struct('log frame', {
  magic: [u32, '0x46524c41 ("ALRF"), so that whole frames behind a damaged one can be found'],
  bodyBytes: [u32, 'length of the list of operations that follows this header'],
  sequence: [u53, 'one more than that of the frame before'],
  crc: [u32, 'CRC-32 of drive id, file number, the header up to here, and the body'],
});
export const FRAME_HEADER_BYTES = 20;
export const FRAME_MAGIC = 0x46524c41;
/** A longer one is no frame of ours. */
export const FRAME_BODY_BYTES_MAX = 64 * 2 ** 20;

/** What the checksum of every frame of one file starts from. */
export function frameSalt(driveId: string, fileNumber: number): number {
  const prefix = Buffer.alloc(24);
  prefix.write(driveId, 'hex');
  prefix.writeBigUInt64LE(BigInt(fileNumber), 16);
  return crc32(prefix);
}

export interface EncodedFrame {
  readonly pieces: Uint8Array[];
  readonly lengthBytes: number;
  /** For every operation, where its data starts within the frame; -1 without data. */
  readonly dataOffsets: number[];
}

export function encodeFrame(salt: number, sequence: number, operations: readonly LogOperation[]): EncodedFrame {
  const body: Uint8Array[] = [];
  const dataOffsets: number[] = [];
  const count = new Writer();
  u32.write(count, operations.length);
  let bodyBytes = append(body, count);
  for (const operation of operations) {
    const writer = new Writer();
    LOG_OPERATION.write(writer, operation);
    bodyBytes += append(body, writer);
    // The data is the last field.
    dataOffsets.push(operation.data === null ? -1 : FRAME_HEADER_BYTES + bodyBytes - operation.data.length);
  }
  const header = encodeFrameHeader(sequence, bodyBytes, 0);
  let crc = crc32(header.subarray(0, FRAME_HEADER_BYTES - 4), salt);
  for (const piece of body) crc = crc32(piece, crc);
  header.writeUInt32LE(crc, FRAME_HEADER_BYTES - 4);
  return { pieces: [header, ...body], lengthBytes: FRAME_HEADER_BYTES + bodyBytes, dataOffsets };
}

export interface Frame {
  readonly sequence: number;
  readonly lengthBytes: number;
  readonly body: Buffer;
}

/** Length of the whole frame that starts here, as its header says; null when no header of a frame is here. */
export function frameLength(input: Buffer, offset: number): number | null {
  if (input.length - offset < FRAME_HEADER_BYTES || input.readUInt32LE(offset) !== FRAME_MAGIC) return null;
  const bodyBytes = input.readUInt32LE(offset + 4);
  return bodyBytes > FRAME_BODY_BYTES_MAX ? null : FRAME_HEADER_BYTES + bodyBytes;
}

/** The frame that starts at offset, or null when there is none that is whole and right. */
export function decodeFrame(salt: number, input: Buffer, offset: number): Frame | null {
  const lengthBytes = frameLength(input, offset);
  if (lengthBytes === null || lengthBytes > input.length - offset) return null;
  const raw = input.subarray(offset, offset + lengthBytes);
  const body = raw.subarray(FRAME_HEADER_BYTES);
  const crc = crc32(body, crc32(raw.subarray(0, FRAME_HEADER_BYTES - 4), salt));
  if (raw.readUInt32LE(FRAME_HEADER_BYTES - 4) !== crc) return null;
  return { sequence: u53.read(new Reader(raw, 8)), lengthBytes, body };
}

export interface PlacedOperation extends LogOperation {
  /** Where the data starts within the frame; -1 without data. */
  readonly dataOffset: number;
}

/** Throws FormatError. Data are views into the body. */
export function decodeOperations(body: Buffer): PlacedOperation[] {
  const reader = new Reader(body);
  const operations = OPERATIONS.read(reader);
  if (reader.offset !== body.length) throw new FormatError(`${body.length - reader.offset} bytes too many in a frame`);
  return operations.map((operation) => ({
    ...operation,
    dataOffset: operation.data === null ? -1 : operation.data.byteOffset - body.byteOffset + FRAME_HEADER_BYTES,
  }));
}

function encodeFrameHeader(sequence: number, bodyBytes: number, crc: number): Buffer {
  const writer = new Writer();
  FRAME_HEADER.write(writer, { magic: FRAME_MAGIC, bodyBytes, sequence, crc });
  return Buffer.concat(writer.pieces());
}

function append(pieces: Uint8Array[], writer: Writer): number {
  let lengthBytes = 0;
  for (const piece of writer.pieces()) {
    pieces.push(piece);
    lengthBytes += piece.length;
  }
  return lengthBytes;
}
