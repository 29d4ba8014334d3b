// What the tests of authentication share: a clock that stands still, one known key, and requests that the real AWS SDK signed.
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Clock } from '../../node/io/clock.ts';
import type { Authentication } from '../../node/s3/auth/authentication.ts';
import { Authenticator } from '../../node/s3/auth/authenticator.ts';
import { type PlainRequest, plainRequest } from '../../node/s3/auth/request.ts';
import { S3Error } from '../../node/s3/errors.ts';

export const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
export const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

export function stoppedClock(wallMs: number): Clock {
  return {
    wallMs: () => wallMs,
    monotonicMs: () => 0,
    setTimer: () => ({ cancel: () => undefined }),
  };
}

export function authenticatorAt(wallMs: number, region = 'us-east-1'): Authenticator {
  return new Authenticator({
    region,
    clock: stoppedClock(wallMs),
    credentials: {
      lookup: (id) => (id === ACCESS_KEY_ID ? { secretAccessKey: SECRET_ACCESS_KEY, principal: 'alice' } : null),
    },
  });
}

/** The S3Error that the call throws; fails the test when it throws nothing or something else. */
export function refusal(call: () => Authentication): S3Error {
  try {
    call();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** A request as it would have gone out, and when it was signed. */
export interface CapturedRequest {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: string[];
  readonly signedAtMs: number;
}

interface OutgoingRequest {
  method: string;
  path: string;
  query: Record<string, string | string[] | null>;
  headers: Record<string, string>;
}

/** An SDK client that signs for real and sends nothing; captured holds what it would have sent. */
export function capturingClient(config: S3ClientConfig = {}): { client: S3Client; captured: CapturedRequest[] } {
  const captured: CapturedRequest[] = [];
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:9000',
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
    maxAttempts: 1,
    ...config,
    requestHandler: {
      handle: async (request: OutgoingRequest) => {
        captured.push({
          method: request.method,
          target: request.path + queryText(request.query),
          rawHeaders: Object.entries(request.headers).flat(),
          signedAtMs: Date.now(),
        });
        return { response: { statusCode: 200, headers: {}, body: undefined } };
      },
    } as unknown as NonNullable<S3ClientConfig['requestHandler']>,
  });
  return { client, captured };
}

export function plain(captured: CapturedRequest): PlainRequest {
  return plainRequest(captured.method, captured.target, captured.rawHeaders);
}

/** The same request with one header set (or, with null, left out). */
export function withHeader(request: CapturedRequest, name: string, value: string | null): CapturedRequest {
  const rawHeaders: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]!.toLowerCase() !== name) {
      rawHeaders.push(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
    }
  }
  if (value !== null) rawHeaders.push(name, value);
  return { ...request, rawHeaders };
}

export function headerOf(request: CapturedRequest, name: string): string {
  const value = plain(request).headers.get(name);
  if (value === null) throw new Error(`the request has no ${name}`);
  return value;
}

function queryText(query: OutgoingRequest['query']): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => `${escape3986(name)}=${escape3986(value ?? '')}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function escape3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
