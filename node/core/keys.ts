// Register keys: which kinds of registers there are and how their names sort. A register key is a string of bytes (code
// units 0-255, "latin1"), so that JavaScript's own string order is the byte order that the index on disk uses.
import { Buffer } from 'node:buffer';

/** A byte string: every code unit is 0-255. */
export type RegisterKey = string;

/** First byte of a key: the kind of register. */
export const KIND = {
  map: 'c',
  bucket: 'b',
  object: 'o',
  upload: 'u',
  part: 'p',
  generation: 'g',
} as const;

export const MAP_KEY: RegisterKey = KIND.map;
/** Holds a map record without a map: what counts is its epoch. */
export const GENERATION_KEY: RegisterKey = KIND.generation;

const toBytes = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');
const fromBytes = (value: string): string => Buffer.from(value, 'latin1').toString('utf8');
const idBytes = (hexId: string): string => Buffer.from(hexId, 'hex').toString('latin1');

/** bucketId: 16 hexadecimal digits, drawn at creation, so that a bucket made again never sees the old one's objects. */
export const bucketKey = (bucketName: string): RegisterKey => KIND.bucket + toBytes(bucketName);
export const objectKey = (bucketId: string, key: string): RegisterKey => KIND.object + idBytes(bucketId) + toBytes(key);
/** uploadId: 32 hexadecimal digits. Uploads sort by object key, then by id. */
export const uploadKey = (bucketId: string, key: string, uploadId: string): RegisterKey =>
  `${KIND.upload + idBytes(bucketId) + toBytes(key)}\0${idBytes(uploadId)}`;
export const partKey = (bucketId: string, uploadId: string, partNumber: number): RegisterKey =>
  KIND.part + idBytes(bucketId) + idBytes(uploadId) + String.fromCharCode(partNumber >> 8, partNumber & 0xff);

/** All registers of one kind in one bucket start with this. */
export const kindPrefix = (kind: 'object' | 'upload' | 'part', bucketId: string): RegisterKey =>
  KIND[kind] + idBytes(bucketId);
export const partPrefix = (bucketId: string, uploadId: string): RegisterKey =>
  kindPrefix('part', bucketId) + idBytes(uploadId);

/** All objects, or uploads to objects, whose keys start with this, and nothing else, have registers that start with the result. */
export const keyPrefix = (kind: 'object' | 'upload', bucketId: string, prefix: string): RegisterKey =>
  kindPrefix(kind, bucketId) + toBytes(prefix);

export function parseObjectKey(registerKey: RegisterKey): { bucketId: string; key: string } {
  return {
    bucketId: Buffer.from(registerKey.slice(1, 9), 'latin1').toString('hex'),
    key: fromBytes(registerKey.slice(9)),
  };
}

export function parseUploadKey(registerKey: RegisterKey): { bucketId: string; key: string; uploadId: string } {
  return {
    bucketId: Buffer.from(registerKey.slice(1, 9), 'latin1').toString('hex'),
    key: fromBytes(registerKey.slice(9, -17)),
    uploadId: Buffer.from(registerKey.slice(-16), 'latin1').toString('hex'),
  };
}

export function parsePartKey(registerKey: RegisterKey): { bucketId: string; uploadId: string; partNumber: number } {
  return {
    bucketId: Buffer.from(registerKey.slice(1, 9), 'latin1').toString('hex'),
    uploadId: Buffer.from(registerKey.slice(9, 25), 'latin1').toString('hex'),
    partNumber: registerKey.charCodeAt(25) * 256 + registerKey.charCodeAt(26),
  };
}

/** The first key after all keys that start with this prefix. */
export function afterPrefix(prefix: RegisterKey): RegisterKey {
  for (let end = prefix.length - 1; end >= 0; end--) {
    const unit = prefix.charCodeAt(end);
    if (unit < 0xff) return prefix.slice(0, end) + String.fromCharCode(unit + 1);
  }
  return '';
}
