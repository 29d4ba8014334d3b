// A real HTTP server with the S3 front end over a store in memory, or over any other store.
import fastify, { type FastifyInstance } from 'fastify';
import type { ObjectStore } from '../../node/cluster/object-store.ts';
import { systemClock } from '../../node/io/clock.ts';
import { systemRandom } from '../../node/io/random.ts';
import type { Observation } from '../../node/s3/front.ts';
import { type S3Options, s3, s3ServerOptions } from '../../node/s3/server.ts';
import type { Target } from './conformance/target.ts';
import { MemoryStore } from './memory-store.ts';

export const CREDENTIALS = { accessKeyId: 'AKIAMEMORYSTORE', secretAccessKey: 'a secret only for tests' };

export interface MemoryTarget extends Target {
  readonly app: FastifyInstance;
  readonly observations: Observation[];
}

export interface MemoryServerOptions {
  readonly store?: ObjectStore;
  readonly region?: string;
  readonly port?: number;
  readonly overrides?: Partial<S3Options>;
  /** Registers what is not S3, as the admin part does. */
  readonly routes?: (app: FastifyInstance) => void;
}

export async function startMemoryServer(options: MemoryServerOptions = {}): Promise<MemoryTarget> {
  const clock = systemClock();
  const random = systemRandom();
  const domain = 's3.example.test';
  const region = options.region ?? 'us-east-1';
  const observations: Observation[] = [];
  const app = fastify({ ...s3ServerOptions([domain]), forceCloseConnections: true });
  options.routes?.(app);
  await app.register(s3, {
    store: options.store ?? new MemoryStore(clock, random),
    credentials: {
      lookup: (id) =>
        id === CREDENTIALS.accessKeyId ? { secretAccessKey: CREDENTIALS.secretAccessKey, principal: 'tests' } : null,
    },
    clock,
    random,
    region,
    domains: [domain],
    nodeName: () => 'memory',
    observe: (observation) => observations.push(observation),
    ...options.overrides,
  });
  const endpoint = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  return { endpoint, domain, region, credentials: CREDENTIALS, stop: () => app.close(), app, observations };
}
