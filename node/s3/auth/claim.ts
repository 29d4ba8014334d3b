// What a request claims about its signature, read from the Authorization header or from the query of a presigned URL, and
// checked for form: scope, dates, names. Whether the claim is true is decided in authenticator.ts. The messages are those of
// S3 itself, because people look them up.
import { S3Error } from '../errors.ts';
import { parseQuery, type QueryParameter } from './canonical.ts';
import type { HeaderList, PlainRequest } from './request.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
/** X-Amz-Expires, after https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
const EXPIRES_SECONDS_MAX = 604_800;

export interface Claim {
  readonly accessKeyId: string;
  /** "20130524" */
  readonly date: string;
  readonly region: string;
  /** Lower case, in the order listed. */
  readonly signedHeaders: readonly string[];
  /** As sent. */
  readonly signature: string;
  /** "20130524T000000Z" */
  readonly timestamp: string;
  readonly signedAtMs: number;
  /** Of a presigned URL; null for header authentication. */
  readonly expiresSeconds: number | null;
  /** What the canonical query is made of: everything but the signature itself. */
  readonly query: readonly QueryParameter[];
}

/** Throws S3Error when there is no claim (AccessDenied), several, or one that cannot be understood. */
export function readClaim(request: PlainRequest, region: string): Claim {
  const query = parseQuery(request.rawQuery);
  const authorization = request.headers.all('authorization');
  const inQuery = query.some(({ name }) => QUERY_MARKS.has(name));
  if (authorization.length + (inQuery ? 1 : 0) > 1) {
    throw new S3Error(
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      { ArgumentName: 'Authorization', ArgumentValue: authorization[0]! },
    );
  }
  if (inQuery) return claimOfQuery(query, region);
  if (authorization.length === 0) throw new S3Error('AccessDenied');
  return claimOfHeader(authorization[0]!, request.headers, query, region);
}

/** "20130524T000000Z" → milliseconds since the epoch, or null. */
export function parseTimestamp(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const ms = Date.UTC(year!, month! - 1, day, hour, minute, second);
  // Date.UTC carries a 13th month or a 32nd day over; such a text is no date.
  return formatTimestamp(ms) === text ? ms : null;
}

export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** Any of these in a query makes the URL a presigned one, of version 4 or of the abandoned version 2. */
const QUERY_MARKS: ReadonlySet<string> = new Set(['X-Amz-Algorithm', 'X-Amz-Signature', 'AWSAccessKeyId', 'Signature']);

function claimOfHeader(
  authorization: string,
  headers: HeaderList,
  query: readonly QueryParameter[],
  region: string,
): Claim {
  const space = authorization.indexOf(' ');
  const mechanism = space < 0 ? authorization : authorization.slice(0, space);
  if (mechanism !== ALGORITHM) throw unsupportedMechanism(mechanism, authorization);
  const parts = headerParts(authorization.slice(mechanism.length));
  const { timestamp, signedAtMs } = headerDate(headers);
  const scope = readScope(parts.credential, region, timestamp, { inCredential: malformed, inDate: malformed });
  const signedHeaders = headerNames(parts.signedHeaders);
  return { ...scope, signedHeaders, signature: parts.signature, timestamp, signedAtMs, expiresSeconds: null, query };
}

function headerParts(text: string): { credential: string; signedHeaders: string; signature: string } {
  const found = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim();
    if (equals < 0) throw malformed(`the authorization component "${name}" is malformed.`);
    found.set(name, part.slice(equals + 1).trim());
  }
  const credential = found.get('Credential');
  const signedHeaders = found.get('SignedHeaders');
  const signature = found.get('Signature');
  if (found.size !== 3) {
    throw malformed('the authorization header requires three components: Credential, SignedHeaders, and Signature.');
  }
  if (!credential) throw malformed('missing Credential.');
  if (!signedHeaders) throw malformed('missing SignedHeaders.');
  if (!signature) throw malformed('missing Signature.');
  return { credential, signedHeaders, signature };
}

/** x-amz-date, or else the Date header. */
function headerDate(headers: HeaderList): { timestamp: string; signedAtMs: number } {
  const amzDate = headers.get('x-amz-date');
  const signedAtMs = amzDate === null ? Date.parse(headers.get('date') ?? '') : parseTimestamp(amzDate.trim());
  if (signedAtMs === null || Number.isNaN(signedAtMs)) {
    throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  }
  return { timestamp: formatTimestamp(signedAtMs), signedAtMs };
}

