// AWS Signature Version 4 for S3, as a server: header and presigned query.
import type { Clock } from '../../io/clock.ts';
import type { Authentication, Credentials } from './authentication.ts';
import type { PlainRequest } from './request.ts';

export interface AuthenticatorOptions {
  readonly credentials: Credentials;
  /** The region of this cluster, for instance "us-east-1"; requests signed for another one are refused with its name. */
  readonly region: string;
  readonly clock: Clock;
}

export declare class Authenticator {
  constructor(options: AuthenticatorOptions);
  /** Who asks; throws S3Error when nobody that we know does. Reads no body: what is promised about it is in `payload`. */
  authenticate(request: PlainRequest): Authentication;
}
