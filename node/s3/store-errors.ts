// What went wrong, as the client is told: the store's errors in one table, everything unforeseen as InternalError.
import { StoreError, type StoreErrorCode } from '../cluster/object-store.ts';
import type { Address } from './address.ts';
import { type ErrorDetails, S3_ERRORS, S3Error, type S3ErrorCode } from './errors.ts';

interface Mapping {
  readonly code: S3ErrorCode;
  /** Whether the store's own sentence goes to the client: yes where it says more than S3's fixed one. */
  readonly tell: boolean;
}

const FROM_STORE: Readonly<Record<StoreErrorCode, Mapping>> = {
  NoSuchBucket: { code: 'NoSuchBucket', tell: false },
  BucketAlreadyExists: { code: 'BucketAlreadyOwnedByYou', tell: false },
  BucketNotEmpty: { code: 'BucketNotEmpty', tell: false },
  NoSuchKey: { code: 'NoSuchKey', tell: false },
  NoSuchUpload: { code: 'NoSuchUpload', tell: false },
  InvalidPart: { code: 'InvalidPart', tell: false },
  InvalidPartOrder: { code: 'InvalidPartOrder', tell: false },
  EntityTooSmall: { code: 'EntityTooSmall', tell: false },
  PreconditionFailed: { code: 'PreconditionFailed', tell: false },
  Unavailable: { code: 'ServiceUnavailable', tell: true },
  SlowDown: { code: 'SlowDown', tell: true },
  DataLost: { code: 'InternalError', tell: true },
  NoSpace: { code: 'InsufficientStorage', tell: true },
};

/** The S3Error for anything that was thrown; `cause` keeps what it was. */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (!(error instanceof StoreError)) return new S3Error('InternalError', undefined, {}, { cause: error });
  const { code, tell } = FROM_STORE[error.code];
  const message = tell ? `${S3_ERRORS[code].message} (${error.message})` : undefined;
  return new S3Error(code, message, {}, { cause: error });
}

/** What AWS adds to some errors: which bucket, key or upload. */
export function errorDetails(error: S3Error, address: Address): ErrorDetails {
  switch (error.code) {
    case 'NoSuchKey':
      return { Key: address.key, ...error.details };
    case 'NoSuchBucket':
    case 'BucketNotEmpty':
    case 'BucketAlreadyOwnedByYou':
      return { BucketName: address.bucket, ...error.details };
    default:
      return error.details;
  }
}
