// The processes of one local cluster, a storage node each and the balancer: how they are started, and which of them run.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from '../../node/runtime-settings.ts';
import type { SpecNode } from '../../spec/cluster-spec.ts';
import { BALANCER, directoryLayout, type LocalCluster } from './data-directory.ts';
import type { NodeAddress } from './node-client.ts';
import { LOOPBACK } from './ports.ts';
import { isAlive, type ProcessRecord, readRecord, type StartedProcess, startProcess } from './processes.ts';
import { compileCacheDirectory, programFile } from './program-files.ts';

/** What the cluster is run with. Tests give another storage node. */
export interface Programs {
  /** The Node that runs everything. */
  readonly runtime: string;
  readonly node: string;
  readonly balancer: string;
}

export function defaultPrograms(): Programs {
  return {
    runtime: process.execPath,
    node: programFile('node/main'),
    balancer: programFile('stacks/local/balancer-main'),
  };
}

export function nodeAddress(cluster: LocalCluster, node: string): NodeAddress {
  return { host: LOOPBACK, port: cluster.state.nodePorts[node]! };
}

export function endpointAddress(cluster: LocalCluster): NodeAddress {
  return { host: LOOPBACK, port: cluster.state.endpointPort };
}

export function endpointUrl(cluster: LocalCluster): string {
  return `http://${LOOPBACK}:${cluster.state.endpointPort}`;
}

/** The record of the process when it runs, else null. name: a node's, or BALANCER. */
export function runningProcess(cluster: LocalCluster, name: string): ProcessRecord | null {
  const record = readRecord(directoryLayout(cluster.directory).recordFile(name));
  return isAlive(record) ? record : null;
}

/** Names of the nodes whose process runs, in the order of the spec. */
export function runningNodes(cluster: LocalCluster): string[] {
  return cluster.state.spec.nodes.map((node) => node.name).filter((name) => runningProcess(cluster, name) !== null);
}

export function startNode(cluster: LocalCluster, node: SpecNode, programs: Programs): StartedProcess {
  const layout = directoryLayout(cluster.directory);
  return startProcess({
    program: programs.runtime,
    arguments: [...RUNTIME_FLAGS, programs.node, ...nodeArguments(cluster, node)],
    environment: {
      ...runtimeEnvironment(),
      ASHLAR_CLUSTER_SECRET_FILE: layout.clusterSecretFile,
      ASHLAR_ROOT_USER_FILE: layout.rootUserFile,
      ASHLAR_ROOT_PASSWORD_FILE: layout.rootPasswordFile,
    },
    workingDirectory: cluster.directory,
    logFile: layout.logFile(node.name),
    recordFile: layout.recordFile(node.name),
  });
}

/** guard: the balancer takes the whole cluster down, files too, when the process that started it is gone. */
export function startBalancerProcess(cluster: LocalCluster, programs: Programs, guard: boolean): StartedProcess {
  const layout = directoryLayout(cluster.directory);
  const { nodes } = cluster.state.spec;
  return startProcess({
    program: programs.runtime,
    arguments: [
      programs.balancer,
      ...['--listen', `${LOOPBACK}:${cluster.state.endpointPort}`],
      ...(guard ? ['--guard', cluster.directory] : []),
      ...nodes.map(({ name }) => `${name}=${LOOPBACK}:${cluster.state.nodePorts[name]}`),
    ],
    environment: runtimeEnvironment(),
    workingDirectory: cluster.directory,
    logFile: layout.logFile(BALANCER),
    recordFile: layout.recordFile(BALANCER),
    holdStdin: guard,
  });
}

/** The peer list and everything else that a node is told: the same for every start, and the same list for every node. */
export function nodeArguments(cluster: LocalCluster, node: SpecNode): string[] {
  const { spec, nodePorts } = cluster.state;
  const layout = directoryLayout(cluster.directory);
  const endpoints = spec.nodes.flatMap(({ name, drives }) =>
    drives.map((drive) => `http://${LOOPBACK}:${nodePorts[name]}${layout.drive(`${name}/${drive.name}`)}`),
  );
  return [
    'server',
    ...['--name', node.name],
    ...['--zone', node.zone],
    ...['--scheme', `${spec.erasure.k}+${spec.erasure.m}`],
    ...['--listen', `${LOOPBACK}:${nodePorts[node.name]}`],
    ...['--region', spec.region],
    ...spec.domains.flatMap((domain) => ['--domain', domain]),
    ...(node.wal === null ? [] : ['--wal', layout.wal(node.name)]),
    ...endpoints,
  ];
}

/** Where the log of a process ends now, to be given to logSince later. */
export function logPosition(cluster: LocalCluster, name: string): number {
  const file = directoryLayout(cluster.directory).logFile(name);
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines that the process wrote after that position, for people: of a JSON line only the message. */
export function logSince(cluster: LocalCluster, name: string, position: number, linesMax: number): string[] {
  const file = directoryLayout(cluster.directory).logFile(name);
  const descriptor = openSync(file, 'r');
  try {
    const end = fstatSync(descriptor).size;
    // A log that shrank was begun anew.
    const from = Math.max(position <= end ? position : 0, end - 64 * 1024);
    const bytes = Buffer.alloc(end - from);
    readSync(descriptor, bytes, 0, bytes.length, from);
    const lines = bytes
      .toString('utf8')
      .split('\n')
      // Where in our code a crash came from is for developers, and is in the file.
      .filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
    return lines.slice(-linesMax).map(readableLogLine);
  } finally {
    closeSync(descriptor);
  }
}

/** Lines as node/admin/log.ts writes them; what crashes writes is not JSON. */
function readableLogLine(line: string): string {
  try {
    const { message, error } = JSON.parse(line) as { message?: unknown; error?: { message?: unknown } };
    if (typeof message !== 'string') return line;
    const cause = error?.message;
    return typeof cause === 'string' && !message.includes(cause) ? `${message}: ${cause}` : message;
  } catch {
    return line;
  }
}

/** Nothing comes through from whoever starts the cluster: it must not matter who that is, or from which shell. */
function runtimeEnvironment(): Record<string, string> {
  return { NODE_COMPILE_CACHE: compileCacheDirectory(), ...RUNTIME_ENVIRONMENT };
}
