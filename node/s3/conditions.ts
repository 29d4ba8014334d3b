// Conditional requests. Reads and copies are judged here, from what is known of the object; conditions on writes are only
// parsed here and judged by the store, atomically with the write.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
import type { ObjectInfo, WriteConditions } from '../cluster/object-store.ts';
import type { HeaderList } from './auth/request.ts';
import { S3Error } from './errors.ts';

export const NO_CONDITIONS: WriteConditions = { ifMatch: [], ifNoneMatch: [] };

/** The values of the four headers, whatever they are called; null when absent. */
export interface ReadConditions {
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  readonly ifModifiedSince: string | null;
  readonly ifUnmodifiedSince: string | null;
}

export type ReadVerdict =
  | { readonly kind: 'proceed' | 'not-modified' }
  | { readonly kind: 'failed'; readonly condition: string };

/** prefix: '' for reads, 'x-amz-copy-source-' for the source of a copy. */
export function readConditions(headers: HeaderList, prefix: '' | 'x-amz-copy-source-'): ReadConditions {
  return {
    ifMatch: headers.get(`${prefix}if-match`),
    ifNoneMatch: headers.get(`${prefix}if-none-match`),
    ifModifiedSince: headers.get(`${prefix}if-modified-since`),
    ifUnmodifiedSince: headers.get(`${prefix}if-unmodified-since`),
  };
}

/**
 * S3's precedence: a tag beats the date of the same sense, and "match" is judged before "none match". Dates that cannot be
 * read are ignored (RFC 9110 section 13.1.3). Dates on the wire have whole seconds, so ours are cut to seconds too.
 */
export function judgeRead(conditions: ReadConditions, info: Pick<ObjectInfo, 'etag' | 'modifiedMs'>): ReadVerdict {
  const modifiedMs = Math.floor(info.modifiedMs / 1000) * 1000;
  if (conditions.ifMatch !== null) {
    if (!tagsInclude(parseTags(conditions.ifMatch), info.etag)) return { kind: 'failed', condition: 'If-Match' };
  } else {
    const limitMs = parseHttpDate(conditions.ifUnmodifiedSince);
    if (limitMs !== null && modifiedMs > limitMs) return { kind: 'failed', condition: 'If-Unmodified-Since' };
  }
  if (conditions.ifNoneMatch !== null) {
    if (tagsInclude(parseTags(conditions.ifNoneMatch), info.etag)) return { kind: 'not-modified' };
  } else {
    const limitMs = parseHttpDate(conditions.ifModifiedSince);
    if (limitMs !== null && modifiedMs <= limitMs) return { kind: 'not-modified' };
  }
  return { kind: 'proceed' };
}

/**
 * Conditions on a write: If-Match with tags or *, or If-None-Match with *. What S3 has no meaning for is NotImplemented, as
 * at AWS: ignoring it could overwrite what the client wished to keep.
 */
export function writeConditions(headers: HeaderList): WriteConditions {
  refuseDates(headers);
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  if (ifMatch === null && ifNoneMatch === null) return NO_CONDITIONS;
  if (ifNoneMatch !== null && (ifNoneMatch.trim() !== '*' || ifMatch !== null)) throw notImplemented('If-None-Match');
  return { ifMatch: ifMatch === null ? [] : requiredTags(ifMatch), ifNoneMatch: ifNoneMatch === null ? [] : ['*'] };
}

/** Conditions on a deletion: If-Match with tags or *. */
export function deleteConditions(headers: HeaderList): WriteConditions {
  refuseDates(headers);
  for (const name of ['if-none-match', 'x-amz-if-match-last-modified-time', 'x-amz-if-match-size']) {
    if (headers.has(name)) throw notImplemented(name);
  }
  const ifMatch = headers.get('if-match');
  return ifMatch === null ? NO_CONDITIONS : { ifMatch: requiredTags(ifMatch), ifNoneMatch: [] };
}

/** The tags without quotes and without the mark of weakness: S3's tags are all strong. ['*'] for "*". */
export function parseTags(header: string): string[] {
  return header
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
    .map((tag) => (tag.startsWith('W/') ? tag.slice(2) : tag))
    .map((tag) => (tag.length >= 2 && tag.startsWith('"') && tag.endsWith('"') ? tag.slice(1, -1) : tag));
}

/** To the store no tags mean no condition, so a header that names none becomes a tag that nothing has. */
export function requiredTags(header: string): string[] {
  const tags = parseTags(header);
  return tags.length === 0 ? [''] : tags;
}

function tagsInclude(tags: readonly string[], etag: string): boolean {
  return tags.some((tag) => tag === '*' || tag === etag);
}

function parseHttpDate(header: string | null): number | null {
  if (header === null) return null;
  const ms = Date.parse(header);
  return Number.isNaN(ms) ? null : ms;
}

function refuseDates(headers: HeaderList): void {
  for (const name of ['if-modified-since', 'if-unmodified-since']) if (headers.has(name)) throw notImplemented(name);
}

function notImplemented(header: string): S3Error {
  return new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented', {
    Header: header,
  });
}
