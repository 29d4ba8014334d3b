// The document that people write, as a zod schema: names, shapes and patterns of the settings, each with what it means. The
// published JSON Schema (spec/schema.json, for completion in editors) is generated from it. What no schema can say (a name
// given twice, drives that nobody gave) is in resolve.ts.
import { z } from 'zod';
import { DOMAINS, ENGINES } from './choices.ts';
import { HOST_PLACES } from './hosts-places.ts';
import { HOST_KEYS, hostsSchema } from './hosts-schema.ts';
import { ADDRESS_PATTERN, CAPACITY_PATTERN, SCHEME_PATTERN } from './quantities.ts';

/** Lower-case DNS label: zones and nodes become host names, labels and directory names. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Absolute, without "." and ".." and without what a shell or a URL would take apart. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;

const label = z.string().regex(LABEL);
const path = z.string().regex(PATH);

const capacity = z
  .string()
  .regex(CAPACITY_PATTERN)
  .describe('Capacity of each drive, for instance 4TB or 3.6TiB. Give it for all drives or for none.');

const driveEntry = z.union([
  path.describe('Directory of the drive, for instance /mnt/d1.'),
  z.strictObject({ path, capacity: capacity.optional() }).describe('A drive with a capacity of its own.'),
]);

const drives = z
  .union([
    z.int().min(1).max(256).describe('So many drives, named d1, d2 and so on.'),
    z.array(driveEntry).min(1).max(256).describe('The directories of the drives.'),
  ])
  .describe('Drives of a node: how many, or their directories.');

const node = z.strictObject({
  zone: label.describe('The zone the node is in.'),
  address: z
    .string()
    .regex(ADDRESS_PATTERN)
    .optional()
    .describe('HOST or HOST:PORT where peers and clients reach the node. Give it for all nodes or for none.'),
  drives: drives.optional(),
  capacity: capacity.optional(),
  wal: path.optional().describe("Directory of the node's write-ahead log, best on a fast device of its own."),
});

export const documentSchema = z.strictObject({
  name: label.optional().describe('Name of the cluster. Default: ashlar.'),
  engine: z.enum(ENGINES).optional().describe('The storage server to deploy. Default: ashlar, the bundled one.'),
  erasure: z
    .string()
    .regex(SCHEME_PATTERN)
    .describe('k+m: every object is cut into k data shards and m parity shards; any k of them are enough to read it.'),
  survive: z
    .enum(DOMAINS)
    .optional()
    .describe(
      'Losing any one of these must stop neither reads nor writes. Default: zone with two zones or more, else node with two nodes or more, else drive.',
    ),
  zones: z
    .record(label, z.int().min(1).max(1000))
    .optional()
    .describe('Short form: nodes per zone. They are named by zone and number: a1, a2, b1.'),
  nodes: z.record(label, node).optional().describe('Long form: the nodes by name.'),
  drives: drives.optional(),
  capacity: capacity.optional(),
  endpoint: z
    .union([z.string().regex(ADDRESS_PATTERN), z.int().min(1).max(65_535)])
    .optional()
    .describe('Where clients reach the cluster: HOST:PORT, HOST, or only a port.'),
  region: label.optional().describe('The S3 region that clients sign for. Default: us-east-1.'),
  domains: z
    .array(z.string().regex(DOMAIN))
    .optional()
    .describe('Domain names under which every bucket is a subdomain (virtual-host style).'),
  root: z
    .strictObject({
      accessKey: z
        .string()
        .regex(/^[A-Za-z0-9._-]{3,128}$/)
        .optional()
        .describe('Access key of the root user. Default: drawn at random.'),
      secretKeyFile: path
        .optional()
        .describe('File whose first line is the secret key of the root user. Default: drawn at random.'),
    })
    .optional()
    .describe('The root user, who may do everything.'),
  volumes: z
    .array(z.string().min(1).max(1000))
    .min(1)
    .optional()
    .describe(
      'Only with engine rustfs or minio: the volume arguments of the existing cluster, word by word. Default: chosen by the plan.',
    ),
  hosts: hostsSchema.optional(),
});

/** The document after its shape was found right. */
export type SpecDocument = z.output<typeof documentSchema>;
export type NodeDocument = z.output<typeof node>;
export type DrivesDocument = z.output<typeof drives>;

