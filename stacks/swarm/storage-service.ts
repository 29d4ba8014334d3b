// The service of one storage node: what the engine is told, and what of its host it gets. Pure.
import type { Plan, PlanDrive, PlanNode } from '../../plan/plan.ts';
import { SECRET_FILES } from '../secret-files.ts';
import { nodeLabelKey, type ResourceSettings, type SwarmSettings } from './settings.ts';
import type { HealthCheck, ServiceResources, SwarmMount, SwarmService } from './swarm-stack.ts';

/** What all three engines listen on unless the spec gives a node another port. */
const DEFAULT_PORT = 9000;

/** Where Docker puts them, unless told otherwise. */
const SECRETS_DIRECTORY = '/run/secrets';
const WAL_DIRECTORY = '/wal';
/** Of the storage node's image (node/image/Dockerfile), which runs as nobody else. */
const ASHLAR_USER = '10001';

/**
 * A task counts as running, and has its name in DNS, from the first good answer on, so it is asked often. It is killed only after
 * minutes: on a host that is short of processors the answer comes late, and one node more that starts again makes that worse.
 */
const LIVENESS = { kind: 'live', test: [], interval: '10s', timeout: '20s', retries: 9 } as const;

/** The part of a service that the engine decides. */
interface EngineParts {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly secretsOwner: { readonly uid: string; readonly gid: string };
  readonly health: HealthCheck;
  /** Our own image: runs without privileges and writes nowhere but on its drives. */
  readonly isOurs: boolean;
}

export function serviceNameOf(cluster: string, node: string): string {
  return `${cluster}-${node}`;
}

export function portOf(node: PlanNode): number {
  return node.port ?? DEFAULT_PORT;
}

/** Directory of the drive on its host: the mount point of the spec, else the one that host tuning gives a drive of that name. */
export function driveSource(drive: PlanDrive, settings: SwarmSettings): string {
  return drive.path ?? `${settings.dataRoot}/${drive.name}`;
}

/** Variables that this file sets, which settings must not. */
export function ownVariables(plan: Plan): string[] {
  const [node] = plan.nodes;
  return node === undefined ? [] : Object.keys(engineParts(plan, node, [], DEFAULT_STARTS).environment);
}

/** peers: the nodes that this one is told of. */
export function storageService(
  plan: Plan,
  node: PlanNode,
  peers: readonly PlanNode[],
  settings: SwarmSettings,
): SwarmService {
  const isOverlay = settings.network.mode === 'overlay';
  const special = settings.nodes[node.name] ?? {};
  const parts = engineParts(plan, node, peers, { isOverlay, startPeriod: settings.startPeriod });
  return {
    name: serviceNameOf(plan.name, node.name),
    image: familiarImage(special.image ?? settings.image),
    hostname: node.name,
    aliases: isOverlay ? aliasesOf(node) : [],
    args: parts.args,
    environment: sorted({ ...settings.environment, ...special.environment, ...parts.environment }),
    user: null,
    readOnly: parts.isOurs,
    // The storage node needs none. What the entry points of the others do as root is theirs.
    dropsCapabilities: parts.isOurs,
    mounts: mountsOf(plan, node, settings),
    secrets: parts.secrets,
    secretsOwner: parts.secretsOwner,
    configs: [],
    constraints: [
      `node.labels.${settings.labels.zone} == ${node.zone}`,
      `node.labels.${nodeLabelKey(settings, plan.name)} == ${node.name}`,
    ],
    ports: isOverlay && settings.publish ? [{ target: portOf(node), published: portOf(node) }] : [],
    health: parts.health,
    stopSignal: null,
    stopGracePeriod: settings.stopGracePeriod,
    resources: resourcesOf(special.resources ?? settings.resources),
    logging: { driver: settings.logging.driver, options: sorted(settings.logging.options) },
    labels: { 'ashlar.cluster': plan.name, 'ashlar.node': node.name, 'ashlar.zone': node.zone },
    convergeTimeout: settings.convergeTimeout,
  };
}

/**
 * As the Docker client rewrites every reference on its way to the engine (reference.FamiliarString): a service that is declared
 * with the long form would differ from what the engine reports, and be updated by every apply.
 */
export function familiarImage(image: string): string {
  return image.replace(/^(?:index\.)?docker\.io\/(?:library\/)?/, '');
}

export function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface StartSettings {
  readonly isOverlay: boolean;
  readonly startPeriod: string;
}

const DEFAULT_STARTS: StartSettings = { isOverlay: true, startPeriod: '5m' };

function engineParts(plan: Plan, node: PlanNode, peers: readonly PlanNode[], starts: StartSettings): EngineParts {
  switch (plan.engine) {
    case 'ashlar':
      return ashlarParts(plan, node, peers, starts);
    case 'minio':
      return minioParts(plan, node);
    case 'rustfs':
      return rustfsParts(plan, node);
  }
}

