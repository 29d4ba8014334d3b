// Whether this machine can run a testbed, and if not, everything that is missing at once.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { TestbedError } from './errors.ts';
import { HOST_ENVIRONMENT } from './host.ts';
import { missingNetworkFeature } from './network.ts';

/** The program, and the Debian package that brings it. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  containerd: 'containerd',
  runc: 'runc',
  'docker-registry': 'docker-registry',
  iptables: 'iptables',
  ip: 'iproute2',
  nsenter: 'util-linux',
  unshare: 'util-linux',
};

/** The packages of the programs that are not there; in the order of the table, each once. */
export function missingPackages(isThere: (program: string) => boolean): string[] {
  return [...new Set(Object.entries(PROGRAMS).flatMap(([program, name]) => (isThere(program) ? [] : [name])))];
}

/** Throws TestbedError with what is missing and the line that installs it; installs nothing itself. */
export async function requireMachine(): Promise<void> {
  if (process.platform !== 'linux') throw new TestbedError('input', 'a testbed needs Linux: its hosts are namespaces');
  if (process.getuid?.() !== 0) {
    throw new TestbedError('input', 'a testbed needs root, for its namespaces: run it with sudo');
  }
  const packages = missingPackages(isOnPath);
  if (packages.length > 0) {
    const line = `apt-get install --no-install-recommends ${packages.join(' ')}`;
    throw new TestbedError('input', `a testbed needs programs that are not here; on Debian: ${line}`);
  }
  const missing = await missingNetworkFeature();
  if (missing !== null) {
    throw new TestbedError('input', `this kernel has not all that a testbed needs (bridge, vxlan, veth): ${missing}`);
  }
}

function isOnPath(program: string): boolean {
  return HOST_ENVIRONMENT.PATH.split(':').some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
