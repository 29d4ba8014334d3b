// A sealed block: magic, length and checksum around the encoding of one format. Identity, headers of log and shard files, and
// checkpoints are sealed, so that each says what it is, and a torn, foreign or damaged one is never taken for the real thing.
import { crc32 } from 'node:zlib';
import { FormatError, hex, Reader, struct, u32, Writer } from '../format/codec.ts';

export const SEAL_HEADER = struct('sealed block', {
  magic: [hex(8), 'eight letters that say what the block is'],
  payloadBytes: [u32, 'length of the payload that follows this header'],
  crc: [u32, 'CRC-32 of magic, length and payload'],
});
export const SEAL_HEADER_BYTES = 16;

/** magic: eight ASCII letters. */
export function seal(magic: string, payload: Uint8Array): Buffer {
  const writer = new Writer();
  const crc = crc32(payload, crc32(sealPrefix(magic, payload.length)));
  SEAL_HEADER.write(writer, { magic: magicHex(magic), payloadBytes: payload.length, crc });
  return Buffer.concat([...writer.pieces(), payload]);
}

/** The payload at the start of the input; what follows it is not looked at. Throws FormatError. */
export function unseal(magic: string, input: Buffer): Buffer {
  const reader = new Reader(input);
  const header = SEAL_HEADER.read(reader);
  if (header.magic !== magicHex(magic)) throw new FormatError(`does not start with ${magic}`);
  const start = reader.take(header.payloadBytes);
  const payload = input.subarray(start, start + header.payloadBytes);
  if (crc32(payload, crc32(sealPrefix(magic, payload.length))) !== header.crc) {
    throw new FormatError(`${magic}: checksum does not match`);
  }
  return payload;
}

function magicHex(magic: string): string {
  return Buffer.from(magic, 'latin1').toString('hex');
}

function sealPrefix(magic: string, payloadBytes: number): Buffer {
  const prefix = Buffer.alloc(12);
  prefix.write(magic, 'latin1');
  prefix.writeUInt32LE(payloadBytes, 8);
  return prefix;
}
