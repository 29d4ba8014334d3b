// The checksums that S3 knows, by their lower-case names.
import type { HeaderList } from '../auth/request.ts';

export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

/** Of a CreateMultipartUpload request (x-amz-checksum-algorithm, x-amz-checksum-type); null when it names none. Throws S3Error('InvalidRequest'). */
export declare function uploadChecksum(
  headers: HeaderList,
): { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | null;

/** What one part contributes to the whole object's checksum. */
export interface PartChecksum {
  readonly sizeBytes: number;
  /** base64, as sent */
  readonly checksum: string;
}

/** The object's checksum from its parts', as base64, with "-N" for a composite. */
export declare function combineChecksums(
  parts: readonly PartChecksum[],
  type: ChecksumType,
  algorithm: ChecksumAlgorithm,
): string;

/** The tag of a multipart object: the MD5 of its parts' MD5s, and their number. Without quotes. */
export declare function multipartEtag(partEtags: readonly string[]): string;