/** What may stand at a place of the document; '*' stands for any name and any index. */
export const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(documentSchema.shape),
  'nodes.*': Object.keys(node.shape),
  root: ['accessKey', 'secretKeyFile'],
  'drives.*': ['path', 'capacity'],
  'nodes.*.drives.*': ['path', 'capacity'],
  ...HOST_KEYS,
};

/** What a place of the document holds, and what to do when it holds something else. */
export interface Place {
  /** Completes "… is not". */
  readonly noun: string;
  readonly remedy: string;
}

const PATH_REMEDY = 'Write an absolute path of letters, digits, ".", "_" and "-", for instance /mnt/d1.';
const NAME_REMEDY = 'Use 1 to 40 lower-case letters, digits and hyphens, for instance';

/** By path, where '*' stands for any name and any index, and '#' for the name itself. */
export const PLACES: Readonly<Record<string, Place>> = {
  '': {
    noun: 'a cluster spec',
    remedy: 'Write at least "erasure: 4+2", "zones: {a: 1, b: 1, c: 1, d: 1}" and "drives: 2".',
  },
  name: { noun: "a cluster's name", remedy: `${NAME_REMEDY} ashlar.` },
  engine: { noun: 'an engine', remedy: `Use ${ENGINES.join(', ')}.` },
  erasure: { noun: 'an erasure scheme', remedy: 'Write k+m, for instance 4+2 (four data and two parity shards).' },
  survive: { noun: 'a failure domain', remedy: `Use ${DOMAINS.join(', ')}.` },
  zones: { noun: 'a list of zones', remedy: 'Write the nodes per zone, for instance {a: 1, b: 1, c: 1, d: 1}.' },
  'zones.*': { noun: 'a number of nodes', remedy: 'Write how many nodes the zone has, 1 to 1000.' },
  'zones.#': { noun: "a zone's name", remedy: `${NAME_REMEDY} a.` },
  nodes: { noun: 'a list of nodes', remedy: 'Write nodes by name, for instance {a1: {zone: a, drives: [/mnt/d1]}}.' },
  'nodes.*': { noun: 'a node', remedy: 'Write {zone: a, address: 10.0.0.1:9000, drives: [/mnt/d1, /mnt/d2]}.' },
  'nodes.#': { noun: "a node's name", remedy: `${NAME_REMEDY} a1.` },
  'nodes.*.zone': { noun: "a zone's name", remedy: `${NAME_REMEDY} a.` },
  'nodes.*.address': { noun: 'an address', remedy: 'Write HOST or HOST:PORT, for instance 10.0.0.1:9000.' },
  'nodes.*.wal': { noun: 'a path', remedy: PATH_REMEDY },
  drives: {
    noun: 'a number or a list of drives',
    remedy: 'Write how many drives each node has (1 to 256), or their directories, for instance [/mnt/d1, /mnt/d2].',
  },
  'drives.*': {
    noun: 'a drive',
    remedy: 'Write an absolute path, for instance /mnt/d1, or {path: /mnt/d1, capacity: 4TB}.',
  },
  'drives.*.path': { noun: 'a path', remedy: PATH_REMEDY },
  capacity: { noun: 'a capacity', remedy: 'Write a number and a unit (GB, TB, GiB, TiB), for instance 4TB.' },
  endpoint: { noun: 'an endpoint', remedy: 'Write HOST:PORT, HOST, or a port, for instance 127.0.0.1:9000.' },
  region: { noun: 'a region', remedy: `${NAME_REMEDY} us-east-1.` },
  domains: { noun: 'a list of domain names', remedy: 'Write a list, for instance [s3.example.com].' },
  'domains.*': {
    noun: 'a domain name',
    remedy: 'Write it in lower case with at least one dot, for instance s3.example.com.',
  },
  root: { noun: 'a root user', remedy: 'Write {accessKey: NAME, secretKeyFile: /PATH}; both are optional.' },
  'root.accessKey': { noun: 'an access key', remedy: 'Use 3 to 128 letters, digits, ".", "_" and "-".' },
  'root.secretKeyFile': { noun: 'a path', remedy: PATH_REMEDY },
  volumes: {
    noun: 'a list of volume arguments',
    remedy: 'Write a list, for instance ["http://host{1...16}/data/d{1...4}"].',
  },
  'volumes.*': {
    noun: 'a volume argument',
    remedy: 'Write it as on the command line, for instance "http://host{1...16}/data/d{1...4}".',
  },
  ...HOST_PLACES,
};
