// The checksum that accompanies every block of a shard from the coordinator that wrote it to the coordinator that reads it.
// It covers which block of which blob it is, so that intact bytes in the wrong place are noticed too.
import { crc32 } from 'node:zlib';
import { SEAL_BYTES } from '../core/stripes.ts';

export interface BlockName {
  /** 32 hexadecimal digits. */
  readonly blobId: string;
  readonly position: number;
  readonly stripe: number;
}

/** Writes the checksum into the last SEAL_BYTES of the sealed block; the block's bytes are before it. */
export function sealBlock(name: BlockName, sealed: Buffer): void {
  sealed.writeUInt32LE(checksum(name, sealed), sealed.length - SEAL_BYTES);
}

/** The block's bytes, a view; null when they are not the ones that were sealed under this name. */
export function openBlock(name: BlockName, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < SEAL_BYTES) return null;
  const view = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (view.readUInt32LE(view.length - SEAL_BYTES) !== checksum(name, view)) return null;
  return view.subarray(0, view.length - SEAL_BYTES);
}

/** Whether these are whole sealed blocks of one shard, one after the other from the first stripe on. */
export function isSealedShard(name: Omit<BlockName, 'stripe'>, blockBytes: number, shard: Uint8Array): boolean {
  const sealedBytes = blockBytes + SEAL_BYTES;
  for (let stripe = 0; stripe * sealedBytes < shard.length; stripe++) {
    const sealed = shard.subarray(stripe * sealedBytes, (stripe + 1) * sealedBytes);
    if (openBlock({ ...name, stripe }, sealed) === null) return false;
  }
  return shard.length > 0;
}

/** CRC-32 (ISO-HDLC) over blob id, position, stripe (u32, little-endian) and the block. */
function checksum({ blobId, position, stripe }: BlockName, sealed: Buffer): number {
  const name = Buffer.allocUnsafe(21);
  name.write(blobId, 0, 'hex');
  name.writeUInt8(position, 16);
  name.writeUInt32LE(stripe, 17);
  return crc32(sealed.subarray(0, sealed.length - SEAL_BYTES), crc32(name));
}
