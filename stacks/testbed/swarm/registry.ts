// The image registry of a testbed, in its client namespace: every host reaches it, nothing outside the testbed does.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureService, isServiceOn, stopService } from '../service.ts';
import { REGISTRY_PORT, type SwarmLayout } from './layout.ts';

/** As /proc/net/tcp writes it: the port in hexadecimal, and the state LISTEN. */
const LISTENING = new RegExp(`:${REGISTRY_PORT.toString(16).toUpperCase().padStart(4, '0')} \\S+ 0A `);

const directoryOf = ({ directory }: SwarmLayout) => join(directory, 'registry');

export function isRegistryOn(layout: SwarmLayout): boolean {
  return isServiceOn(directoryOf(layout));
}

/** Resolves when it takes connections. */
export async function ensureRegistry(layout: SwarmLayout): Promise<void> {
  const directory = directoryOf(layout);
  const config = join(directory, 'config.yml');
  mkdirSync(directory, { recursive: true });
  writeFileSync(config, registryConfig(join(directory, 'data')));
  await ensureService({
    title: `the registry of testbed ${layout.name}`,
    directory,
    namespace: layout.client.namespace,
    command: ['docker-registry', 'serve', config],
    isReady: isListening,
  });
}

export function stopRegistry(layout: SwarmLayout): Promise<void> {
  return stopService(directoryOf(layout));
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

/** It has a network of its own, which this process is not in, and so cannot ask. */
function isListening(pid: number): boolean {
  return ['tcp', 'tcp6'].some((table) => {
    try {
      return LISTENING.test(readFileSync(`/proc/${pid}/net/${table}`, 'utf8'));
    } catch {
      return false;
    }
  });
}
