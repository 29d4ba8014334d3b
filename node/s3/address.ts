// Which bucket and key a request names: path-style (/bucket/key) or virtual-host style (bucket.domain/key). Works on the
// target exactly as it came: keys may hold "//", "..", "%2F", "+" and any other character, and nothing is normalised.
import { S3Error } from './errors.ts';

export interface Address {
  /** '' when the request is for the service itself. */
  readonly bucket: string;
  /** '' when the request is for the bucket itself. */
  readonly key: string;
}

export type Query = ReadonlyMap<string, string>;

const NO_QUERY: Query = new Map();
const NO_BUCKET: Address = { bucket: '', key: '' };

/** rawPath begins with "/" and is still percent-encoded. Throws S3Error('InvalidURI'). */
export function parseAddress(rawPath: string, host: string | null, domains: readonly string[]): Address {
  const bucket = host === null ? null : bucketOfHost(host, domains);
  if (bucket !== null) return { bucket, key: decode(rawPath.slice(1)) };
  const slash = rawPath.indexOf('/', 1);
  if (slash < 0) return rawPath.length <= 1 ? NO_BUCKET : { bucket: decode(rawPath.slice(1)), key: '' };
  return { bucket: decode(rawPath.slice(1, slash)), key: decode(rawPath.slice(slash + 1)) };
}

/** "photos" for "photos.s3.example.org:9000" when s3.example.org is one of the domains; null when the path names the bucket. */
export function bucketOfHost(host: string, domains: readonly string[]): string | null {
  if (domains.length === 0) return null;
  const colon = host.lastIndexOf(':');
  const name = (colon > host.lastIndexOf(']') ? host.slice(0, colon) : host).toLowerCase();
  for (const domain of domains) {
    const dot = name.length - domain.length - 1;
    if (dot > 0 && name.charCodeAt(dot) === 0x2e && name.endsWith(domain)) return name.slice(0, dot);
  }
  return null;
}

/** The parameters by name; of a repeated one the first counts. "+" is a space, as in HTML forms and at AWS. Throws S3Error('InvalidURI'). */
export function parseQuery(rawQuery: string): Query {
  if (rawQuery === '') return NO_QUERY;
  const query = new Map<string, string>();
  for (const pair of rawQuery.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
    if (!query.has(name)) query.set(name, equals < 0 ? '' : decodeForm(pair.slice(equals + 1)));
  }
  return query;
}

/** Percent-decodes. Throws S3Error('InvalidURI') for a stray "%" and for bytes that are not UTF-8. */
export function decode(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    throw new S3Error('InvalidURI', undefined, { URI: raw }, { cause: error });
  }
}

function decodeForm(raw: string): string {
  return decode(raw.includes('+') ? raw.replaceAll('+', ' ') : raw);
}
