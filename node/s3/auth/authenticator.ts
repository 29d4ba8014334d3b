// AWS Signature Version 4 for S3, as a server: header and presigned query. A request passes only when it is signed with the
// secret of a key that we know, for this region, at about this time, over its host and all of its x-amz-* headers. The order of
// the checks is S3's, so that clients see the error that they would see there.
import type { Clock } from '../../io/clock.ts';
import { S3Error } from '../errors.ts';
import type { Authentication, ChunkSigning, Credentials } from './authentication.ts';
import { canonicalRequest } from './canonical.ts';
import { ALGORITHM, type Claim, readClaim } from './claim.ts';
import { payloadHash, payloadRule } from './payload.ts';
import type { HeaderList, PlainRequest } from './request.ts';
import { sameSignature, sha256OfBytes, sign, signatureMismatch, stringToSign } from './signature.ts';
import { SigningKeys } from './signing-key.ts';

/** How far the client's clock may be off, as at S3. */
export const CLOCK_SKEW_MS_MAX = 15 * 60 * 1000;

export interface AuthenticatorOptions {
  readonly credentials: Credentials;
  /** The region of this cluster, for instance "us-east-1"; requests signed for another one are refused with its name. */
  readonly region: string;
  readonly clock: Clock;
}

export class Authenticator {
  readonly #credentials: Credentials;
  readonly #region: string;
  readonly #clock: Clock;
  readonly #signingKeys: SigningKeys;

  constructor({ credentials, region, clock }: AuthenticatorOptions) {
    this.#credentials = credentials;
    this.#region = region;
    this.#clock = clock;
    this.#signingKeys = new SigningKeys(region);
  }

  /** Who asks; throws S3Error when nobody that we know does. Reads no body: what is promised about it is in `payload`. */
  authenticate(request: PlainRequest): Authentication {
    const claim = readClaim(request, this.#region);
    const credential = this.#credentials.lookup(claim.accessKeyId);
    if (credential === null) {
      throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: claim.accessKeyId });
    }
    requireNoToken(request.headers, claim);
    requireTimely(claim, this.#clock.wallMs());
    const hash = payloadHash(request.headers, claim);
    requireSigned(request.headers, claim);
    const signing: ChunkSigning = {
      accessKeyId: claim.accessKeyId,
      signingKey: this.#signingKeys.get(claim.accessKeyId, credential.secretAccessKey, claim.date),
      timestamp: claim.timestamp,
      scope: `${claim.date}/${claim.region}/s3/aws4_request`,
      seedSignature: claim.signature,
    };
    verify(request, claim, hash, signing);
    return {
      accessKeyId: claim.accessKeyId,
      principal: credential.principal,
      presigned: claim.expiresSeconds !== null,
      payload: payloadRule(hash, signing),
    };
  }
}

function verify(
  request: PlainRequest,
  claim: Claim,
  hash: string,
  { signingKey, timestamp, scope }: ChunkSigning,
): void {
  const canonical = canonicalRequest(request, claim.query, claim.signedHeaders, hash);
  const text = stringToSign(ALGORITHM, timestamp, scope, sha256OfBytes(canonical));
  if (!sameSignature(sign(signingKey, text), claim.signature)) {
    throw signatureMismatch(claim.accessKeyId, text, claim.signature, canonical);
  }
}

/** Temporary credentials are not issued here, so a session token cannot be ours. */
function requireNoToken(headers: HeaderList, claim: Claim): void {
  const inQuery = claim.query.some(({ name }) => name.toLowerCase() === 'x-amz-security-token');
  if (inQuery || headers.has('x-amz-security-token')) throw new S3Error('InvalidToken');
}

function requireTimely(claim: Claim, nowMs: number): void {
  const aheadMs = claim.signedAtMs - nowMs;
  if (claim.expiresSeconds === null) {
    if (Math.abs(aheadMs) <= CLOCK_SKEW_MS_MAX) return;
    throw new S3Error('RequestTimeTooSkewed', undefined, {
      RequestTime: claim.timestamp,
      ServerTime: isoSeconds(nowMs),
      MaxAllowedSkewMilliseconds: String(CLOCK_SKEW_MS_MAX),
    });
  }
  if (aheadMs > CLOCK_SKEW_MS_MAX) {
    throw new S3Error('AccessDenied', 'Request is not valid yet', {
      'X-Amz-Date': claim.timestamp,
      ServerTime: isoSeconds(nowMs),
    });
  }
  const expiresMs = claim.signedAtMs + claim.expiresSeconds * 1000;
  if (nowMs > expiresMs) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': String(claim.expiresSeconds),
      Expires: isoSeconds(expiresMs),
      ServerTime: isoSeconds(nowMs),
    });
  }
}

/** What is not signed could have been added by anybody on the way. */
function requireSigned(headers: HeaderList, claim: Claim): void {
  const missing = claim.signedHeaders.includes('host') ? [] : ['host'];
  for (const name of headers.names()) {
    if (name.startsWith('x-amz-') && !claim.signedHeaders.includes(name)) missing.push(name);
  }
  if (missing.length === 0) return;
  throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
    HeadersNotSigned: missing.join(', '),
  });
}

/** "2013-05-24T00:00:00Z" */
function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}/, '');
}
