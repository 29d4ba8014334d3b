// What x-amz-content-sha256 says about the body.
import { S3Error } from '../errors.ts';
import type { ChunkSigning, PayloadRule } from './authentication.ts';
import type { Claim } from './claim.ts';
import type { HeaderList } from './request.ts';

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** The value that goes into the canonical request. Throws S3Error when it is missing or means nothing. */
export function payloadHash(headers: HeaderList, claim: Claim): string {
  // A presigned URL is made before the body is known, so it leaves the body unsigned unless it says otherwise.
  const presigned = claim.expiresSeconds !== null;
  const inQuery = claim.query.find(({ name }) => name.toLowerCase() === 'x-amz-content-sha256')?.value;
  const value = (presigned ? inQuery : undefined) ?? headers.get('x-amz-content-sha256')?.trim();
  if (value === undefined || value === '') {
    if (presigned) return UNSIGNED_PAYLOAD;
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  if (!SHA256.test(value) && !Object.hasOwn(NAMED, value)) {
    throw new S3Error(
      'InvalidArgument',
      `x-amz-content-sha256 must be ${Object.keys(NAMED).join(', ')} or a valid sha256 value.`,
      { ArgumentName: 'x-amz-content-sha256', ArgumentValue: value },
    );
  }
  return value;
}

/** hash: what payloadHash gave. */
export function payloadRule(hash: string, signing: ChunkSigning): PayloadRule {
  return NAMED[hash]?.(signing) ?? { kind: 'signed', sha256: hash.toLowerCase() };
}

const SHA256 = /^[0-9a-fA-F]{64}$/;

const NAMED: Readonly<Record<string, (signing: ChunkSigning) => PayloadRule>> = {
  [UNSIGNED_PAYLOAD]: () => ({ kind: 'unsigned' }),
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': () => ({ kind: 'chunks-unsigned' }),
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': (signing) => ({ kind: 'chunks-signed', trailer: false, signing }),
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': (signing) => ({ kind: 'chunks-signed', trailer: true, signing }),
};
