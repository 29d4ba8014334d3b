// What each engine is told and asked on Kubernetes: arguments, variables, probes, and what its container needs beyond its volumes. Pure.
import type { Plan, PlanDrive, PlanNode } from '../../plan/plan.ts';
import { SECRET_FILES } from '../secret-files.ts';
import { nodesOfZone, nodesServiceName, portOf, statefulSetName } from './names.ts';

export const SECRETS_DIRECTORY = '/run/secrets/ashlar';
export const WAL_DIRECTORY = '/wal';
/** Where each pod finds which node it is, in a file named like the pod. */
export const NODE_MAP_DIRECTORY = '/etc/ashlar/nodes';
/** Of the storage node's image (node/image/Dockerfile); the other engines run under any. */
export const USER_ID = 10_001;

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface EngineParts {
  /** null: the image's own entry point. */
  readonly command: readonly string[] | null;
  readonly args: readonly string[];
  /** In their order: a variable may name one that comes before it. */
  readonly environment: readonly EnvironmentVariable[];
  readonly secretKeys: readonly string[];
  /** Whether the process works, and whether it serves. */
  readonly livePath: string;
  readonly readyPath: string;
  readonly metricsPath: string | null;
  /** Directories that it writes to beside its drives; nothing in them lasts. */
  readonly scratch: readonly string[];
}

/** founders: see peersOf. */
export function engineParts(
  plan: Plan,
  zone: string,
  peers: readonly PlanNode[],
  options: { readonly hasWal: boolean; readonly drainSeconds: number },
): EngineParts {
  switch (plan.engine) {
    case 'ashlar':
      return ashlarParts(plan, zone, peers, options);
    case 'minio':
      return minioParts(plan);
    case 'rustfs':
      return rustfsParts(plan);
  }
}

/** Engines with sets know a drive by the path in their volume arguments, ours by its name alone. */
export function containerPath(plan: Plan, drive: PlanDrive): string {
  return plan.engine === 'ashlar' ? `/data/${drive.name}` : (drive.path ?? `/data/${drive.name}`);
}

/**
 * A bootstrap list that stays what it was when the zone was created: growth adds members through the cluster map, and a changed list
 * would restart every pod for nothing.
 */
export function peersOf(plan: Plan, zone: string, founders: readonly string[] | null): readonly PlanNode[] {
  if (founders === null) return plan.nodes;
  const isOfFounders = nodesOfZone(plan, zone).every(({ name }) => founders.includes(name));
  return isOfFounders ? plan.nodes.filter(({ name }) => founders.includes(name)) : plan.nodes;
}

/** Every drive of the peers by the stable name of its pod; pods that follow each other as one range, or 300 nodes would fill pages. */
export function peerEndpoints(plan: Plan, peers: readonly PlanNode[]): string[] {
  const port = portOf(plan);
  return plan.zones.flatMap((zone) => {
    const members = nodesOfZone(plan, zone);
    const drives = new Map(
      members.flatMap(({ drives }) => drives.map((drive) => [drive.name, containerPath(plan, drive)])),
    );
    return [...drives].flatMap(([drive, directory]) => {
      const ordinals = members.flatMap((node, ordinal) =>
        peers.includes(node) && node.drives.some(({ name }) => name === drive) ? [ordinal] : [],
      );
      return runs(ordinals).map(([first, last]) => {
        const ordinal = first === last ? String(first) : `{${first}...${last}}`;
        return `http://${statefulSetName(plan, zone)}-${ordinal}.${nodesServiceName(plan)}:${port}${directory}`;
      });
    });
  });
}

