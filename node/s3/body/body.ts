// From the bytes of a request to the Body that the store takes: undoes aws-chunked, computes the digests as the bytes pass,
// and gives no tag unless everything is as the client said. Never holds more than one held-back chunk in memory.
import type { Body, BodyDigest } from '../../cluster/object-store.ts';
import type { PayloadRule } from '../auth/authentication.ts';
import type { HeaderList } from '../auth/request.ts';
import { S3Error } from '../errors.ts';
import { type ChecksumAlgorithm, checksumBytes, createDigest, type Digest, decodeBase64 } from './checksums.ts';
import { ChunkDecoder, wrongLength } from './chunk-decoder.ts';
import { ChunkSignatures } from './chunk-signatures.ts';
import { type BodyOptions, type DeclaredBody, declaredBody } from './declared-body.ts';

export type { BodyOptions };

/**
 * Checks the headers at once (throws S3Error: MissingContentLength, InvalidDigest, InvalidRequest, …); the bytes are checked
 * while they are read and at seal(). source: see requestSource.
 */
export function openBody(
  source: AsyncIterable<Uint8Array>,
  headers: HeaderList,
  payload: PayloadRule,
  options: BodyOptions = {},
): Body {
  return new CheckedBody(source, declaredBody(headers, payload, options), payload, options.computeChecksum ?? null);
}

/** A whole small body (XML documents), checked and sealed. Throws S3Error('MaxMessageLengthExceeded') past maxSizeBytes. */
export async function readBody(body: Body, maxSizeBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  const requireFit = (bytes: number) => {
    if (bytes <= maxSizeBytes) return;
    throw new S3Error('MaxMessageLengthExceeded', undefined, { MaxMessageLengthBytes: String(maxSizeBytes) });
  };
  requireFit(body.sizeBytes ?? 0);
  for await (const piece of body.stream) {
    sizeBytes += piece.length;
    requireFit(sizeBytes);
    pieces.push(piece);
  }
  body.seal();
  return Buffer.concat(pieces);
}

class CheckedBody implements Body {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  readonly #declared: DeclaredBody;
  readonly #payload: PayloadRule;
  readonly #algorithm: ChecksumAlgorithm | null;
  readonly #digests: ReadonlyMap<string, Digest>;
  #trailers: ReadonlyMap<string, string> = new Map();
  #ended = false;

  constructor(
    source: AsyncIterable<Uint8Array>,
    declared: DeclaredBody,
    payload: PayloadRule,
    computeChecksum: ChecksumAlgorithm | null,
  ) {
    this.sizeBytes = declared.sizeBytes;
    this.#declared = declared;
    this.#payload = payload;
    this.#algorithm = declared.checksum?.algorithm ?? computeChecksum;
    this.#digests = digestsFor(payload, this.#algorithm);
    this.stream = this.#read(source);
  }

  seal(): BodyDigest {
    if (!this.#ended) throw new Error('a body is sealed after its last byte has been read, not before');
    const computed = new Map<string, Buffer>();
    for (const [name, digest] of this.#digests) computed.set(name, digest.digest());
    this.#checkSha256(computed);
    this.#checkMd5(computed.get('md5')!);
    return { etag: computed.get('md5')!.toString('hex'), checksums: this.#checkChecksum(computed) };
  }

  async *#read(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const decoder = decoderFor(this.#payload, this.sizeBytes);
    const digests = [...this.#digests.values()];
    const wireBytesMax = this.#declared.wireBytes ?? Number.POSITIVE_INFINITY;
    let wireBytes = 0;
    for await (const piece of source) {
      wireBytes += piece.length;
      if (wireBytes > wireBytesMax) throw wrongLength(wireBytesMax, wireBytes);
      for (const data of decoder === null ? [piece] : decoder.push(piece)) {
        for (const digest of digests) digest.update(data);
        yield data;
      }
    }
    if (wireBytes !== (this.#declared.wireBytes ?? wireBytes)) throw wrongLength(wireBytesMax, wireBytes);
    if (decoder !== null) this.#trailers = decoder.end();
    this.#ended = true;
  }

  #checkSha256(computed: ReadonlyMap<string, Buffer>): void {
    if (this.#payload.kind !== 'signed') return;
    const sha256 = computed.get('sha256')!.toString('hex');
    if (sha256 === this.#payload.sha256) return;
    throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
      ClientComputedContentSHA256: this.#payload.sha256,
      S3ComputedContentSHA256: sha256,
    });
  }

  #checkMd5(md5: Buffer): void {
    if (this.#declared.md5 === null || this.#declared.md5.equals(md5)) return;
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
      ExpectedDigest: this.#declared.md5.toString('base64'),
      CalculatedDigest: md5.toString('base64'),
    });
  }

  #checkChecksum(computed: ReadonlyMap<string, Buffer>): Record<string, string> {
    const expected = this.#expectedChecksum();
    if (this.#algorithm === null) return {};
    const checksum = computed.get(this.#algorithm)!.toString('base64');
    if (expected !== null && expected !== checksum) {
      throw new S3Error(
        'BadDigest',
        `The ${this.#algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
      );
    }
    return { [this.#algorithm]: checksum };
  }

  /** From the header, or from the trailer that must then be there, and nothing else with it. */
  #expectedChecksum(): string | null {
    const { checksum } = this.#declared;
    const fromTrailer = checksum?.value === null ? checksum.algorithm : null;
    const value = fromTrailer === null ? undefined : this.#trailers.get(`x-amz-checksum-${fromTrailer}`);
    if (this.#trailers.size !== (fromTrailer === null ? 0 : 1)) throw new S3Error('MalformedTrailerError');
    if (fromTrailer === null) return checksum?.value ?? null;
    if (value === undefined) throw new S3Error('MalformedTrailerError');
    if (decodeBase64(value, checksumBytes(fromTrailer)) === null) {
      throw new S3Error('InvalidRequest', `Value for x-amz-checksum-${fromTrailer} trailing header is invalid.`);
    }
    return value;
  }
}

/** By algorithm, each once: the SHA-256 of a signed payload may be its checksum too. */
function digestsFor(payload: PayloadRule, checksum: ChecksumAlgorithm | null): Map<string, Digest> {
  const digests = new Map<string, Digest>([['md5', createDigest('md5')]]);
  if (payload.kind === 'signed') digests.set('sha256', createDigest('sha256'));
  if (checksum !== null && !digests.has(checksum)) digests.set(checksum, createDigest(checksum));
  return digests;
}

function decoderFor(payload: PayloadRule, sizeBytes: number): ChunkDecoder | null {
  switch (payload.kind) {
    case 'signed':
    case 'unsigned':
      return null;
    case 'chunks-unsigned':
      return new ChunkDecoder(null, sizeBytes);
    case 'chunks-signed':
      return new ChunkDecoder(new ChunkSignatures(payload.signing), sizeBytes);
  }
}
