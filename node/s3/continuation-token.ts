// Continuation tokens: opaque to clients, to us the last name of the page before. Marked, so that a key or a token of another
// system is refused and not taken for a place in the listing.
import { Buffer } from 'node:buffer';
import { S3Error } from './errors.ts';

const MARK = '1:';

export function encodeToken(name: string): string {
  return Buffer.from(MARK + name, 'utf8').toString('base64url');
}

/** Throws S3Error('InvalidArgument'). */
export function decodeToken(token: string): string {
  const bytes = Buffer.from(token, 'base64url');
  const text = bytes.toString('utf8');
  if (text.startsWith(MARK) && encodeToken(text.slice(MARK.length)) === token) return text.slice(MARK.length);
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    ArgumentName: 'continuation-token',
    ArgumentValue: token,
  });
}
