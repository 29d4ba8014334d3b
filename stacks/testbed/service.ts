// A program that runs in a namespace of the testbed for as long as the testbed is up: found again by its record, started when it is not
// there.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, readRecord, removeRecord, signalProcess, startProcess, waitUntilGone } from '../local/processes.ts';
import { TestbedError } from './errors.ts';
import { inNamespace } from './network.ts';
import { HOST_ENVIRONMENT, lastLines } from './power.ts';

export interface ServiceProps {
  /** For people: "the registry". */
  readonly title: string;
  readonly directory: string;
  /** null: the machine's own network. */
  readonly namespace: string | null;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Whether it does its work already. pid: of the program. */
  readonly isReady: (pid: number) => boolean | Promise<boolean>;
}

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

const recordFile = (directory: string) => join(directory, 'process.json');

export function isServiceOn(directory: string): boolean {
  return isAlive(readRecord(recordFile(directory)));
}

/** Resolves when it does its work. */
export async function ensureService({ title, directory, namespace, command, isReady }: ServiceProps): Promise<void> {
  const logFile = join(directory, 'output.log');
  if (!isServiceOn(directory)) {
    const [program, ...args] = [...(namespace === null ? [] : inNamespace(namespace)), ...command];
    startProcess({
      ...{ program: program!, arguments: args, logFile, recordFile: recordFile(directory) },
      environment: HOST_ENVIRONMENT,
      workingDirectory: '/',
    });
  }
  const endMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const record = readRecord(recordFile(directory));
    if (!isAlive(record))
      throw new TestbedError('failure', `${title} ended while it was starting${lastLines(logFile)}`);
    if (await isReady(record.pid)) return;
    if (performance.now() > endMs) {
      const seconds = START_TIMEOUT_MS / 1_000;
      throw new TestbedError('failure', `${title} is not ready after ${seconds} s${lastLines(logFile)}`);
    }
    await delay(POLL_MS);
  }
}

export async function stopService(directory: string): Promise<void> {
  const record = readRecord(recordFile(directory));
  signalProcess(record, 'SIGKILL');
  await waitUntilGone(record, STOP_TIMEOUT_MS);
  removeRecord(recordFile(directory));
}
