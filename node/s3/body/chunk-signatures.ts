// The chain of signatures through a signed aws-chunked body: each covers the one before it and its own chunk, the first
// follows the request's signature, and the last one covers the trailer.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
import { createHash } from 'node:crypto';
import type { ChunkSigning } from '../auth/authentication.ts';
import { sameSignature, sha256OfBytes, sign, signatureMismatch, stringToSign } from '../auth/signature.ts';

export class ChunkSignatures {
  readonly #signing: ChunkSigning;
  #previous: string;
  #chunk = createHash('sha256');

  constructor(signing: ChunkSigning) {
    this.#signing = signing;
    this.#previous = signing.seedSignature;
  }

  /** More bytes of the current chunk. */
  update(piece: Uint8Array): void {
    this.#chunk.update(piece);
  }

  /** The current chunk has ended; throws S3Error('SignatureDoesNotMatch') unless the signature is its. */
  endChunk(signature: string): void {
    this.#verify('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, this.#chunk.digest('hex')], signature);
    this.#chunk = createHash('sha256');
  }

  /** lines: "name:value\n" of each trailer, as they came, without the signature's own. */
  endTrailer(lines: string, signature: string): void {
    this.#verify('AWS4-HMAC-SHA256-TRAILER', [sha256OfBytes(lines)], signature);
  }

  #verify(kind: string, hashes: readonly string[], signature: string): void {
    const { accessKeyId, signingKey, timestamp, scope } = this.#signing;
    const text = stringToSign(kind, timestamp, scope, this.#previous, ...hashes);
    if (!sameSignature(sign(signingKey, text), signature)) throw signatureMismatch(accessKeyId, text, signature, null);
    this.#previous = signature;
  }
}

const EMPTY_SHA256 = sha256OfBytes('');
