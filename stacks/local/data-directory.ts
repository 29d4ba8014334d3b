// The directory of one local cluster: what lies where, how it comes to be, and how it is told from other people's directories.
// Promises that secrets are readable by their owner only, and that a directory which is not ours is never written to or deleted.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { type Credentials, chooseClusterSecret, chooseCredentials, readSecret } from '../credentials.ts';
import { LocalError } from './errors.ts';

/** ashlar.json: what a later command has to know about the cluster. */
export interface ClusterState {
  readonly kind: typeof STATE_KIND;
  readonly format: 1;
  readonly createdAt: string;
  readonly spec: ClusterSpec;
  /** By node. They never change: peers know each other by them. */
  readonly nodePorts: Readonly<Record<string, number>>;
  readonly endpointPort: number;
}

export interface LocalCluster {
  readonly directory: string;
  readonly state: ClusterState;
  readonly credentials: Credentials;
  readonly clusterSecret: string;
}

/** Stands where a node's name would; no node can be called so. */
export const BALANCER = '(balancer)';

const STATE_KIND = 'ashlar local cluster';
const STATE_FILE = 'ashlar.json';
/** Everything that this file or the cluster's processes put into the directory. */
const OWN_ENTRIES = [STATE_FILE, 'secrets', 'data', 'wal', 'removed', 'logs', 'run'];

export function directoryLayout(directory: string) {
  const at = (...parts: string[]) => join(directory, ...parts);
  return {
    stateFile: at(STATE_FILE),
    /** Process records, and the lock. */
    run: at('run'),
    lockFile: at('run', 'lock'),
    /** process: a node's name, or BALANCER. */
    recordFile: (process: string) => at('run', `${fileName(process)}.json`),
    logFile: (process: string) => at('logs', `${fileName(process)}.log`),
    /** slot: "a1/d1". Two names deep, so that no node's name can meet a file of another kind. */
    drive: (slot: string) => at('data', ...slot.split('/')),
    /** Where a drill keeps the files of a drive that it made unusable. */
    removedDrive: (slot: string) => at('removed', ...slot.split('/')),
    wal: (node: string) => at('wal', node),
    rootUserFile: at('secrets', 'root-user'),
    rootPasswordFile: at('secrets', 'root-password'),
    clusterSecretFile: at('secrets', 'cluster-secret'),
  };
}

export interface CreateProps {
  readonly directory: string;
  readonly spec: ClusterSpec;
  /** Relative files named in the spec start here. */
  readonly specDirectory: string;
  readonly nodePorts: Readonly<Record<string, number>>;
  readonly endpointPort: number;
}

/** Throws LocalError 'input' when something that is not ours is in the way. Either all of it is there afterwards, or nothing. */
export function createCluster(props: CreateProps): LocalCluster {
  const { directory, spec, nodePorts, endpointPort } = props;
  refuseForeign(directory);
  const credentials = chooseCredentials(spec, props.specDirectory);
  const state: ClusterState = {
    kind: STATE_KIND,
    format: 1,
    createdAt: new Date().toISOString(),
    spec,
    nodePorts,
    endpointPort,
  };
  const cluster = { directory, state, credentials, clusterSecret: chooseClusterSecret() };
  // Built aside and renamed, so that an interruption leaves nothing half made; an existing empty directory may be a mount
  // point, which nothing can be renamed onto, and is filled in place.
  const inPlace = existsSync(directory);
  const building = inPlace ? directory : join(dirname(directory), `.${basename(directory)}.${process.pid}.new`);
  try {
    build(building, cluster);
    if (!inPlace) renameSync(building, directory);
  } catch (error) {
    for (const entry of OWN_ENTRIES) rmSync(join(building, entry), { recursive: true, force: true });
    if (!inPlace) rmSync(building, { recursive: true, force: true });
    throw error;
  }
  return cluster;
}

