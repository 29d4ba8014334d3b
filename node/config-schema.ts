// The node's settings as one zod schema, and with each setting how it is given and what it means. Parsing, checks and the help
// text all come from here (config.ts).
import { z } from 'zod';
import { parseScheme, type Scheme } from './core/cluster-map.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export interface ListenAddress {
  /** "0.0.0.0", "127.0.0.1", "[::]" (with its brackets), a host name */
  readonly host: string;
  readonly port: number;
}

/** How a setting is given, and what a person should write when it is wrong. */
export type Setting = {
  readonly variable: string;
  readonly remedy: string;
  /** Several values: a flag that may be repeated, a variable with commas or spaces. */
  readonly list?: true;
} & (
  | { readonly kind: 'arguments'; readonly placeholder: string }
  | { readonly kind: 'flag'; readonly flag: string; readonly placeholder: string; readonly fallback: string | null }
  /** Never a flag, which would show in the list of processes; the variable may name a file (…_FILE) instead. */
  | { readonly kind: 'secret' }
);

export const SETTINGS = z.registry<Setting>();

const LISTEN_DEFAULT = '0.0.0.0:9000';
const REGION_DEFAULT = 'us-east-1';
const LOG_LEVEL_DEFAULT = 'info';
const SCRUB_BYTES_PER_SECOND_DEFAULT = 16 * 1024 * 1024;
const SCRUB_BYTES_PER_SECOND_MIN = 64 * 1024;
const DRAIN_SECONDS_DEFAULT = 0;

const HOST_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const REGION = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Printable ASCII but space, comma and equals sign, which end a word in an Authorization header. */
const ACCESS_KEY_ID = /^[!-+\--<>-~]*$/;

