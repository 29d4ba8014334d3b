// The rules for names: buckets, keys, upload ids and part numbers. Whatever passes here is safe to give to the store.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
import { Buffer } from 'node:buffer';
import { S3Error } from './errors.ts';

export const KEY_BYTES_MAX = 1024;
export const PART_NUMBER_MAX = 10_000;

const RESERVED_PREFIXES = ['xn--', 'sthree-', 'amzn-s3-demo-'];
const RESERVED_SUFFIXES = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3'];

/** Throws S3Error('InvalidBucketName') saying which rule is broken. */
export function checkBucketName(name: string): void {
  const problem = bucketNameProblem(name);
  if (problem !== null) {
    throw new S3Error('InvalidBucketName', `The specified bucket is not valid: ${problem}.`, { BucketName: name });
  }
}

function bucketNameProblem(name: string): string | null {
  if (name.length < 3 || name.length > 63) return 'a name has 3 to 63 characters';
  for (let i = 0; i < name.length; i++) {
    if (!isBucketCharacter(name.charCodeAt(i))) return 'a name has only lower-case letters, digits, hyphens and dots';
  }
  if (!isAlphanumeric(name.charCodeAt(0)) || !isAlphanumeric(name.charCodeAt(name.length - 1))) {
    return 'a name begins and ends with a letter or a digit';
  }
  if (name.includes('..')) return 'a name has no two dots in a row';
  if (/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(name)) return 'a name does not look like an IP address';
  for (const prefix of RESERVED_PREFIXES) if (name.startsWith(prefix)) return `names with ${prefix} are reserved`;
  for (const suffix of RESERVED_SUFFIXES) if (name.endsWith(suffix)) return `names with ${suffix} are reserved`;
  return null;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

function isBucketCharacter(code: number): boolean {
  return isAlphanumeric(code) || code === 0x2d || code === 0x2e;
}

/** Throws S3Error('KeyTooLongError'), or 'InvalidURI' for NUL, which separates keys from upload ids inside the cluster. */
export function checkKey(key: string): void {
  // A UTF-16 code unit is at most three bytes of UTF-8, so most keys need no counting.
  if (key.length * 3 > KEY_BYTES_MAX) {
    const sizeBytes = Buffer.byteLength(key, 'utf8');
    if (sizeBytes > KEY_BYTES_MAX) {
      throw new S3Error('KeyTooLongError', undefined, {
        Size: String(sizeBytes),
        MaxSizeAllowed: String(KEY_BYTES_MAX),
      });
    }
  }
  if (key.includes('\0')) throw new S3Error('InvalidURI', 'An object key cannot hold a NUL character.');
}

/** Ids that we gave out are 32 hexadecimal digits; anything else names no upload. Throws S3Error('NoSuchUpload'). */
export function checkUploadId(uploadId: string): string {
  if (!/^[0-9a-f]{32}$/.test(uploadId)) throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
  return uploadId;
}

/** Throws S3Error('InvalidArgument') unless it is a whole number from 1 to 10,000. */
export function parsePartNumber(text: string): number {
  const partNumber = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (partNumber < 1 || partNumber > PART_NUMBER_MAX) {
    throw new S3Error('InvalidArgument', `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`, {
      ArgumentName: 'partNumber',
      ArgumentValue: text,
    });
  }
  return partNumber;
}
