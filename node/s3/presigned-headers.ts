// The headers that operations read. Signers of presigned URLs move x-amz-* headers (metadata, ACL, storage class) into the
// query, where they are signed like the rest of it; AWS reads them there, and so do we.
import { Buffer } from 'node:buffer';
import { decode } from './address.ts';
import type { Authentication } from './auth/authentication.ts';
import { HeaderList, type PlainRequest } from './auth/request.ts';
import { CHECKSUM_ALGORITHMS } from './body/checksums.ts';

/** The request's headers, and of a presigned URL also those in its query; a header that is really there goes first. */
export function headersFor(request: PlainRequest, rawHeaders: readonly string[], auth: Authentication): HeaderList {
  if (!auth.presigned) return request.headers;
  const all = [...rawHeaders];
  for (const pair of request.rawQuery.split('&')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = decode(pair.slice(0, equals)).toLowerCase();
    if (!isMoved(name) || request.headers.has(name)) continue;
    all.push(name, wireText(decode(pair.slice(equals + 1))));
  }
  return new HeaderList(all);
}

/** Text as HTTP headers carry it here: its UTF-8 bytes as code units. */
export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Not the parameters of the signature itself. And not checksums: an SDK that presigns has no body and puts the checksum of
 * nothing there (https://github.com/localstack/localstack/issues/12169); AWS does not look at it.
 */
function isMoved(name: string): boolean {
  return name.startsWith('x-amz-') && !SIGNATURE_PARAMETERS.has(name) && !CHECKSUMS.has(name);
}

const CHECKSUMS: ReadonlySet<string> = new Set([
  'x-amz-sdk-checksum-algorithm',
  ...CHECKSUM_ALGORITHMS.map((algorithm) => `x-amz-checksum-${algorithm}`),
]);

const SIGNATURE_PARAMETERS: ReadonlySet<string> = new Set([
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
]);
