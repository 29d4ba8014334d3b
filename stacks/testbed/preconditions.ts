// Whether this machine can run a testbed, and if not, everything that is missing at once.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { tryProgram } from '../run-program.ts';
import { TestbedError } from './errors.ts';
import type { TestbedKind } from './layout.ts';
import { HOST_ENVIRONMENT } from './power.ts';

/** A program, and the Debian package that brings it. */
export type Programs = Readonly<Record<string, string>>;

const NAMESPACE_PROGRAMS: Programs = { ip: 'iproute2', nsenter: 'util-linux', unshare: 'util-linux' };

/** Without what a testbed of any kind needs. */
const OWN_PROGRAMS: Readonly<Record<TestbedKind, Programs>> = {
  swarm: {
    dockerd: 'docker.io',
    docker: 'docker.io',
    containerd: 'containerd',
    runc: 'runc',
    'docker-registry': 'docker-registry',
    iptables: 'iptables',
  },
  kubernetes: {
    containerd: 'containerd',
    ctr: 'containerd',
    runc: 'runc',
    etcd: 'etcd-server',
    iptables: 'iptables',
    '/usr/lib/cni/bridge': 'containernetworking-plugins',
  },
};

export function programsOf(kind: TestbedKind): Programs {
  return { ...OWN_PROGRAMS[kind], ...NAMESPACE_PROGRAMS };
}

/** The packages of the programs that are not there; in the order of the table, each once. */
export function missingPackages(programs: Programs, isThere: (program: string) => boolean): string[] {
  return [...new Set(Object.entries(programs).flatMap(([program, name]) => (isThere(program) ? [] : [name])))];
}

/** Throws TestbedError with what is missing and the line that installs it; installs nothing itself. */
export async function requireMachine(kind: TestbedKind): Promise<void> {
  if (process.platform !== 'linux') throw new TestbedError('input', 'a testbed needs Linux: its hosts are namespaces');
  if (process.getuid?.() !== 0) {
    throw new TestbedError('input', 'a testbed needs root, for its namespaces: run it with sudo');
  }
  const packages = missingPackages(programsOf(kind), isOnPath);
  if (packages.length > 0) {
    const line = `apt-get install --no-install-recommends ${packages.join(' ')}`;
    throw new TestbedError('input', `a testbed needs programs that are not here; on Debian: ${line}`);
  }
  const missing = await missingOfKernel();
  if (missing !== null) {
    throw new TestbedError('input', `this kernel does not do, or not permit, all that a testbed needs: ${missing}`);
  }
}

/** Everything that a host is made of, tried in namespaces that end with the command. */
const TRIALS = [
  'ip link add name br0 type bridge',
  'ip link add name vx0 type vxlan id 1 dstport 4789',
  'ip link add name ve0 type veth peer name ve1',
  'mount -t proc proc /proc',
  'mount -t tmpfs tmpfs /run',
  'mkdir /run/upper /run/work',
  'mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc',
];

/** Null when all of it works, else what was said about the first that did not. */
async function missingOfKernel(): Promise<string | null> {
  const namespaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork'];
  const { exitCode, stderr } = await tryProgram('unshare', [...namespaces, 'sh', '-exc', TRIALS.join('\n')]);
  // With -x the shell says what it tries.
  return exitCode === 0 ? null : stderr.trim().split('\n').slice(-2).join(': ');
}

/** program: a name, or an absolute path. */
function isOnPath(program: string): boolean {
  const places = program.startsWith('/') ? ['/'] : HOST_ENVIRONMENT.PATH.split(':');
  return places.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
