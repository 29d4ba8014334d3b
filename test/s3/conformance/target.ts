// What the conformance suite runs against: any S3 endpoint that it may fill and empty.
import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { CreateBucketCommand, S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from 'vitest';
import { type RawOptions, type RawResponse, sendRaw } from './raw-request.ts';

export interface Target {
  /** For instance "http://127.0.0.1:9000". */
  readonly endpoint: string;
  /** Buckets are served as hosts below this name too. It need not resolve: tests connect to the endpoint. */
  readonly domain: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  stop(): Promise<unknown>;
}

/** What a group of tests works with; the target is there once the tests run. */
export interface Suite {
  target(): Target;
  /** Path-style unless the configuration says otherwise. One client is shared by all tests that pass none. */
  client(config?: S3ClientConfig): S3Client;
  /** The name of a new, empty bucket. */
  bucket(): Promise<string>;
  /** A signed request that says exactly this. */
  raw(method: string, target: string, options?: RawOptions): Promise<RawResponse>;
}

/** Starts the target before the tests of the enclosing `describe` and stops it after them. */
export function useTarget(start: () => Promise<Target>): Suite {
  let target: Target | null = null;
  let shared: S3Client | null = null;
  const clients: S3Client[] = [];
  const started = () => {
    if (target === null) throw new Error('the target is started in beforeAll');
    return target;
  };
  const newClient = (config: S3ClientConfig) => {
    const created = new S3Client(clientConfig(started(), config));
    clients.push(created);
    return created;
  };
  const sharedClient = () => (shared ??= newClient({}));
  beforeAll(async () => {
    target = await start();
  });
  afterAll(async () => {
    for (const created of clients) created.destroy();
    await target?.stop();
  });
  return {
    target: started,
    client: (config) => (config === undefined ? sharedClient() : newClient(config)),
    bucket: async () => {
      const name = `test-${randomBytes(8).toString('hex')}`;
      await sharedClient().send(new CreateBucketCommand({ Bucket: name }));
      return name;
    },
    raw: (method, path, options) => sendRaw(started(), method, path, options),
  };
}

function clientConfig(target: Target, config: S3ClientConfig): S3ClientConfig {
  return {
    endpoint: target.endpoint,
    region: target.region,
    credentials: target.credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    ...config,
  };
}

/** A client that names buckets in the host and finds every host at the target. */
export function virtualHostConfig(target: Target): S3ClientConfig {
  const { hostname, port } = new URL(target.endpoint);
  const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
    options.all === true ? done(null, [{ address: hostname, family: 4 }]) : done(null, hostname, 4);
  return {
    endpoint: `http://${target.domain}:${port}`,
    forcePathStyle: false,
    requestHandler: { httpAgent: new Agent({ keepAlive: true, lookup } as object) },
  };
}

/** The S3 error of a call that must fail: its code and HTTP status. */
export async function failure(call: Promise<unknown>): Promise<{ code: string; status: number | undefined }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof S3ServiceException) return { code: error.name, status: error.$metadata.httpStatusCode };
    throw error;
  }
  return expect.fail('the call succeeded');
}

export async function bytesOf(body: { transformToByteArray(): Promise<Uint8Array> } | undefined): Promise<Buffer> {
  return body === undefined ? expect.fail('there is no body') : Buffer.from(await body.transformToByteArray());
}
