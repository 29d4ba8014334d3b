// What a multipart object's tag and checksum are, from those of its parts:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
import { hash } from 'node:crypto';
import {
  type ChecksumAlgorithm,
  type ChecksumType,
  checksumBytes,
  createDigest,
  decodeBase64,
  requireCombination,
} from './checksums.ts';
import { CRC_KINDS, combineCrcs } from './crc.ts';

/** What one part contributes to the whole object's checksum. */
export interface PartChecksum {
  readonly sizeBytes: number;
  /** base64, as sent */
  readonly checksum: string;
}

/**
 * The object's checksum from its parts', as base64, with "-N" for a composite. Throws S3Error('InvalidRequest') when the
 * algorithm has no such type, and RangeError when a part's checksum is no checksum of the algorithm.
 */
export function combineChecksums(
  parts: readonly PartChecksum[],
  type: ChecksumType,
  algorithm: ChecksumAlgorithm,
): string {
  requireCombination(algorithm, type);
  const values = parts.map(({ checksum }) => {
    const value = decodeBase64(checksum, checksumBytes(algorithm));
    if (value === null) throw new RangeError(`"${checksum}" is no ${algorithm} checksum`);
    return value;
  });
  if (type === 'COMPOSITE') {
    const digest = createDigest(algorithm);
    for (const value of values) digest.update(value);
    return `${digest.digest().toString('base64')}-${parts.length}`;
  }
  const kind = CRC_KINDS[algorithm as keyof typeof CRC_KINDS];
  const joined = combineCrcs(
    kind,
    values.map((value, i) => ({ sizeBytes: parts[i]!.sizeBytes, crc: BigInt(`0x${value.toString('hex')}`) })),
  );
  return Buffer.from(joined.toString(16).padStart(kind.bits / 4, '0'), 'hex').toString('base64');
}

/** The tag of a multipart object: the MD5 of its parts' MD5s, and their number. Without quotes. */
export function multipartEtag(partEtags: readonly string[]): string {
  return `${hash('md5', Buffer.from(partEtags.join(''), 'hex'), 'hex')}-${partEtags.length}`;
}
