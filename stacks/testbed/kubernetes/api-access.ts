// How kubectl, Pulumi and whatever else takes a kubeconfig reach the API server from the machine's own network: a port on its loopback.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { programFile } from '../../local/program-files.ts';
import { ensureService, isServiceOn, stopService } from '../service.ts';
import { ADMIN, writeKubeconfig } from './kubeconfig.ts';
import { API_PORT, type KubernetesLayout } from './layout.ts';

const placeOf = ({ control }: KubernetesLayout) => {
  const inside = join(control.directory, 'relay-inside');
  const outside = join(control.directory, 'relay-outside');
  return { inside, outside, socket: join(control.directory, 'api.sock'), portFile: join(outside, 'port') };
};

/** Resolves when it can be used; writes the kubeconfig. */
export async function ensureApiAccess(layout: KubernetesLayout): Promise<void> {
  const { inside, outside, socket, portFile } = placeOf(layout);
  mkdirSync(outside, { recursive: true });
  const relay = [process.execPath, programFile('stacks/testbed/kubernetes/relay-main')];
  await ensureService({
    title: `the inner relay of testbed ${layout.name}`,
    directory: inside,
    namespace: layout.control.namespace,
    command: [...relay, socket, `127.0.0.1:${API_PORT}`],
    isReady: () => takesConnections({ path: socket }),
  });
  // The same port whenever it is started again, so that kubeconfigs that were copied stay right; unless somebody else has it now.
  const before = existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0;
  const port = isServiceOn(outside) ? before : await freePort(before).catch(() => freePort(0));
  writeFileSync(portFile, String(port));
  await ensureService({
    title: `the relay of testbed ${layout.name} on 127.0.0.1:${port}`,
    directory: outside,
    namespace: null,
    command: [...relay, `127.0.0.1:${port}`, socket],
    isReady: () => takesConnections({ host: '127.0.0.1', port }),
  });
  writeKubeconfig(layout, ADMIN, `https://127.0.0.1:${port}`, layout.kubeconfig);
}

export function isApiAccessOn(layout: KubernetesLayout): boolean {
  const { inside, outside } = placeOf(layout);
  return isServiceOn(inside) && isServiceOn(outside);
}

export async function stopApiAccess(layout: KubernetesLayout): Promise<void> {
  const { inside, outside } = placeOf(layout);
  await stopService(outside);
  await stopService(inside);
}

function takesConnections(place: { path: string } | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** wanted: 0 for any. Rejects when it is taken. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
