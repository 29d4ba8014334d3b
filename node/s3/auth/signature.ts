// The arithmetic of signatures: what is signed, signing it, and comparing without telling how much of it was right.
import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { S3Error } from '../errors.ts';

/** kind: "AWS4-HMAC-SHA256" for a request. lines: what follows date and scope. */
export function stringToSign(kind: string, timestamp: string, scope: string, ...lines: string[]): string {
  return `${kind}\n${timestamp}\n${scope}\n${lines.join('\n')}`;
}

/** 64 lower-case hexadecimal digits. */
export function sign(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}

/** SHA-256 of a byte string (code units 0-255), as hexadecimal digits. */
export function sha256OfBytes(bytes: string): string {
  return hash('sha256', Buffer.from(bytes, 'latin1'), 'hex');
}

/** Compares in a time that depends on the lengths only. */
export function sameSignature(expected: string, provided: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(provided);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** With what S3 gives to help find the difference. It tells nothing secret: the client could compute all of it. */
export function signatureMismatch(
  accessKeyId: string,
  text: string,
  signatureProvided: string,
  canonicalRequest: string | null,
): S3Error {
  return new S3Error('SignatureDoesNotMatch', undefined, {
    AWSAccessKeyId: accessKeyId,
    StringToSign: text,
    SignatureProvided: signatureProvided,
    StringToSignBytes: hexBytes(text),
    ...(canonicalRequest === null
      ? {}
      : {
          CanonicalRequest: Buffer.from(canonicalRequest, 'latin1').toString('utf8'),
          CanonicalRequestBytes: hexBytes(canonicalRequest),
        }),
  });
}

/** "41 57 53 …" */
function hexBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1')
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
}
