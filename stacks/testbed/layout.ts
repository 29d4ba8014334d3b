// Names, addresses and places of everything that a testbed makes. Pure: from the shape alone, so that every command finds what
// an earlier one made, and takes away nothing else.
import { join } from 'node:path';
import { TestbedError } from './errors.ts';

export interface TestbedShape {
  /** Tells testbeds on one machine apart. */
  readonly name: string;
  readonly hostCount: number;
  /** Hosts are dealt to zones in turns: a, b, c, a, b, c. */
  readonly zoneCount: number;
}

export interface HostLayout {
  /** "h1" */
  readonly name: string;
  /** "a" */
  readonly zone: string;
  /** Three of them vote, so that any one host may be lost. */
  readonly isManager: boolean;
  readonly address: string;
  readonly namespace: string;
  /** Everything of the host: its engine's data, its disks, its log. */
  readonly directory: string;
  readonly socket: string;
  /** What docker clients want in DOCKER_HOST. */
  readonly dockerHost: string;
  /** Seen by the host, and by nobody else, at DISKS_PATH. */
  readonly disks: string;
  readonly cgroup: string;
}

export interface TestbedLayout extends TestbedShape {
  readonly directory: string;
  /** The network namespace that holds the bridge. */
  readonly switchNamespace: string;
  /** Where clients and the registry live. */
  readonly clientNamespace: string;
  readonly clientAddress: string;
  /** "10.77.0.2:5000", for images: 10.77.0.2:5000/ashlar:0.1.0 */
  readonly registry: string;
  readonly hosts: readonly HostLayout[];
  /** Below each controller of /sys/fs/cgroup. */
  readonly cgroup: string;
}

export const TESTBEDS_DIRECTORY = '/var/lib/ashlar-testbed';
/** Where each host has its own disks, as bind mounts of services name them. */
export const DISKS_PATH = '/mnt';
export const BRIDGE = 'br0';
export const INTERFACE = 'eth0';
export const NETWORK = '10.77.0.0/24';
export const PREFIX_BITS = 24;
/** Jumbo frames, so that overlay networks of any usual size fit. */
export const LINK_MTU = 9000;
export const REGISTRY_PORT = 5000;

const HOSTS_MAX = 16;
const HOST_ADDRESS_FIRST = 11;
const CLIENT_ADDRESS = '10.77.0.2';
const MANAGERS_MAX = 3;
/** Namespaces and sockets take their names from it, and a socket's path has 107 bytes at most. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/;

/** Throws TestbedError for a shape that cannot be. */
export function testbedLayout(shape: TestbedShape, parent = TESTBEDS_DIRECTORY): TestbedLayout {
  requireShape(shape);
  const { name, hostCount, zoneCount } = shape;
  const directory = join(parent, name);
  const cgroup = `/ashlar-testbed/${name}`;
  const managerCount = hostCount < MANAGERS_MAX ? 1 : MANAGERS_MAX;
  const hosts = Array.from({ length: hostCount }, (_, index): HostLayout => {
    const host = `h${index + 1}`;
    const own = join(directory, host);
    return {
      name: host,
      zone: String.fromCharCode('a'.charCodeAt(0) + (index % zoneCount)),
      isManager: index < managerCount,
      address: `10.77.0.${HOST_ADDRESS_FIRST + index}`,
      namespace: `ashlar-${name}-${host}`,
      directory: own,
      socket: join(own, 'docker.sock'),
      dockerHost: `unix://${join(own, 'docker.sock')}`,
      disks: join(own, 'disks'),
      cgroup: `${cgroup}/${host}`,
    };
  });
  return {
    ...{ name, hostCount, zoneCount, directory, hosts, cgroup },
    switchNamespace: `ashlar-${name}-switch`,
    clientNamespace: `ashlar-${name}-client`,
    clientAddress: CLIENT_ADDRESS,
    registry: `${CLIENT_ADDRESS}:${REGISTRY_PORT}`,
  };
}

export function requireHost(layout: TestbedLayout, name: string): HostLayout {
  const found = layout.hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const known = layout.hosts.map((host) => host.name).join(', ');
  throw new TestbedError('input', `testbed ${layout.name} has no host ${name}; its hosts are ${known}`);
}

function requireShape({ name, hostCount, zoneCount }: TestbedShape): void {
  if (!NAME.test(name)) {
    throw new TestbedError(
      'input',
      `"${name}" is no name for a testbed; use up to 24 lower-case letters, digits and dashes`,
    );
  }
  if (!Number.isInteger(hostCount) || hostCount < 1 || hostCount > HOSTS_MAX) {
    throw new TestbedError('input', `a testbed has from 1 to ${HOSTS_MAX} hosts, and not ${hostCount}`);
  }
  if (!Number.isInteger(zoneCount) || zoneCount < 1 || zoneCount > hostCount) {
    throw new TestbedError('input', `${hostCount} hosts make from 1 to ${hostCount} zones, and not ${zoneCount}`);
  }
}
