// The image registry of a testbed, in its client namespace: every host reaches it, nothing outside the testbed does.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, readRecord, removeRecord, signalProcess, startProcess, waitUntilGone } from '../local/processes.ts';
import { TestbedError } from './errors.ts';
import { HOST_ENVIRONMENT, lastLines } from './host.ts';
import { REGISTRY_PORT, type TestbedLayout } from './layout.ts';
import { inNamespace } from './network.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 50;
/** As /proc/net/tcp writes it: the port in hexadecimal, and the state LISTEN. */
const LISTENING = new RegExp(`:${REGISTRY_PORT.toString(16).toUpperCase().padStart(4, '0')} \\S+ 0A `);

const placeOf = ({ directory }: TestbedLayout) => {
  const own = join(directory, 'registry');
  return { own, record: join(own, 'process.json'), log: join(own, 'registry.log'), config: join(own, 'config.yml') };
};

export function isRegistryOn(layout: TestbedLayout): boolean {
  return isAlive(readRecord(placeOf(layout).record));
}

/** Resolves when it takes connections. */
export async function ensureRegistry(layout: TestbedLayout): Promise<void> {
  const place = placeOf(layout);
  if (!isRegistryOn(layout)) {
    mkdirSync(place.own, { recursive: true });
    writeFileSync(place.config, registryConfig(join(place.own, 'data')));
    const [program, ...enter] = inNamespace(layout.clientNamespace);
    startProcess({
      program: program!,
      arguments: [...enter, 'docker-registry', 'serve', place.config],
      environment: HOST_ENVIRONMENT,
      workingDirectory: '/',
      logFile: place.log,
      recordFile: place.record,
    });
  }
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!isListening(place.record)) {
    if (performance.now() > endMs || !isRegistryOn(layout)) {
      throw new TestbedError('failure', `the registry of testbed ${layout.name} does not start${lastLines(place.log)}`);
    }
    await delay(POLL_MS);
  }
}

export async function stopRegistry(layout: TestbedLayout): Promise<void> {
  const { record } = placeOf(layout);
  signalProcess(readRecord(record), 'SIGKILL');
  await waitUntilGone(readRecord(record), STOP_TIMEOUT_MS);
  removeRecord(record);
}

function registryConfig(directory: string): string {
  return [
    'version: 0.1',
    'log: {level: warn}',
    `storage: {filesystem: {rootdirectory: ${JSON.stringify(directory)}}, delete: {enabled: true}}`,
    `http: {addr: "0.0.0.0:${REGISTRY_PORT}"}`,
    '',
  ].join('\n');
}

/** Of its own namespace, which this process is not in, and so cannot ask for it. */
function isListening(recordFile: string): boolean {
  const record = readRecord(recordFile);
  if (!isAlive(record)) return false;
  return ['tcp', 'tcp6'].some((table) => {
    try {
      return LISTENING.test(readFileSync(`/proc/${record.pid}/net/${table}`, 'utf8'));
    } catch {
      return false;
    }
  });
}
