// What the listings have in common: their parameters, encoding-type=url, and the elements for objects and common prefixes.
import type { ListPage, ListRequest, ObjectInfo, ObjectStore } from '../cluster/object-store.ts';
import type { Query } from './address.ts';
import { S3Error } from './errors.ts';
import { isoDate } from './object-headers.ts';
import { OWNER_FIELDS } from './owner.ts';
import { element, group } from './xml.ts';

/** S3 never gives more entries in one page, whatever is asked for. */
export const PAGE_ENTRIES_MAX = 1000;

export interface ListParameters {
  readonly prefix: string;
  readonly delimiter: string;
  /** 0 … PAGE_ENTRIES_MAX. */
  readonly limit: number;
  /** How names are written into the document. */
  readonly encode: (name: string) => string;
  readonly encodingType: 'url' | null;
}

/** limitName: 'max-keys', 'max-uploads', … Throws S3Error('InvalidArgument'). */
export function listParameters(query: Query, limitName: string): ListParameters {
  const encodingType = query.get('encoding-type') ?? null;
  if (encodingType !== null && encodingType !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', {
      ArgumentName: 'encoding-type',
      ArgumentValue: encodingType,
    });
  }
  return {
    prefix: withoutNul(query, 'prefix'),
    delimiter: withoutNul(query, 'delimiter'),
    limit: pageLimit(query, limitName),
    encode: encodingType === null ? (name) => name : urlEncode,
    encodingType,
  };
}

/** Throws S3Error('InvalidArgument'): no key holds NUL, and inside the cluster it separates keys from upload ids. */
export function withoutNul(query: Query, name: string): string {
  const value = query.get(name) ?? '';
  if (!value.includes('\0')) return value;
  throw new S3Error('InvalidArgument', undefined, { ArgumentName: name, ArgumentValue: value });
}

/** A whole number from 0 to 2147483647, cut to what a page may hold. Throws S3Error('InvalidArgument'). */
export function pageLimit(query: Query, name: string): number {
  const text = query.get(name) ?? '';
  if (text === '') return PAGE_ENTRIES_MAX;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 2147483647)) {
    throw new S3Error('InvalidArgument', `Argument ${name} must be an integer between 0 and 2147483647`, {
      ArgumentName: name,
      ArgumentValue: text,
    });
  }
  return Math.min(value, PAGE_ENTRIES_MAX);
}

/** A page of objects; an empty one, but of a bucket that is there, when the client asks for no entries. */
export async function listPage(
  store: ObjectStore,
  bucket: string,
  request: ListRequest,
): Promise<ListPage<ObjectInfo>> {
  if (request.limit > 0) return store.listObjects(bucket, request);
  await store.headBucket(bucket);
  return { entries: [], commonPrefixes: [], next: null };
}

export function contentsXml(info: ObjectInfo, parameters: ListParameters, withOwner: boolean): string {
  return group(
    'Contents',
    element('Key', parameters.encode(info.key)) +
      element('LastModified', isoDate(info.modifiedMs)) +
      element('ETag', `"${info.etag}"`) +
      checksumKindXml(info) +
      element('Size', info.sizeBytes) +
      (withOwner ? group('Owner', OWNER_FIELDS) : '') +
      element('StorageClass', 'STANDARD'),
  );
}

/** Which checksums an object has; their values are for HEAD and GET. */
export function checksumKindXml(info: Pick<ObjectInfo, 'checksums' | 'checksumType'>): string {
  const algorithms = Object.keys(info.checksums);
  if (algorithms.length === 0) return '';
  const names = algorithms.map((algorithm) => element('ChecksumAlgorithm', algorithm.toUpperCase())).join('');
  return info.checksumType === null ? names : names + element('ChecksumType', info.checksumType);
}

export function commonPrefixesXml(prefixes: readonly string[], parameters: ListParameters): string {
  return prefixes.map((prefix) => group('CommonPrefixes', element('Prefix', parameters.encode(prefix)))).join('');
}

/** As AWS encodes names for encoding-type=url: "/" stays, a space is "+"; clients decode it as a form value. */
export function urlEncode(name: string): string {
  return encodeURIComponent(name).replace(/%20|%2F|[!~'()]/g, (match) => URL_REPLACEMENTS[match]!);
}

const URL_REPLACEMENTS: Readonly<Record<string, string>> = {
  '%20': '+',
  '%2F': '/',
  '!': '%21',
  '~': '%7E',
  "'": '%27',
  '(': '%28',
  ')': '%29',
};