function ashlarParts(
  plan: Plan,
  zone: string,
  peers: readonly PlanNode[],
  { hasWal, drainSeconds }: { readonly hasWal: boolean; readonly drainSeconds: number },
): EngineParts {
  return {
    command: null,
    args: [
      'server',
      ...['--zone', zone],
      ...['--scheme', `${plan.scheme.k}+${plan.scheme.m}`],
      ...['--region', plan.region],
      ...plan.domains.flatMap((domain) => ['--domain', domain]),
      ...(hasWal ? ['--wal', WAL_DIRECTORY] : []),
      ...peerEndpoints(plan, peers),
    ],
    environment: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'ASHLAR_CLUSTER_SECRET_FILE', value: secretPath(SECRET_FILES.clusterSecret) },
      { name: 'ASHLAR_DRAIN', value: String(drainSeconds) },
      { name: 'ASHLAR_LISTEN', value: `0.0.0.0:${portOf(plan)}` },
      // One pod template for a zone, and a name of its own for each of its nodes: the kubelet puts in the pod's name.
      { name: 'ASHLAR_NAME_FILE', value: `${NODE_MAP_DIRECTORY}/$(POD_NAME)` },
      { name: 'ASHLAR_ROOT_PASSWORD_FILE', value: secretPath(SECRET_FILES.rootPassword) },
      { name: 'ASHLAR_ROOT_USER_FILE', value: secretPath(SECRET_FILES.rootUser) },
    ],
    secretKeys: [SECRET_FILES.clusterSecret, SECRET_FILES.rootPassword, SECRET_FILES.rootUser],
    livePath: '/_ashlar/health/live',
    readyPath: '/_ashlar/health/ready',
    metricsPath: '/metrics',
    // It writes nowhere else than on its drives; and "kubectl drain" takes no pod with such a directory unless told to.
    scratch: [],
  };
}

/** The official image; what the arguments mean is plan/set-layout.ts. Its home must be writable: there it looks for certificates. */
function minioParts(plan: Plan): EngineParts {
  return {
    command: null,
    args: ['server', '--address', `:${portOf(plan)}`, ...volumesOf(plan)],
    environment: [
      { name: 'HOME', value: '/tmp' },
      { name: 'MINIO_ROOT_PASSWORD_FILE', value: secretPath(SECRET_FILES.rootPassword) },
      { name: 'MINIO_ROOT_USER_FILE', value: secretPath(SECRET_FILES.rootUser) },
      ...setEnvironment(plan),
    ],
    secretKeys: [SECRET_FILES.rootPassword, SECRET_FILES.rootUser],
    livePath: '/minio/health/live',
    // Not /minio/health/ready: that is true of one that has not found the others yet, and cannot read a thing.
    readyPath: '/minio/health/cluster/read',
    metricsPath: null,
    scratch: ['/tmp'],
  };
}

/** The official image, without its entry point: that makes every directory of the list, also those of other nodes' drives. */
function rustfsParts(plan: Plan): EngineParts {
  return {
    command: ['/usr/bin/rustfs'],
    args: [...volumesOf(plan)],
    environment: [
      { name: 'HOME', value: '/tmp' },
      { name: 'RUSTFS_ACCESS_KEY_FILE', value: secretPath(SECRET_FILES.rootUser) },
      { name: 'RUSTFS_ADDRESS', value: `0.0.0.0:${portOf(plan)}` },
      { name: 'RUSTFS_CONSOLE_ENABLE', value: 'false' },
      { name: 'RUSTFS_SECRET_KEY_FILE', value: secretPath(SECRET_FILES.rootPassword) },
      { name: 'RUSTFS_VOLUMES', value: volumesOf(plan).join(' ') },
      ...setEnvironment(plan),
    ],
    secretKeys: [SECRET_FILES.rootPassword, SECRET_FILES.rootUser],
    livePath: '/health',
    readyPath: '/health/ready',
    metricsPath: null,
    scratch: ['/logs', '/tmp'],
  };
}

function volumesOf({ layout }: Plan): readonly string[] {
  return layout?.kind === 'sets' ? layout.volumes : [];
}

function setEnvironment({ layout }: Plan): EnvironmentVariable[] {
  const variables = layout?.kind === 'sets' ? layout.environment : {};
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

function secretPath(key: string): string {
  return `${SECRETS_DIRECTORY}/${key}`;
}

/** [0, 1, 2, 5] → [[0, 2], [5, 5]] */
function runs(ordinals: readonly number[]): [number, number][] {
  const result: [number, number][] = [];
  for (const ordinal of ordinals) {
    const last = result.at(-1);
    if (last !== undefined && last[1] === ordinal - 1) last[1] = ordinal;
    else result.push([ordinal, ordinal]);
  }
  return result;
}
