// One page of a listing from all entries: slow and plain, so that it can be believed.
import type { ListPage, ListRequest } from '../../node/cluster/object-store.ts';

export interface Listed<T> {
  readonly key: string;
  /** What the entry is sorted by and pages are continued after: the key, or "key\0uploadId". */
  readonly place: string;
  readonly info: T;
}

export function pageOf<T>(listed: readonly Listed<T>[], request: ListRequest, after: string): ListPage<T> {
  const { prefix, delimiter, limit } = request;
  const rows = new Map<string, T | null>();
  for (const { key, place, info } of [...listed].sort((a, b) => compareBytes(a.place, b.place))) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const row = end < 0 ? place : key.slice(0, end + delimiter.length);
    if (after === '' || compareBytes(row, after) > 0) rows.set(row, end < 0 ? info : null);
  }
  const page = [...rows].slice(0, limit);
  return {
    entries: page.flatMap(([, info]) => (info === null ? [] : [info])),
    commonPrefixes: page.flatMap(([row, info]) => (info === null ? [row] : [])),
    next: page.length < rows.size ? page.at(-1)![0] : null,
  };
}

/** S3 lists in the order of UTF-8 bytes, which is not that of JavaScript's UTF-16 code units. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
