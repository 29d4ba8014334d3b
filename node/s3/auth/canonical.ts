// The canonical form of a request, from which its signature is made: S3's variant, in which the path is encoded once and not
// normalised (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). All texts here are byte
// strings (code units 0-255), as Node's HTTP parser gives them, so that headers and paths in any encoding sign right.
import { S3Error } from '../errors.ts';
import type { HeaderList, PlainRequest } from './request.ts';

/** A query parameter, decoded: byte strings. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** The six-line form. signedHeaders: lower case, in the order in which the client listed them. */
export function canonicalRequest(
  request: PlainRequest,
  query: readonly QueryParameter[],
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  let headers = '';
  for (const name of signedHeaders) headers += `${name}:${canonicalHeader(request.headers, name)}\n`;
  return `${request.method}\n${canonicalPath(request.rawPath)}\n${canonicalQuery(query)}\n${headers}\n${signedHeaders.join(';')}\n${payloadHash}`;
}

/** The parameters in the order they came. A '+' is a space, as everywhere in S3 queries. Throws S3Error('InvalidURI'). */
export function parseQuery(rawQuery: string): QueryParameter[] {
  if (rawQuery === '') return [];
  const parameters: QueryParameter[] = [];
  for (const pair of rawQuery.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    parameters.push({
      name: percentDecode(name.replaceAll('+', ' ')),
      value: percentDecode(value.replaceAll('+', ' ')),
    });
  }
  return parameters;
}

/** Every byte but the unreserved ones (RFC 3986) as %XX, upper case; '/' stays only where told. */
function percentEncode(bytes: string, keepSlash: boolean): string {
  if (UNRESERVED.test(bytes)) return bytes;
  let encoded = '';
  for (let i = 0; i < bytes.length; i++) {
    const unit = bytes.charCodeAt(i);
    encoded += isUnreserved(unit) || (keepSlash && unit === SLASH) ? bytes[i] : HEX[unit & 0xff];
  }
  return encoded;
}

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/;
const ASCII_SPACE = /[ \t\n\v\f\r]+/g;
const SLASH = 0x2f;
const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
);

/** What was escaped on the wire is decoded first, because clients differ in what they escape but not in what they sign. */
function canonicalPath(rawPath: string): string {
  if (rawPath === '') return '/';
  return PLAIN_PATH.test(rawPath) ? rawPath : percentEncode(percentDecode(rawPath), true);
}

function canonicalQuery(query: readonly QueryParameter[]): string {
  if (query.length === 0) return '';
  return query
    .map(({ name, value }) => [percentEncode(name, false), percentEncode(value, false)] as const)
    .sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Values trimmed, runs of spaces as one (ASCII ones only: 0xA0 is a byte of some UTF-8 letter), repeated headers joined. */
function canonicalHeader(headers: HeaderList, name: string): string {
  const values = headers.all(name);
  if (values.length === 1) return trim(values[0]!);
  return values.map(trim).join(',');
}

function trim(value: string): string {
  const squeezed = value.replace(ASCII_SPACE, ' ');
  const start = squeezed.startsWith(' ') ? 1 : 0;
  const end = squeezed.length > start && squeezed.endsWith(' ') ? squeezed.length - 1 : squeezed.length;
  return squeezed.slice(start, end);
}

function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%(.{0,2})/gs, (_, digits: string) => {
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) throw new S3Error('InvalidURI');
    return String.fromCharCode(Number.parseInt(digits, 16));
  });
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isUnreserved(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) || // a-z
    (unit >= 0x41 && unit <= 0x5a) || // A-Z
    (unit >= 0x30 && unit <= 0x39) || // 0-9
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x5f ||
    unit === 0x7e
  );
}
