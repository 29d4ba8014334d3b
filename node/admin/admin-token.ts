// The token that opens what only operators and the nodes' own tools may see and do. It follows from the cluster secret, so there
// is nothing more to hand out, and it does not give the secret away.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** 64 hexadecimal digits: HMAC-SHA256 of "ashlar admin" under the cluster secret. */
export function adminToken(clusterSecret: string): string {
  return createHmac('sha256', clusterSecret).update('ashlar admin').digest('hex');
}

/** Whether an Authorization header carries the token; in the same time whatever it carries. */
export function carriesToken(authorization: string | undefined, token: string): boolean {
  const carried = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  // Digests have one length, and comparing them tells nothing about the token.
  const digest = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(carried), digest(token));
}
