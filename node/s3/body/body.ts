// From the bytes of a request to the Body that the store takes.
import type { Body } from '../../cluster/object-store.ts';
import type { PayloadRule } from '../auth/authentication.ts';
import type { HeaderList } from '../auth/request.ts';
import type { ChecksumAlgorithm } from './checksums.ts';

export interface BodyOptions {
  /** Computed and returned by seal() even when the client sends no checksum: what the multipart upload was started with. */
  readonly computeChecksum?: ChecksumAlgorithm | null;
  /** More bytes than this are EntityTooLarge. Default 5 GiB, S3's limit for one PUT or part. */
  readonly maxSizeBytes?: number;
}

/**
 * Checks the headers at once (throws S3Error: MissingContentLength, InvalidDigest, InvalidRequest, …); the bytes are checked
 * while they are read and at seal(). source: see requestSource.
 */
export declare function openBody(
  source: AsyncIterable<Uint8Array>,
  headers: HeaderList,
  payload: PayloadRule,
  options?: BodyOptions,
): Body;

/** A whole small body (XML documents), checked and sealed. Throws S3Error('MaxMessageLengthExceeded') past maxSizeBytes. */
export declare function readBody(body: Body, maxSizeBytes: number): Promise<Buffer>;
