// Starts processes of a cluster and waits until they are ready: all of them, or it says which one is not and why, with the last
// lines of its log. Whatever it started is stopped again when it fails.
import { setTimeout as delay } from 'node:timers/promises';
import { endpointAddress, logPosition, logSince, nodeAddress, runningProcess } from './cluster-processes.ts';
import { BALANCER, directoryLayout, type LocalCluster } from './data-directory.ts';
import { LocalError } from './errors.ts';
import { fetchHealth, type NodeAddress } from './node-client.ts';
import { isFree } from './ports.ts';
import { type ProcessExit, type StartedProcess, signalProcess, waitUntilGone } from './processes.ts';

export interface StartProps {
  readonly cluster: LocalCluster;
  /** Nodes, or BALANCER: those to start, each with what starts it. */
  readonly starts: ReadonlyMap<string, () => StartedProcess>;
  /** Those that run already, but must be ready too. */
  readonly alsoAwait: readonly string[];
  readonly until: 'live' | 'ready';
  readonly timeoutMs: number;
  readonly onReady: (name: string, afterMs: number) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * 'port-taken': somebody else was faster between the look and the start; only a cluster that was never used may choose another.
 * 'gone': it ran already when it was waited for, and has ended since; starting it may be all that it needs.
 * 'late': it runs, and may still become ready.
 */
export type StartFailure = 'died' | 'gone' | 'port-taken' | 'late';

export class StartError extends LocalError {
  readonly failure: StartFailure;
  constructor(failure: StartFailure, message: string) {
    super('failure', message);
    this.failure = failure;
  }
}

const POLL_MS = 40;
const PROBE_TIMEOUT_MS = 1_000;
const STOP_DEADLINE_MS = 5_000;
const LOG_LINES_SHOWN = 12;

export async function startAndAwait(props: StartProps): Promise<Map<string, StartedProcess>> {
  const { cluster } = props;
  const positions = new Map([...props.starts.keys()].map((name) => [name, logPosition(cluster, name)]));
  const started = new Map<string, StartedProcess>();
  const giveUp = new AbortController();
  const signal = props.signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, props.signal]);
  try {
    for (const [name, start] of props.starts) started.set(name, start());
    const startedAtMs = performance.now();
    const waits = [...started.keys(), ...props.alsoAwait].map(async (name) => {
      try {
        await awaitReady(props, name, started.get(name) ?? null, positions.get(name) ?? null, signal);
        props.onReady(name, performance.now() - startedAtMs);
      } catch (error) {
        giveUp.abort();
        throw error;
      }
    });
    throwFirst(await Promise.allSettled(waits), props.signal);
    return started;
  } catch (error) {
    await stopAll([...started.values()]);
    throw error;
  }
}

async function awaitReady(
  props: StartProps,
  name: string,
  started: StartedProcess | null,
  position: number | null,
  signal: AbortSignal,
): Promise<void> {
  const address = addressOf(props.cluster, name);
  const endMs = performance.now() + props.timeoutMs;
  while (!signal.aborted) {
    if ((await fetchHealth(address, props.until, PROBE_TIMEOUT_MS)) === 'yes') return;
    if (runningProcess(props.cluster, name) === null) throw await died(props.cluster, name, started, position);
    if (performance.now() >= endMs) throw late(props, name, position);
    await delay(POLL_MS);
  }
  throw signal.reason;
}

async function died(
  cluster: LocalCluster,
  name: string,
  started: StartedProcess | null,
  position: number | null,
): Promise<StartError> {
  const { port } = addressOf(cluster, name);
  const how =
    started === null ? 'while it was waited for' : `while it was starting (${exitText(await exitOf(started))})`;
  const message = `${processName(name)} ended ${how}${lastLines(cluster, name, position)}`;
  if (started === null) return new StartError('gone', message);
  return new StartError((await isFree(port)) ? 'died' : 'port-taken', message);
}

/** The process that was started does not keep this one alive, and the news of its end would come too late for it. */
async function exitOf({ exited }: StartedProcess): Promise<ProcessExit> {
  const alive = setInterval(() => {}, PROBE_TIMEOUT_MS);
  try {
    return await exited;
  } finally {
    clearInterval(alive);
  }
}

function exitText({ code, signal }: ProcessExit): string {
  return code === null ? `signal ${signal}` : `exit code ${code}`;
}

function late(props: StartProps, name: string, position: number | null): StartError {
  const seconds = (props.timeoutMs / 1_000).toFixed(0);
  const lines = lastLines(props.cluster, name, position);
  return new StartError('late', `${processName(name)} did not become ${props.until} within ${seconds} s${lines}`);
}

/** position null: the process was started by an earlier command; the whole log is looked at. */
function lastLines(cluster: LocalCluster, name: string, position: number | null): string {
  const lines = logSince(cluster, name, position ?? 0, LOG_LINES_SHOWN);
  const file = directoryLayout(cluster.directory).logFile(name);
  if (lines.length === 0) return `; it wrote nothing to ${file}`;
  return `. The last lines of ${file}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function processName(name: string): string {
  return name === BALANCER ? 'the balancer' : `node ${name}`;
}

function addressOf(cluster: LocalCluster, name: string): NodeAddress {
  return name === BALANCER ? endpointAddress(cluster) : nodeAddress(cluster, name);
}

/** A node that died explains more than those that then were not waited for any longer, and a person's Ctrl-C explains all. */
function throwFirst(results: readonly PromiseSettledResult<void>[], interrupted: AbortSignal | undefined): void {
  interrupted?.throwIfAborted();
  const reasons = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
  const first = reasons.find((reason) => reason instanceof LocalError) ?? reasons[0];
  if (first !== undefined) throw first;
}

async function stopAll(started: readonly StartedProcess[]): Promise<void> {
  for (const { record } of started) signalProcess(record, 'SIGTERM');
  await Promise.all(
    started.map(async ({ record }) => {
      if (await waitUntilGone(record, STOP_DEADLINE_MS)) return;
      signalProcess(record, 'SIGKILL');
      await waitUntilGone(record, STOP_DEADLINE_MS);
    }),
  );
}
