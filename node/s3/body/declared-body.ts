// What the headers of a request say about its body. Pure: the bytes are held against it in body.ts.
import type { PayloadRule } from '../auth/authentication.ts';
import type { HeaderList } from '../auth/request.ts';
import { S3Error } from '../errors.ts';
import {
  type ChecksumAlgorithm,
  type DeclaredChecksum,
  declaredChecksum,
  decodeBase64,
  trailerNames,
} from './checksums.ts';

/** S3's limit for one PUT or part. */
export const BODY_BYTES_MAX = 5 * 1024 ** 3;

export interface DeclaredBody {
  /** Content-Length: of what comes over the wire; null when the transfer is chunked. */
  readonly wireBytes: number | null;
  /** Of the body itself. */
  readonly sizeBytes: number;
  /** Content-MD5, raw. */
  readonly md5: Buffer | null;
  readonly checksum: DeclaredChecksum | null;
}

export interface BodyOptions {
  /**
   * The algorithm that the body's multipart upload was started with: its checksum is computed and returned by seal() even
   * when the client sends none, and one of another algorithm is InvalidRequest.
   */
  readonly computeChecksum?: ChecksumAlgorithm | null;
  /** More bytes than this are EntityTooLarge. Default 5 GiB, S3's limit for one PUT or part. */
  readonly maxSizeBytes?: number;
}

/** Throws S3Error when the headers contradict themselves or leave out what is needed. */
export function declaredBody(headers: HeaderList, payload: PayloadRule, options: BodyOptions): DeclaredBody {
  const chunked = payload.kind === 'chunks-signed' || payload.kind === 'chunks-unsigned';
  const wireBytes = lengthHeader(headers, 'content-length');
  const sizeBytes = chunked ? lengthHeader(headers, 'x-amz-decoded-content-length') : wireBytes;
  // aws-chunked may come in a transfer of unknown length; anything else needs its length said.
  if (sizeBytes === null || (wireBytes === null && !headers.has('transfer-encoding'))) {
    throw new S3Error('MissingContentLength');
  }
  const maxSizeBytes = options.maxSizeBytes ?? BODY_BYTES_MAX;
  if (sizeBytes > maxSizeBytes) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(sizeBytes),
      MaxSizeAllowed: String(maxSizeBytes),
    });
  }
  const hasTrailer = payload.kind === 'chunks-unsigned' || (payload.kind === 'chunks-signed' && payload.trailer);
  if (!hasTrailer && trailerNames(headers).length > 0) {
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-trailer header needs an x-amz-content-sha256 header that announces a trailer',
    );
  }
  const checksum = declaredChecksum(headers);
  const wanted = options.computeChecksum ?? null;
  if (checksum !== null && wanted !== null && checksum.algorithm !== wanted) {
    throw new S3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${wanted}, actual checksum Type: ${checksum.algorithm}`,
    );
  }
  return { wireBytes, sizeBytes, md5: contentMd5(headers), checksum };
}

function lengthHeader(headers: HeaderList, name: string): number | null {
  const text = headers.get(name)?.trim();
  if (text === undefined || text === '') return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new S3Error('InvalidRequest', `Value for ${name} header is invalid.`);
  return value;
}

function contentMd5(headers: HeaderList): Buffer | null {
  const text = headers.get('content-md5')?.trim();
  if (text === undefined) return null;
  const value = decodeBase64(text, 16);
  if (value === null) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.', { 'Content-MD5': text });
  }
  return value;
}
