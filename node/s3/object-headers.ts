// The headers that describe an object in the answers to GET, HEAD, PUT and copies.
import type { Checksums, ObjectInfo } from '../cluster/object-store.ts';
import type { Query } from './address.ts';
import { S3Error } from './errors.ts';
import { DEFAULT_CONTENT_TYPE, SYSTEM_HEADERS } from './metadata.ts';
import { wireText } from './presigned-headers.ts';

/** Query parameters by which a client chooses a header of the answer (response-content-type=…). */
const OVERRIDES: readonly (readonly [string, string])[] = [...SYSTEM_HEADERS].map(([name, spelled]) => [
  `response-${name}`,
  spelled,
]);

/** Of the whole object: what GET, HEAD and 304 answers have in common. */
export function objectHeaders(info: ObjectInfo, query: Query): Record<string, string> {
  const headers: Record<string, string> = {
    'Last-Modified': httpDate(info.modifiedMs),
    ETag: `"${info.etag}"`,
    'Accept-Ranges': 'bytes',
    'Content-Type': info.metadata.headers['content-type'] ?? DEFAULT_CONTENT_TYPE,
  };
  for (const [name, value] of Object.entries(info.metadata.headers)) {
    if (name !== 'content-type') headers[SYSTEM_HEADERS.get(name) ?? name] = value;
  }
  for (const [name, value] of Object.entries(info.metadata.user)) headers[`x-amz-meta-${name}`] = value;
  if (query.size > 0) override(headers, query);
  return headers;
}

/** x-amz-checksum-*; of a multipart object also how its checksum was made. */
export function checksumHeaders(checksums: Checksums, type: ObjectInfo['checksumType']): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [algorithm, value] of Object.entries(checksums)) headers[`x-amz-checksum-${algorithm}`] = value;
  if (type !== null && Object.keys(headers).length > 0) headers['x-amz-checksum-type'] = type;
  return headers;
}

/** RFC 9110: "Sun, 06 Nov 1994 08:49:37 GMT". */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** Dates in S3's XML: "2009-10-12T17:50:30.000Z". */
export function isoDate(ms: number): string {
  return new Date(ms).toISOString();
}

function override(headers: Record<string, string>, query: Query): void {
  for (const [parameter, name] of OVERRIDES) {
    const value = query.get(parameter);
    if (value === undefined) continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would let a link forge headers
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      throw new S3Error('InvalidArgument', 'A response header cannot hold control characters', {
        ArgumentName: parameter,
        ArgumentValue: value,
      });
    }
    headers[name] = wireText(value);
  }
}
