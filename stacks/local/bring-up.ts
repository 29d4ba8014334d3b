// Brings a local cluster up, from nothing or from whatever is left of it. Promises: when it resolves, every node and the endpoint
// are ready; when it rejects, what it started is stopped again and what ran before still runs.
import type { Writable } from 'node:stream';
import { makePlan } from '../../plan/make-plan.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import {
  defaultPrograms,
  type Programs,
  runningNodes,
  runningProcess,
  startBalancerProcess,
  startNode,
} from './cluster-processes.ts';
import {
  BALANCER,
  createCluster,
  directoryLayout,
  type LocalCluster,
  openCluster,
  purgeCluster,
  updateState,
} from './data-directory.ts';
import { LocalError } from './errors.ts';
import { withLock } from './lock.ts';
import { becomesFree, findFreePorts, isFree, LOOPBACK, portHolder } from './ports.ts';
import { shapeDifferences, unsupported } from './shape.ts';
import { StartError, type StartFailure, startAndAwait } from './start.ts';

export interface BringUpProps {
  readonly directory: string;
  readonly spec: ClusterSpec;
  /** Relative files named in the spec start here. */
  readonly specDirectory: string;
  /** Of the endpoint; null: the one it had, else the spec's, else 9000. 'free': any that is free. */
  readonly port: number | 'free' | null;
  /** The cluster goes away, files too, with the process that calls this. */
  readonly temporary?: boolean;
  readonly programs?: Programs;
  readonly timeoutMs?: number;
  readonly onEvent?: (event: UpEvent) => void;
  readonly signal?: AbortSignal;
}

export type UpEvent =
  | { readonly kind: 'creating'; readonly directory: string }
  | { readonly kind: 'starting'; readonly nodes: readonly string[]; readonly running: readonly string[] }
  | { readonly kind: 'ready'; readonly node: string; readonly afterMs: number };

export interface BroughtUp {
  readonly cluster: LocalCluster;
  readonly created: boolean;
  /** Empty together with endpointStarted false: everything ran already. */
  readonly nodesStarted: readonly string[];
  readonly endpointStarted: boolean;
  /** Of a temporary cluster: it lives until this is closed, by its holder or by the kernel. */
  readonly lifeline: Writable | null;
}

export const DEFAULT_ENDPOINT_PORT = 9000;

const READY_TIMEOUT_MS = 60_000;
const LOCK_DEADLINE_MS = 15_000;
const ATTEMPTS = 4;

/** Rejects with LocalError: 'input' for what cannot work as asked, and then nothing was changed. */
export async function bringUp(props: BringUpProps): Promise<BroughtUp> {
  refuseUnsafe(props.spec);
  for (let attempt = 1; ; attempt++) {
    const found = openCluster(props.directory);
    const cluster = found ?? (await createOrJoin(props));
    try {
      return await withLock(directoryLayout(props.directory).lockFile, LOCK_DEADLINE_MS, () =>
        // Read again: while this one waited for the lock, another command may have changed something.
        bringUpLocked(props, openCluster(props.directory) ?? cluster, found === null),
      );
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      // Somebody ended it a moment ago, and it took that moment: now it is seen as missing.
      if (failed(error, 'gone')) continue;
      // Nothing is in a cluster that never was ready, so it can be made again with ports that nobody wanted meanwhile.
      if (found !== null || !failed(error, 'port-taken')) throw error;
      purgeCluster(cluster);
    }
  }
}

async function bringUpLocked(props: BringUpProps, opened: LocalCluster, created: boolean): Promise<BroughtUp> {
  const programs = props.programs ?? defaultPrograms();
  const onEvent = props.onEvent ?? (() => {});
  const running = runningNodes(opened);
  const endpointRuns = runningProcess(opened, BALANCER) !== null;
  const cluster = settle(props, opened, running, endpointRuns);
  const missing = cluster.state.spec.nodes.filter((node) => !running.includes(node.name));
  const nodesStarted = missing.map((node) => node.name);
  await refuseTakenPorts(cluster, nodesStarted, endpointRuns);
  if (missing.length > 0) onEvent({ kind: 'starting', nodes: nodesStarted, running });
  const starts = new Map(missing.map((node) => [node.name, () => startNode(cluster, node, programs)]));
  if (!endpointRuns) starts.set(BALANCER, () => startBalancerProcess(cluster, programs, props.temporary === true));
  const started = await startAndAwait({
    cluster,
    starts,
    alsoAwait: endpointRuns ? [...running, BALANCER] : running,
    until: 'ready',
    timeoutMs: props.timeoutMs ?? READY_TIMEOUT_MS,
    onReady: (name, afterMs) => {
      if (nodesStarted.includes(name)) onEvent({ kind: 'ready', node: name, afterMs });
    },
    signal: props.signal,
  });
  const lifeline = started.get(BALANCER)?.stdin ?? null;
  return { cluster, created, nodesStarted, endpointStarted: !endpointRuns, lifeline };
}