/** null when the directory does not exist or is empty. Throws LocalError 'input' when it is not ours or cannot be read. */
export function openCluster(directory: string): LocalCluster | null {
  const layout = directoryLayout(directory);
  if (!existsSync(layout.stateFile)) {
    refuseForeign(directory);
    return null;
  }
  return {
    directory,
    state: readState(layout.stateFile),
    credentials: {
      accessKeyId: readSecret(layout.rootUserFile),
      secretAccessKey: readSecret(layout.rootPasswordFile),
    },
    clusterSecret: readSecret(layout.clusterSecretFile),
  };
}

/** The same cluster with another port, or another spec of the same shape. */
export function updateState(
  cluster: LocalCluster,
  change: Partial<Pick<ClusterState, 'spec' | 'endpointPort' | 'nodePorts'>>,
): LocalCluster {
  const state = { ...cluster.state, ...change };
  writeState(cluster.directory, state);
  return { ...cluster, state };
}

/** Deletes what is ours. Returns the names of other things, which keep the directory alive. The cluster must be stopped. */
export function purgeCluster(cluster: LocalCluster): string[] {
  // Read again: deleting is not done on the word of somebody who read it earlier.
  readState(directoryLayout(cluster.directory).stateFile);
  // The state file goes last, so that a purge which was interrupted can be repeated.
  for (const entry of OWN_ENTRIES.toReversed())
    rmSync(join(cluster.directory, entry), { recursive: true, force: true });
  const left = readdirSync(cluster.directory);
  if (left.length === 0) rmdirSync(cluster.directory);
  return left;
}

/** Names of the clusters kept under a directory, ".ashlar" as a rule. */
export function clustersUnder(parent: string): string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent).filter((name) => existsSync(join(parent, name, STATE_FILE)));
}

/** Nodes and the balancer share directories of records and logs, and a node may well be called "balancer". */
function fileName(process: string): string {
  return process === BALANCER ? 'balancer' : `node-${process}`;
}

function build(building: string, cluster: LocalCluster): void {
  const layout = directoryLayout(building);
  mkdirSync(building, { recursive: true });
  chmodSync(building, 0o700);
  for (const directory of [dirname(layout.rootUserFile), layout.run, dirname(layout.logFile(BALANCER))]) {
    mkdirSync(directory, { mode: 0o700 });
  }
  for (const node of cluster.state.spec.nodes) {
    for (const drive of node.drives) mkdirSync(layout.drive(`${node.name}/${drive.name}`), { recursive: true });
    if (node.wal !== null) mkdirSync(layout.wal(node.name), { recursive: true });
  }
  writeSecret(layout.rootUserFile, cluster.credentials.accessKeyId);
  writeSecret(layout.rootPasswordFile, cluster.credentials.secretAccessKey);
  writeSecret(layout.clusterSecretFile, cluster.clusterSecret);
  writeState(building, cluster.state);
}

function refuseForeign(directory: string): void {
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const why = code === 'ENOTDIR' ? 'it is a file' : String(code);
    throw new LocalError('input', `${directory} cannot hold a cluster: ${why}; name another with --data`);
  }
  if (entries.length > 0) {
    const sample = entries.slice(0, 3).join(', ');
    throw new LocalError(
      'input',
      `${directory} is not the data of a local cluster (it holds ${sample}); name an empty or new directory with --data`,
    );
  }
}

function readState(file: string): ClusterState {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new LocalError('input', `${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const { kind, format } = (value ?? {}) as { kind?: unknown; format?: unknown };
  if (kind !== STATE_KIND) throw new LocalError('input', `${file} does not describe a local Ashlar cluster`);
  if (format !== 1)
    throw new LocalError('input', `${file} was written by another version of Ashlar (format ${format})`);
  return value as ClusterState;
}

function writeState(directory: string, state: ClusterState): void {
  const file = directoryLayout(directory).stateFile;
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function writeSecret(file: string, secret: string): void {
  writeFileSync(file, secret, { mode: 0o600 });
}