export const CONFIG_SCHEMA = z.object({
  endpoints: z
    .array(z.string(), 'is missing')
    .min(1, 'is empty')
    .describe(
      'Every drive of the cluster as http://HOST:PORT/PATH, with ranges as {1...4}; the same list on every node.',
    )
    .register(SETTINGS, {
      kind: 'arguments',
      placeholder: 'ENDPOINT...',
      variable: 'ASHLAR_ENDPOINTS',
      list: true,
      remedy: 'list every drive of the cluster, for instance http://n{1...4}:9000/data/d{1...2}',
    }),
  name: z
    .string()
    .regex(HOST_NAME, 'is no host name')
    .nullable()
    .default(null)
    .describe('Name of this node, unique in the cluster.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--name',
      placeholder: 'NAME',
      variable: 'ASHLAR_NAME',
      fallback: 'the host of its own endpoints',
      remedy: 'use lower-case letters, digits, dashes and dots, for instance a1',
    }),
  zone: z
    .string('is missing')
    .regex(HOST_NAME, 'is no zone name')
    .describe('The failure domain that this node is in.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--zone',
      placeholder: 'ZONE',
      variable: 'ASHLAR_ZONE',
      fallback: null,
      remedy: 'name the zone in lower-case letters, digits, dashes and dots, for instance a',
    }),
  scheme: z
    .string('is missing')
    .transform((text, context): Scheme => schemeOr(text, (message) => context.addIssue(message)) ?? z.NEVER)
    .describe('Erasure coding: k data shards and m parity shards; the same on every node.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--scheme',
      placeholder: 'K+M',
      variable: 'ASHLAR_SCHEME',
      fallback: null,
      remedy: 'give the numbers of data and parity shards, for instance 4+2',
    }),
  listen: z
    .string()
    .default(LISTEN_DEFAULT)
    .transform((text, context): ListenAddress => listenOr(text, (message) => context.addIssue(message)) ?? z.NEVER)
    .describe('Address and port for clients and for the other nodes.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--listen',
      placeholder: 'HOST:PORT',
      variable: 'ASHLAR_LISTEN',
      fallback: LISTEN_DEFAULT,
      remedy: 'give HOST:PORT or :PORT, with a port from 1 to 65535',
    }),
  walPath: z
    .string()
    .regex(/^\/./, 'is no absolute path')
    .nullable()
    .default(null)
    .describe("Directory for the write-ahead logs of this node's drives, best on a fast device of its own.")
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--wal',
      placeholder: 'DIRECTORY',
      variable: 'ASHLAR_WAL',
      fallback: 'each drive holds its own',
      remedy: 'give the absolute path of an existing directory',
    }),
  region: z
    .string()
    .regex(REGION, 'is no region name')
    .default(REGION_DEFAULT)
    .describe('The S3 region that clients sign for.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--region',
      placeholder: 'REGION',
      variable: 'ASHLAR_REGION',
      fallback: REGION_DEFAULT,
      remedy: 'use lower-case letters, digits and dashes, for instance us-east-1',
    }),
  domains: z
    .array(z.string().regex(DOMAIN, 'is no domain name'))
    .default([])
    .describe('A domain under which every bucket is a subdomain (virtual-host style). May be repeated.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--domain',
      placeholder: 'DOMAIN',
      variable: 'ASHLAR_DOMAIN',
      list: true,
      fallback: 'none, path style only',
      remedy: 'give a domain name in lower case and without a port, for instance s3.example.com',
    }),
  scrubBytesPerSecond: z
    .string()
    .regex(/^[0-9]{1,15}$/, 'is no number of bytes per second')
    .default(String(SCRUB_BYTES_PER_SECOND_DEFAULT))
    .transform(Number)
    .refine((rate) => rate >= SCRUB_BYTES_PER_SECOND_MIN, 'is too slow to ever get around a drive')
    .describe('How fast the background scrub may read each drive, in bytes per second.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--scrub-rate',
      placeholder: 'BYTES',
      variable: 'ASHLAR_SCRUB_RATE',
      fallback: `${SCRUB_BYTES_PER_SECOND_DEFAULT}, three days for 4 TB`,
      remedy: 'give a whole number of bytes per second, 65536 or more, for instance 16777216',
    }),
  drainSeconds: z
    .string()
    .regex(/^[0-9]{1,3}$/, 'is no number of seconds')
    .default(String(DRAIN_SECONDS_DEFAULT))
    .transform(Number)
    .describe('For how long a node that was told to stop serves on, no longer ready, so that balancers look elsewhere.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--drain',
      placeholder: 'SECONDS',
      variable: 'ASHLAR_DRAIN',
      fallback: `${DRAIN_SECONDS_DEFAULT}, it stops at once`,
      remedy: 'give whole seconds from 0 to 999, a few more than the balancer needs to notice, for instance 5',
    }),
  logLevel: z
    .enum(LOG_LEVELS, 'is no log level')
    .default(LOG_LEVEL_DEFAULT)
    .describe('The least important lines that are logged.')
    .register(SETTINGS, {
      kind: 'flag',
      flag: '--log-level',
      placeholder: 'LEVEL',
      variable: 'ASHLAR_LOG_LEVEL',
      fallback: LOG_LEVEL_DEFAULT,
      remedy: `use one of ${LOG_LEVELS.join(', ')}`,
    }),
  clusterSecret: z
    .string('is missing')
    .min(16, 'is shorter than 16 characters')
    .describe('Secret by which nodes know each other, 16 characters or more; the same on every node.')
    .register(SETTINGS, {
      kind: 'secret',
      variable: 'ASHLAR_CLUSTER_SECRET',
      remedy: 'set it to 16 or more random characters, for instance what openssl rand -hex 32 prints',
    }),
  rootUser: z
    .string('is missing')
    .min(3, 'is shorter than 3 characters')
    .max(128, 'is longer than 128 characters')
    .regex(ACCESS_KEY_ID, 'has a character that an access key id cannot have')
    .describe('Access key id of the root user, 3 to 128 characters.')
    .register(SETTINGS, {
      kind: 'secret',
      variable: 'ASHLAR_ROOT_USER',
      remedy: 'set it to 3 to 128 printable ASCII characters without spaces, commas and equals signs',
    }),
  rootPassword: z
    .string('is missing')
    .min(8, 'is shorter than 8 characters')
    .describe('Secret access key of the root user, 8 characters or more.')
    .register(SETTINGS, {
      kind: 'secret',
      variable: 'ASHLAR_ROOT_PASSWORD',
      remedy: 'set it to 8 characters or more',
    }),
});

export type SettingKey = keyof typeof CONFIG_SCHEMA.shape;
export const SETTING_KEYS = Object.keys(CONFIG_SCHEMA.shape) as SettingKey[];

export function settingOf(key: SettingKey): Setting {
  return SETTINGS.get(CONFIG_SCHEMA.shape[key])!;
}

function schemeOr(text: string, refuse: (message: string) => void): Scheme | null {
  try {
    return parseScheme(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    refuse(`is refused (${error.message})`);
    return null;
  }
}

function listenOr(text: string, refuse: (message: string) => void): ListenAddress | null {
  const match = /^(|\[[0-9a-f:.]+\]|[a-z0-9.-]+):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535) {
    return { host: match[1] === '' ? '0.0.0.0' : match[1]!.toLowerCase(), port };
  }
  refuse('is no address');
  return null;
}
