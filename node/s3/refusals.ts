// Headers that ask for what Ashlar does not do. Each is refused by name: accepting one and ignoring it would let a client
// believe that its data is encrypted, locked, tagged or public when it is not.
import type { HeaderList } from './auth/request.ts';
import { S3Error, type S3ErrorCode } from './errors.ts';
import { OWNER_ID } from './owner.ts';

export interface Refusal {
  readonly header: string;
  /** Values that change nothing and are therefore accepted. */
  readonly accepted: readonly string[];
  readonly code: S3ErrorCode;
  /** Completes the sentence "…"; null for the code's own message. */
  readonly message: string | null;
}

const notImplemented = (header: string, what: string, accepted: readonly string[] = []): Refusal => ({
  header,
  accepted,
  code: 'NotImplemented',
  message: `A header you provided implies functionality that is not implemented: ${what}.`,
});

const aclNotSupported = (header: string, accepted: readonly string[] = []): Refusal => ({
  header,
  accepted,
  code: 'AccessControlListNotSupported',
  message: null,
});

const noObjectLock = (header: string): Refusal => ({
  header,
  accepted: [],
  code: 'InvalidRequest',
  message: 'Bucket is missing Object Lock Configuration',
});

const ENCRYPTION = 'server-side encryption';

export const REFUSALS: readonly Refusal[] = [
  notImplemented('x-amz-server-side-encryption', ENCRYPTION),
  notImplemented('x-amz-server-side-encryption-aws-kms-key-id', ENCRYPTION),
  notImplemented('x-amz-server-side-encryption-context', ENCRYPTION),
  notImplemented('x-amz-server-side-encryption-bucket-key-enabled', ENCRYPTION, ['false']),
  notImplemented('x-amz-server-side-encryption-customer-algorithm', ENCRYPTION),
  notImplemented('x-amz-server-side-encryption-customer-key', ENCRYPTION),
  notImplemented('x-amz-server-side-encryption-customer-key-md5', ENCRYPTION),
  notImplemented('x-amz-copy-source-server-side-encryption-customer-algorithm', ENCRYPTION),
  notImplemented('x-amz-copy-source-server-side-encryption-customer-key', ENCRYPTION),
  notImplemented('x-amz-copy-source-server-side-encryption-customer-key-md5', ENCRYPTION),
  notImplemented('x-amz-tagging', 'object tags'),
  notImplemented('x-amz-tagging-directive', 'object tags', ['COPY']),
  notImplemented('x-amz-website-redirect-location', 'website redirects'),
  notImplemented('x-amz-write-offset-bytes', 'appending to objects'),
  notImplemented('x-amz-rename-source', 'renaming objects'),
  notImplemented('x-amz-bucket-object-lock-enabled', 'object lock', ['false', 'False']),
  notImplemented('x-amz-object-ownership', 'object ownership other than BucketOwnerEnforced', ['BucketOwnerEnforced']),
  noObjectLock('x-amz-object-lock-mode'),
  noObjectLock('x-amz-object-lock-retain-until-date'),
  noObjectLock('x-amz-object-lock-legal-hold'),
  // With one owner, these three canned ACLs say what is true anyway.
  aclNotSupported('x-amz-acl', ['private', 'bucket-owner-full-control', 'bucket-owner-read']),
  aclNotSupported('x-amz-grant-full-control'),
  aclNotSupported('x-amz-grant-read'),
  aclNotSupported('x-amz-grant-read-acp'),
  aclNotSupported('x-amz-grant-write'),
  aclNotSupported('x-amz-grant-write-acp'),
  { header: 'x-amz-storage-class', accepted: ['STANDARD'], code: 'InvalidStorageClass', message: null },
  { header: 'x-amz-expected-bucket-owner', accepted: [OWNER_ID], code: 'AccessDenied', message: null },
  { header: 'x-amz-source-expected-bucket-owner', accepted: [OWNER_ID], code: 'AccessDenied', message: null },
];

const BY_HEADER: ReadonlyMap<string, Refusal> = new Map(REFUSALS.map((refusal) => [refusal.header, refusal]));

/** Throws the S3Error of the first header that asks for what we do not do. */
export function refuseUnsupported(headers: HeaderList): void {
  for (const name of headers.names()) {
    const refusal = BY_HEADER.get(name);
    if (refusal === undefined) continue;
    const value = headers.get(name)!;
    if (refusal.accepted.includes(value)) continue;
    throw new S3Error(refusal.code, refusal.message ?? undefined, { Header: name });
  }
}