function ashlarParts(plan: Plan, node: PlanNode, peers: readonly PlanNode[], starts: StartSettings): EngineParts {
  const endpoints = peers.flatMap((peer) => {
    const host = starts.isOverlay ? peer.name : peer.host;
    return peer.drives.map((drive) => `http://${host}:${portOf(peer)}${containerPath(plan, drive)}`);
  });
  return {
    args: [
      'server',
      ...['--name', node.name],
      ...['--zone', node.zone],
      ...['--scheme', `${plan.scheme.k}+${plan.scheme.m}`],
      ...['--region', plan.region],
      ...plan.domains.flatMap((domain) => ['--domain', domain]),
      ...(node.wal === null ? [] : ['--wal', WAL_DIRECTORY]),
      ...endpoints,
    ],
    environment: {
      ASHLAR_CLUSTER_SECRET_FILE: secretPath(SECRET_FILES.clusterSecret),
      // Not --listen: the image's health check goes by the variable.
      ASHLAR_LISTEN: `0.0.0.0:${portOf(node)}`,
      ASHLAR_ROOT_PASSWORD_FILE: secretPath(SECRET_FILES.rootPassword),
      ASHLAR_ROOT_USER_FILE: secretPath(SECRET_FILES.rootUser),
    },
    secrets: [SECRET_FILES.clusterSecret, SECRET_FILES.rootPassword, SECRET_FILES.rootUser],
    secretsOwner: { uid: ASHLAR_USER, gid: ASHLAR_USER },
    health: { ...LIVENESS, startPeriod: starts.startPeriod },
    isOurs: true,
  };
}

/** The official image; what the arguments mean is plan/set-layout.ts. */
function minioParts(plan: Plan, node: PlanNode): EngineParts {
  return {
    args: ['server', '--address', `:${portOf(node)}`, ...volumesOf(plan)],
    environment: {
      ...setEnvironment(plan),
      MINIO_ROOT_PASSWORD_FILE: secretPath(SECRET_FILES.rootPassword),
      MINIO_ROOT_USER_FILE: secretPath(SECRET_FILES.rootUser),
    },
    ...otherEngine(),
  };
}

/** The official image. Its entry point adds /data to what it is told unless RUSTFS_VOLUMES names something else. */
function rustfsParts(plan: Plan, node: PlanNode): EngineParts {
  return {
    args: volumesOf(plan),
    environment: {
      ...setEnvironment(plan),
      RUSTFS_ACCESS_KEY_FILE: secretPath(SECRET_FILES.rootUser),
      RUSTFS_ADDRESS: `0.0.0.0:${portOf(node)}`,
      RUSTFS_CONSOLE_ENABLE: 'false',
      RUSTFS_SECRET_KEY_FILE: secretPath(SECRET_FILES.rootPassword),
      RUSTFS_VOLUMES: volumesOf(plan).join(' '),
    },
    ...otherEngine(),
  };
}

function otherEngine(): Pick<EngineParts, 'secrets' | 'secretsOwner' | 'health' | 'isOurs'> {
  return {
    secrets: [SECRET_FILES.rootPassword, SECRET_FILES.rootUser],
    // Whoever their images run as may read them; nobody else is in the container.
    secretsOwner: { uid: '0', gid: '0' },
    // Nothing in their images is sure to ask for live: what they bring asks for ready, and Swarm would kill a healing node.
    health: { kind: 'none' },
    isOurs: false,
  };
}

function volumesOf({ layout }: Plan): readonly string[] {
  return layout?.kind === 'sets' ? layout.volumes : [];
}

function setEnvironment({ layout }: Plan): Readonly<Record<string, string>> {
  return layout?.kind === 'sets' ? layout.environment : {};
}

/** Engines with sets know a drive by the path in their volume arguments, ours by its name alone. */
function containerPath(plan: Plan, drive: PlanDrive): string {
  return plan.engine === 'ashlar' ? `/data/${drive.name}` : (drive.path ?? `/data/${drive.name}`);
}

/** Binds, never volumes: a docker_volume exists only on the daemon that Terraform happens to talk to. */
function mountsOf(plan: Plan, node: PlanNode, settings: SwarmSettings): SwarmMount[] {
  const drives = node.drives.map(
    (drive): SwarmMount => ({
      kind: 'bind',
      source: driveSource(drive, settings),
      target: containerPath(plan, drive),
    }),
  );
  const wal: SwarmMount[] = node.wal === null ? [] : [{ kind: 'bind', source: node.wal, target: WAL_DIRECTORY }];
  return [...drives, ...wal, { kind: 'tmpfs', target: '/tmp' }];
}

/** Peers know a node by its name; by its host, too, where volume arguments that can never change name that. */
function aliasesOf({ name, host }: PlanNode): string[] {
  return host === null || host === name || !/[a-z]/i.test(host) ? [name] : [name, host];
}

function resourcesOf(settings: ResourceSettings): ServiceResources {
  return {
    memoryLimitBytes: settings.memoryLimit,
    memoryReservationBytes: settings.memoryReservation,
    cpuLimit: settings.cpuLimit,
    cpuReservation: settings.cpuReservation,
  };
}

function secretPath(file: string): string {
  return `${SECRETS_DIRECTORY}/${file}`;
}
