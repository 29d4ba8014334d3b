// Frames on a byte stream: bytes in, whole verified frames out, and the other way round. Pure, synchronous, and careful with
// copies: a frame that lies within one chunk is a view of it, a longer one is filled into its own memory as it comes.
import { crc32 } from 'node:zlib';
import { FormatError } from '../format/codec.ts';
import { FRAME_HEADER_BYTES } from '../format/peer-formats.ts';

export class FrameParser {
  /** Frames longer than this are refused before memory is taken for them. */
  limitBytes: number;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #crc = 0;
  #frame: Buffer | null = null;
  #frameFilled = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /**
   * Takes a chunk, which must not change afterwards, and calls back for every frame that it completes. Throws FormatError
   * when the stream is no sequence of frames within the limit; then nothing that follows can be trusted.
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length)
      at = this.#frame === null ? this.#begin(chunk, at, onFrame) : this.#fill(chunk, at, onFrame);
  }

  #begin(chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    let header = chunk;
    let headerAt = at;
    let bodyAt = at + FRAME_HEADER_BYTES;
    if (this.#headerFilled > 0 || bodyAt > chunk.length) {
      bodyAt = Math.min(chunk.length, at + FRAME_HEADER_BYTES - this.#headerFilled);
      chunk.copy(this.#header, this.#headerFilled, at, bodyAt);
      this.#headerFilled += bodyAt - at;
      if (this.#headerFilled < FRAME_HEADER_BYTES) return bodyAt;
      this.#headerFilled = 0;
      header = this.#header;
      headerAt = 0;
    }
    const lengthBytes = header.readUInt32LE(headerAt);
    this.#crc = header.readUInt32LE(headerAt + 4);
    if (lengthBytes > this.limitBytes) {
      throw new FormatError(`a frame of ${lengthBytes} bytes where ${this.limitBytes} are allowed`);
    }
    const end = bodyAt + lengthBytes;
    if (end <= chunk.length) {
      this.#deliver(chunk.subarray(bodyAt, end), onFrame);
      return end;
    }
    this.#frame = Buffer.allocUnsafeSlow(lengthBytes);
    this.#frameFilled = 0;
    return bodyAt;
  }

  #fill(chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const frame = this.#frame!;
    const end = Math.min(chunk.length, at + frame.length - this.#frameFilled);
    chunk.copy(frame, this.#frameFilled, at, end);
    this.#frameFilled += end - at;
    if (this.#frameFilled === frame.length) {
      this.#frame = null;
      this.#deliver(frame, onFrame);
    }
    return end;
  }

  #deliver(frame: Buffer, onFrame: (frame: Buffer) => void): void {
    const found = crc32(frame);
    if (found !== this.#crc) throw new FormatError(`a frame has CRC ${found} and was sent with ${this.#crc}`);
    onFrame(frame);
  }
}

/** Frames up to this size are copied together, so that many of them are one write; pieces of larger ones go by reference. */
const COPY_MAX_BYTES = 4096;
const SLAB_BYTES = 65_536;

/** Collects frames for the next write. */
export class FrameBatch {
  /** None before the first frame: a stranger who only connects costs nothing. */
  #slab = Buffer.alloc(0);
  #runStart = 0;
  #runEnd = 0;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Adds the pieces as one frame. Large pieces are kept as they are and must not change. */
  add(pieces: readonly Uint8Array[], lengthBytes: number): void {
    this.#sizeBytes += FRAME_HEADER_BYTES + lengthBytes;
    const isCopied = lengthBytes <= COPY_MAX_BYTES;
    const headerAt = this.#reserve(FRAME_HEADER_BYTES + (isCopied ? lengthBytes : 0));
    let crc = 0;
    if (isCopied) {
      let at = headerAt + FRAME_HEADER_BYTES;
      for (const piece of pieces) {
        this.#slab.set(piece, at);
        at += piece.length;
      }
      crc = crc32(this.#slab.subarray(headerAt + FRAME_HEADER_BYTES, at));
    } else {
      for (const piece of pieces) crc = crc32(piece, crc);
    }
    this.#slab.writeUInt32LE(lengthBytes, headerAt);
    this.#slab.writeUInt32LE(crc, headerAt + 4);
    if (!isCopied) {
      this.#endRun();
      for (const piece of pieces) this.#chunks.push(piece);
    }
  }

  /** What was added since the last call, in order. */
  take(): Uint8Array[] {
    this.#endRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#sizeBytes = 0;
    return chunks;
  }

  /** What has been written to a slab is never written again: a socket may still be reading it. */
  #reserve(lengthBytes: number): number {
    if (this.#runEnd + lengthBytes > this.#slab.length) {
      this.#endRun();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#runStart = 0;
      this.#runEnd = 0;
    }
    const at = this.#runEnd;
    this.#runEnd += lengthBytes;
    return at;
  }

  #endRun(): void {
    if (this.#runEnd > this.#runStart) this.#chunks.push(this.#slab.subarray(this.#runStart, this.#runEnd));
    this.#runStart = this.#runEnd;
  }
}

export function lengthOf(pieces: readonly Uint8Array[]): number {
  let lengthBytes = 0;
  for (const piece of pieces) lengthBytes += piece.length;
  return lengthBytes;
}
