// Stops a local cluster. Promises: when it resolves, no process of the cluster runs; data is deleted only when that is asked for.
import { runningProcess } from './cluster-processes.ts';
import { BALANCER, directoryLayout, type LocalCluster, purgeCluster } from './data-directory.ts';
import { LocalError } from './errors.ts';
import { withLock } from './lock.ts';
import { type ProcessRecord, removeRecord, signalProcess, waitUntilGone } from './processes.ts';

export interface TakeDownProps {
  readonly cluster: LocalCluster;
  /** Deletes the data, too. */
  readonly purge: boolean;
  /** How long a process may take to end by itself. Default 15,000. */
  readonly deadlineMs?: number;
  /** Aborted when nobody wants to wait that long. */
  readonly hurry?: AbortSignal;
  readonly onEvent?: (event: DownEvent) => void;
}

export type DownEvent =
  | { readonly kind: 'stopping'; readonly names: readonly string[] }
  /** It did not end by itself in time and is killed now. */
  | { readonly kind: 'killing'; readonly name: string; readonly afterMs: number };

export interface TakenDown {
  /** Nodes that ran. */
  readonly stopped: readonly string[];
  /** Those of them, or the balancer, that had to be killed. */
  readonly killed: readonly string[];
  /** Things in the directory that are not ours and were left there by a purge. */
  readonly foreign: readonly string[];
}

const DEADLINE_MS = 15_000;
const KILL_DEADLINE_MS = 5_000;
const LOCK_DEADLINE_MS = 15_000;

/** Rejects with LocalError when a process survives even SIGKILL; then nothing is deleted. */
export async function takeDown(props: TakeDownProps): Promise<TakenDown> {
  const { cluster, purge } = props;
  return withLock(directoryLayout(cluster.directory).lockFile, LOCK_DEADLINE_MS, async () => {
    const result = await stopProcesses(props);
    return { ...result, foreign: purge ? purgeCluster(cluster) : [] };
  });
}

async function stopProcesses(props: TakeDownProps): Promise<Omit<TakenDown, 'foreign'>> {
  const { cluster, onEvent = () => {}, deadlineMs = DEADLINE_MS } = props;
  const layout = directoryLayout(cluster.directory);
  const nodes = cluster.state.spec.nodes.map((node) => node.name);
  const running = new Map<string, ProcessRecord>();
  for (const name of [BALANCER, ...nodes]) {
    const record = runningProcess(cluster, name);
    if (record !== null) running.set(name, record);
  }
  if (running.size > 0) onEvent({ kind: 'stopping', names: [...running.keys()] });
  for (const record of running.values()) signalProcess(record, 'SIGTERM');
  const killed: string[] = [];
  await Promise.all(
    [...running].map(async ([name, record]) => {
      const startedAtMs = performance.now();
      if (await waitUntilGone(record, deadlineMs, props.hurry)) return;
      onEvent({ kind: 'killing', name, afterMs: performance.now() - startedAtMs });
      killed.push(name);
      signalProcess(record, 'SIGKILL');
      if (await waitUntilGone(record, KILL_DEADLINE_MS)) return;
      throw new LocalError('failure', `process ${record.pid} (${name}) cannot be killed; its data stays as it is`);
    }),
  );
  for (const name of [BALANCER, ...nodes]) removeRecord(layout.recordFile(name));
  return { stopped: nodes.filter((name) => running.has(name)), killed };
}
