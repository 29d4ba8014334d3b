// The checksums that S3 knows, by their lower-case names: computing them, and what request headers say about them. The rules
// and messages are S3's: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
import { createHash } from 'node:crypto';
import type { HeaderList } from '../auth/request.ts';
import { S3Error } from '../errors.ts';
import { CRC64_OF_NOTHING, crc32, crc32c, crc64nvme } from './crc.ts';

export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

/** Takes bytes piece by piece; digest() ends it. */
export interface Digest {
  update(piece: Uint8Array): void;
  digest(): Buffer;
}

export function createDigest(algorithm: ChecksumAlgorithm | 'md5'): Digest {
  switch (algorithm) {
    case 'md5':
    case 'sha1':
    case 'sha256':
      return createHash(algorithm);
    case 'crc32':
      return crc32Digest(crc32);
    case 'crc32c':
      return crc32Digest(crc32c);
    case 'crc64nvme':
      return crc64Digest();
  }
}

/** Raw length of the value. */
export function checksumBytes(algorithm: ChecksumAlgorithm): number {
  return { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32 }[algorithm];
}

/** The raw value of a base64 text that is exactly one value of that length; else null. */
export function decodeBase64(text: string, lengthBytes: number): Buffer | null {
  const value = Buffer.from(text, 'base64');
  return value.length === lengthBytes && value.toString('base64') === text ? value : null;
}

/** The checksum that a request announces: its value in a header, or (null) in the trailer. */
export interface DeclaredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string | null;
}

/** Throws S3Error('InvalidRequest') for several, for unknown ones, and for a value that cannot be one. */
export function declaredChecksum(headers: HeaderList): DeclaredChecksum | null {
  const declared: DeclaredChecksum[] = [];
  for (const name of headers.names()) {
    if (!name.startsWith('x-amz-checksum-') || NOT_VALUES.has(name)) continue;
    const algorithm = algorithmOfHeader(name);
    if (algorithm === null) {
      throw invalidRequest('The algorithm type you specified in x-amz-checksum- header is invalid.');
    }
    for (const value of headers.all(name)) declared.push({ algorithm, value: value.trim() });
  }
  for (const name of trailerNames(headers)) {
    const algorithm = algorithmOfHeader(name);
    if (algorithm === null) {
      throw invalidRequest('The value specified in the x-amz-trailer header is not supported');
    }
    declared.push({ algorithm, value: null });
  }
  if (declared.length > 1) {
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  }
  const checksum = declared[0] ?? null;
  if (checksum?.value != null && decodeBase64(checksum.value, checksumBytes(checksum.algorithm)) === null) {
    throw invalidRequest(`Value for x-amz-checksum-${checksum.algorithm} header is invalid.`);
  }
  checkSdkAlgorithm(headers, checksum);
  return checksum;
}

/** Of a CreateMultipartUpload request (x-amz-checksum-algorithm, x-amz-checksum-type); null when it names none. Throws S3Error('InvalidRequest'). */
export function uploadChecksum(
  headers: HeaderList,
): { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | null {
  const algorithmText = headers.get('x-amz-checksum-algorithm')?.trim() ?? '';
  const type = headers.get('x-amz-checksum-type')?.trim() ?? '';
  if (type !== '' && type !== 'COMPOSITE' && type !== 'FULL_OBJECT') {
    throw invalidRequest('Value for x-amz-checksum-type header is invalid.');
  }
  if (algorithmText === '') {
    if (type === '') return null;
    throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
  }
  const algorithm = CHECKSUM_ALGORITHMS.find((name) => name.toUpperCase() === algorithmText.toUpperCase());
  if (algorithm === undefined) {
    throw invalidRequest(
      `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${CHECKSUM_ALGORITHMS.map((name) => name.toUpperCase()).join(', ')}]`,
    );
  }
  const chosen = type === '' ? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE') : type;
  requireCombination(algorithm, chosen);
  return { algorithm, type: chosen };
}

/** A CRC can be joined from the parts', a SHA cannot; CRC64NVME is defined for whole objects only. */
export function requireCombination(algorithm: ChecksumAlgorithm, type: ChecksumType): void {
  const possible = type === 'FULL_OBJECT' ? algorithm !== 'sha1' && algorithm !== 'sha256' : algorithm !== 'crc64nvme';
  if (possible) return;
  throw invalidRequest(`The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`);
}

/** Lower-case names that x-amz-trailer announces. */
export function trailerNames(headers: HeaderList): string[] {
  return (headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
}

/** x-amz-checksum-* headers that say something about checksums and are none. */
const NOT_VALUES: ReadonlySet<string> = new Set([
  'x-amz-checksum-algorithm',
  'x-amz-checksum-type',
  'x-amz-checksum-mode',
]);

/** x-amz-sdk-checksum-algorithm is what the SDK's caller asked for; the checksum itself must be there and of that kind. */
function checkSdkAlgorithm(headers: HeaderList, checksum: DeclaredChecksum | null): void {
  const wanted = headers.get('x-amz-sdk-checksum-algorithm')?.trim().toLowerCase();
  if (wanted === undefined || wanted === checksum?.algorithm) return;
  if (checksum === null && CHECKSUM_ALGORITHMS.some((name) => name === wanted)) {
    throw invalidRequest(
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  }
  throw invalidRequest('Value for x-amz-sdk-checksum-algorithm header is invalid.');
}

function algorithmOfHeader(name: string): ChecksumAlgorithm | null {
  return CHECKSUM_ALGORITHMS.find((algorithm) => name === `x-amz-checksum-${algorithm}`) ?? null;
}

function crc32Digest(update: (data: Uint8Array, previous: number) => number): Digest {
  let crc = 0;
  return {
    update: (piece) => {
      crc = update(piece, crc);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc);
      return bytes;
    },
  };
}

function crc64Digest(): Digest {
  let crc = CRC64_OF_NOTHING;
  return {
    update: (piece) => {
      crc = crc64nvme(piece, crc);
    },
    digest: () => {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(crc.high);
      bytes.writeInt32BE(crc.low, 4);
      return bytes;
    },
  };
}

function invalidRequest(message: string): S3Error {
  return new S3Error('InvalidRequest', message);
}