function claimOfQuery(query: readonly QueryParameter[], region: string): Claim {
  const value = (name: string) => query.find((parameter) => parameter.name === name)?.value ?? '';
  if (value('X-Amz-Algorithm') === '' && value('X-Amz-Signature') === '') throw unsupportedVersion();
  const required = ['Algorithm', 'Credential', 'Signature', 'Date', 'SignedHeaders', 'Expires'] as const;
  if (required.some((name) => value(`X-Amz-${name}`) === '')) {
    throw queryError(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  if (value('X-Amz-Algorithm') !== ALGORITHM) throw queryError(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const timestamp = value('X-Amz-Date');
  const signedAtMs = parseTimestamp(timestamp);
  if (signedAtMs === null) {
    throw queryError(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  }
  return {
    ...readScope(value('X-Amz-Credential'), region, timestamp, {
      inCredential: (what, details) => queryError(`Error parsing the X-Amz-Credential parameter; ${what}`, details),
      inDate: queryError,
    }),
    signedHeaders: headerNames(value('X-Amz-SignedHeaders')),
    signature: value('X-Amz-Signature'),
    timestamp,
    signedAtMs,
    expiresSeconds: readExpires(value('X-Amz-Expires')),
    query: query.filter(({ name }) => name !== 'X-Amz-Signature'),
  };
}

function readExpires(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw queryError('X-Amz-Expires should be a number');
  const seconds = Number(text);
  if (seconds < 0) throw queryError('X-Amz-Expires must be non-negative');
  if (seconds === 0) throw queryError('X-Amz-Expires must be at least 1 second');
  if (seconds > EXPIRES_SECONDS_MAX) {
    throw queryError(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${EXPIRES_SECONDS_MAX} seconds`,
    );
  }
  return seconds;
}

type Refuse = (what: string, details?: Record<string, string>) => S3Error;

/** "AKID/20130524/us-east-1/s3/aws4_request", of the same day as the timestamp. An access key id may contain slashes. */
function readScope(
  credential: string,
  regionWanted: string,
  timestamp: string,
  refuse: { readonly inCredential: Refuse; readonly inDate: Refuse },
): { accessKeyId: string; date: string; region: string } {
  const parts = credential.split('/');
  if (parts.length < 5 || parts.some((part) => part === '')) {
    throw refuse.inCredential(
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  const [date, region, service, terminal] = parts.slice(-4) as [string, string, string, string];
  if (!/^\d{8}$/.test(date)) {
    throw refuse.inCredential(
      `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`,
    );
  }
  if (region !== regionWanted) {
    throw refuse.inCredential(`the region '${region}' is wrong; expecting '${regionWanted}'`, { Region: regionWanted });
  }
  if (service !== 's3') {
    throw refuse.inCredential(`incorrect service "${service}". This endpoint belongs to "s3".`);
  }
  if (terminal !== 'aws4_request') {
    throw refuse.inCredential(`incorrect terminal "${terminal}". This endpoint uses "aws4_request".`);
  }
  if (!timestamp.startsWith(date)) {
    throw refuse.inDate(
      `Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`,
    );
  }
  return { accessKeyId: parts.slice(0, -4).join('/'), date, region };
}

function headerNames(list: string): string[] {
  return list.split(';').map((name) => name.trim().toLowerCase());
}

function malformed(what: string, details?: Record<string, string>): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${what}`, details);
}

function queryError(what: string, details?: Record<string, string>): S3Error {
  return new S3Error('AuthorizationQueryParametersError', what, details);
}

function unsupportedMechanism(mechanism: string, authorization: string): S3Error {
  // "AWS" is signature version 2; AWS4-ECDSA-P256-SHA256 is version 4A.
  if (mechanism === 'AWS' || mechanism.startsWith('AWS4-')) return unsupportedVersion();
  return new S3Error('InvalidArgument', 'Unsupported Authorization Type', {
    ArgumentName: 'Authorization',
    ArgumentValue: authorization,
  });
}

function unsupportedVersion(): S3Error {
  return new S3Error(
    'InvalidRequest',
    `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
  );
}