function refuseUnsafe(spec: ClusterSpec): void {
  const reasons = unsupported(spec);
  if (reasons.length > 0) throw new LocalError('input', reasons.join('; '));
  const { verdict } = makePlan(spec);
  if (verdict.safe) return;
  const nearest = verdict.nearest.map(({ change, yaml }) => `  ${change}:\n${yaml.trimEnd().replace(/^/gm, '    ')}`);
  throw new LocalError(
    'input',
    [
      `the plan of ${spec.name} is not safe, so nothing was started:`,
      ...verdict.reasons.map((reason) => `  - ${reason}`),
      ...(nearest.length > 0 ? ['What would hold:', ...nearest] : []),
    ].join('\n'),
  );
}

/** Of two that create the same directory at the same time one is faster, and the other one finds its cluster. */
async function createOrJoin(props: BringUpProps): Promise<LocalCluster> {
  try {
    return await create(props);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const other = code === 'ENOTEMPTY' || code === 'EEXIST' ? openCluster(props.directory) : null;
    if (other === null) throw error;
    return other;
  }
}

async function create(props: BringUpProps): Promise<LocalCluster> {
  props.onEvent?.({ kind: 'creating', directory: props.directory });
  const endpointPort =
    typeof props.port === 'number' ? props.port : (props.spec.endpoint.port ?? DEFAULT_ENDPOINT_PORT);
  // Looked at before anything is written: a taken port must leave no trace.
  if (props.port !== 'free' && !(await isFree(endpointPort))) throw endpointTaken(endpointPort);
  const free = await findFreePorts(props.spec.nodes.length + 1, new Set([endpointPort]));
  const nodePorts = Object.fromEntries(props.spec.nodes.map((node, index) => [node.name, free[index]!]));
  return createCluster({
    directory: props.directory,
    spec: props.spec,
    specDirectory: props.specDirectory,
    nodePorts,
    endpointPort: props.port === 'free' ? free.at(-1)! : endpointPort,
  });
}

/** Checks what is asked for against what is there, and takes over what may change between two starts. */
function settle(
  props: BringUpProps,
  opened: LocalCluster,
  running: readonly string[],
  endpointRuns: boolean,
): LocalCluster {
  const differences = shapeDifferences(opened.state.spec, props.spec);
  if (differences.length > 0) {
    throw new LocalError(
      'input',
      [
        `${opened.directory} holds another cluster than the spec describes:`,
        ...differences.map((difference) => `  - ${difference}`),
        'Start it with the spec that it was made with, name another directory with --data, or delete it with all of its',
        'objects: ashlar down --purge',
      ].join('\n'),
    );
  }
  const had = opened.state.endpointPort;
  const wanted = typeof props.port === 'number' ? props.port : had;
  if (endpointRuns && wanted !== had) {
    throw new LocalError(
      'input',
      `the cluster runs with its endpoint on port ${had}; stop it first (ashlar down) to have it on port ${wanted}`,
    );
  }
  if (running.length > 0 || endpointRuns)
    return wanted === had ? opened : updateState(opened, { endpointPort: wanted });
  return updateState(opened, { spec: props.spec, endpointPort: wanted });
}

async function refuseTakenPorts(cluster: LocalCluster, nodes: readonly string[], endpointRuns: boolean): Promise<void> {
  const { endpointPort, nodePorts } = cluster.state;
  if (!endpointRuns && !(await isFree(endpointPort))) throw endpointTaken(endpointPort);
  for (const node of nodes) {
    const port = nodePorts[node]!;
    if (await becomesFree(port)) continue;
    throw new LocalError(
      'input',
      `port ${port} of node ${node} is taken by ${portHolder(port) ?? 'another program'}; end that program and try again ` +
        `(nodes keep the ports that they were founded with, because their peers know them by these)`,
    );
  }
}

function failed(error: unknown, how: StartFailure): boolean {
  return error instanceof StartError && error.failure === how;
}

function endpointTaken(port: number): LocalError {
  const holder = portHolder(port) ?? 'another program';
  return new LocalError(
    'input',
    `port ${port} on ${LOOPBACK} is taken by ${holder}; end that program, or choose another port with --port`,
  );
}
