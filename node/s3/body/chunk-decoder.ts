// Takes aws-chunked apart: "SIZE[;chunk-signature=…]\r\n DATA \r\n" …, a chunk of size 0, then trailers. Synchronous; memory is
// bounded whatever the client sends: a chunk that is not too long is held back until its signature is verified, a longer one
// is handed on as it comes and its signature verified at its end, which is before the body's.
// Chunks under 8 KiB, which S3 refuses, are accepted: several SDKs send whatever pieces their input stream gave them.
import { S3Error } from '../errors.ts';
import type { ChunkSignatures } from './chunk-signatures.ts';

/** Longer signed chunks are handed on before their signature is known. Clients send 64 KiB, or 128. */
export const HELD_CHUNK_BYTES_MAX = 256 * 1024;
const SIZE_LINE_BYTES_MAX = 256;
const TRAILER_BYTES_MAX = 4096;
const NEW_LINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

type State = 'size-line' | 'data' | 'after-data' | 'trailer';

export class ChunkDecoder {
  readonly #signatures: ChunkSignatures | null;
  readonly #sizeBytes: number;
  #state: State = 'size-line';
  #line = '';
  #decodedBytes = 0;
  #chunkLeftBytes = 0;
  #chunkSignature = '';
  #holding = false;
  #held: Uint8Array[] = [];

  /** signatures: null when chunks are not signed. sizeBytes: of the decoded body, as declared. */
  constructor(signatures: ChunkSignatures | null, sizeBytes: number) {
    this.#signatures = signatures;
    this.#sizeBytes = sizeBytes;
  }

  /** The data that may be handed on now: views into the piece and into earlier ones. Throws S3Error. */
  push(piece: Uint8Array): Uint8Array[] {
    const ready: Uint8Array[] = [];
    let at = 0;
    while (at < piece.length) {
      switch (this.#state) {
        case 'size-line':
          at = this.#readLine(piece, at, SIZE_LINE_BYTES_MAX, (line) => this.#startChunk(line));
          break;
        case 'data':
          at = this.#readData(piece, at, ready);
          break;
        case 'after-data':
          at = this.#readLine(piece, at, 2, (line) => this.#endSeparator(line));
          break;
        case 'trailer':
          this.#line += textOf(piece, at, piece.length);
          if (this.#line.length > TRAILER_BYTES_MAX) throw new S3Error('MalformedTrailerError');
          at = piece.length;
          break;
      }
    }
    return ready;
  }

  /** The input has ended: trailers by lower-case name. Throws S3Error when the body had not, or a signature is wrong. */
  end(): ReadonlyMap<string, string> {
    if (this.#state !== 'trailer') throw brokenOff();
    if (this.#decodedBytes !== this.#sizeBytes) throw wrongLength(this.#sizeBytes, this.#decodedBytes);
    const trailers = new Map<string, string>();
    let lines = '';
    let signature: string | null = null;
    for (const line of this.#line.split('\n')) {
      const text = line.trim();
      if (text === '') continue;
      const colon = text.indexOf(':');
      const name = text.slice(0, colon).trimEnd().toLowerCase();
      const value = text.slice(colon + 1).trimStart();
      if (colon < 1 || signature !== null || trailers.has(name)) throw new S3Error('MalformedTrailerError');
      if (name === 'x-amz-trailer-signature') {
        signature = value;
      } else {
        trailers.set(name, value);
        lines += `${name}:${value}\n`;
      }
    }
    if (this.#signatures === null) return trailers;
    if (signature !== null) this.#signatures.endTrailer(lines, signature);
    else if (trailers.size > 0) throw new S3Error('MalformedTrailerError');
    return trailers;
  }

  #startChunk(line: string): void {
    const match = /^([0-9a-fA-F]{1,13})(?:;(.*))?$/.exec(line);
    if (match === null) throw brokenOff();
    const chunkBytes = Number.parseInt(match[1]!, 16);
    if (this.#signatures !== null) {
      const signature = /^chunk-signature=([0-9a-f]{64})$/.exec(match[2] ?? '');
      if (signature === null) throw brokenOff();
      this.#chunkSignature = signature[1]!;
    }
    this.#decodedBytes += chunkBytes;
    if (this.#decodedBytes > this.#sizeBytes) throw wrongLength(this.#sizeBytes, this.#decodedBytes);
    this.#chunkLeftBytes = chunkBytes;
    this.#holding = this.#signatures !== null && chunkBytes <= HELD_CHUNK_BYTES_MAX;
    this.#state = chunkBytes === 0 ? 'trailer' : 'data';
    if (chunkBytes === 0) this.#signatures?.endChunk(this.#chunkSignature);
  }

  #readData(piece: Uint8Array, start: number, ready: Uint8Array[]): number {
    const end = Math.min(piece.length, start + this.#chunkLeftBytes);
    const data = piece.subarray(start, end);
    this.#chunkLeftBytes -= data.length;
    this.#signatures?.update(data);
    if (this.#holding) this.#held.push(data);
    else ready.push(data);
    if (this.#chunkLeftBytes > 0) return end;
    this.#signatures?.endChunk(this.#chunkSignature);
    for (const held of this.#held) ready.push(held);
    this.#held = [];
    this.#state = 'after-data';
    return end;
  }

  #endSeparator(line: string): void {
    if (line !== '') throw brokenOff();
    this.#state = 'size-line';
  }

  /** Collects a line, without its CRLF, over as many pieces as it takes; gives where in the piece to go on. */
  #readLine(piece: Uint8Array, start: number, maxBytes: number, then: (line: string) => void): number {
    const newLine = piece.indexOf(NEW_LINE, start);
    const end = newLine < 0 ? piece.length : newLine + 1;
    if (this.#line.length + end - start > maxBytes) throw brokenOff();
    this.#line += textOf(piece, start, end);
    if (newLine < 0) return end;
    const line = this.#line;
    this.#line = '';
    if (line.charCodeAt(line.length - 2) !== CARRIAGE_RETURN) throw brokenOff();
    then(line.slice(0, -2));
    return end;
  }
}

export function wrongLength(expectedBytes: number, providedBytes: number): S3Error {
  return new S3Error('IncompleteBody', undefined, {
    NumberBytesExpected: String(expectedBytes),
    NumberBytesProvided: String(providedBytes),
  });
}

/** What S3 says to a body that ends within a chunk, and to one whose framing is no framing. */
function brokenOff(): S3Error {
  return new S3Error('IncompleteBody', 'The request body terminated unexpectedly');
}

function textOf(piece: Uint8Array, start: number, end: number): string {
  return Buffer.from(piece.buffer, piece.byteOffset + start, end - start).toString('latin1');
}
