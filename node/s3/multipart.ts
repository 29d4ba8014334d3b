// What the multipart operations have in common: which upload and part a request is about.
import type { UploadInfo } from '../cluster/object-store.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from './body/checksums.ts';
import { S3Error } from './errors.ts';
import { checkUploadId, parsePartNumber } from './names.ts';
import type { S3Request } from './request.ts';

/** All parts but the last have at least so much. */
export const PART_BYTES_MIN = 5 * 1024 ** 2;
export const OBJECT_BYTES_MAX = 5 * 1024 ** 4;

/** Throws S3Error('NoSuchUpload'), or 'InvalidArgument' when the request names no upload. */
export function uploadIdOf(request: S3Request): string {
  const uploadId = request.query.get('uploadId');
  if (uploadId === undefined || uploadId === '') throw missing('uploadId');
  return checkUploadId(uploadId);
}

/** Throws S3Error('InvalidArgument'). */
export function partNumberOf(request: S3Request): number {
  const partNumber = request.query.get('partNumber');
  if (partNumber === undefined || partNumber === '') throw missing('partNumber');
  return parsePartNumber(partNumber);
}

/** Which checksum the parts of the upload must have. */
export function algorithmOf(upload: UploadInfo): ChecksumAlgorithm | null {
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === upload.checksumAlgorithm) ?? null;
}

function missing(name: string): S3Error {
  return new S3Error('InvalidArgument', `This operation does not accept a request without ${name}`, {
    ArgumentName: name,
    ArgumentValue: '',
  });
}
