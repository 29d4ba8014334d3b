// Names, addresses and places that testbeds of every kind share. Pure: from the shape alone, so that every command finds what an earlier
// one made, and takes away nothing else.
import { join } from 'node:path';
import { TestbedError } from './errors.ts';

export type TestbedKind = 'swarm' | 'kubernetes';

export interface TestbedShape {
  readonly kind: TestbedKind;
  /** Tells testbeds on one machine apart. */
  readonly name: string;
  readonly hostCount: number;
  /** Hosts are dealt to zones in turns: a, b, c, a, b, c. */
  readonly zoneCount: number;
}

/** What has a cable of its own. */
export interface NetworkMember {
  /** "h1"; also the name of its port at the switch. */
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
}

export interface HostLayout extends NetworkMember {
  /** "a" */
  readonly zone: string;
  /** Everything of the host: its programs' data, its disks, its log. */
  readonly directory: string;
  /** Seen by the host, and by nobody else, at DISKS_PATH. */
  readonly disks: string;
  /** Below each controller of /sys/fs/cgroup. */
  readonly cgroup: string;
}

export interface TestbedLayout<Host extends HostLayout = HostLayout> extends TestbedShape {
  readonly directory: string;
  /** The network namespace that holds the bridge. */
  readonly switchNamespace: string;
  /** Where clients live. */
  readonly client: NetworkMember;
  readonly hosts: readonly Host[];
  readonly cgroup: string;
}

export const TESTBEDS_DIRECTORY = '/var/lib/ashlar-testbed';
/** Where each host has its own disks, as bind mounts of services and local volumes name them. */
export const DISKS_PATH = '/mnt';
export const BRIDGE = 'br0';
export const INTERFACE = 'eth0';
export const NETWORK = '10.77.0.0/24';
export const PREFIX_BITS = 24;
/** Jumbo frames, so that overlay networks of any usual size fit. */
export const LINK_MTU = 9000;

const HOSTS_MAX = 16;
const HOST_ADDRESS_FIRST = 11;
const CLIENT_ADDRESS = '10.77.0.2';
/** Namespaces and sockets take their names from it, and a socket's path has 107 bytes at most. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/;

/** Throws TestbedError for a shape that cannot be. */
export function testbedLayout(shape: TestbedShape): TestbedLayout {
  requireShape(shape);
  const { kind, name, hostCount, zoneCount } = shape;
  const directory = join(TESTBEDS_DIRECTORY, name);
  const cgroup = `/ashlar-testbed/${name}`;
  const hosts = Array.from({ length: hostCount }, (_, index): HostLayout => {
    const host = `h${index + 1}`;
    return {
      ...memberOf(name, host, `10.77.0.${HOST_ADDRESS_FIRST + index}`),
      zone: String.fromCharCode('a'.charCodeAt(0) + (index % zoneCount)),
      directory: join(directory, host),
      disks: join(directory, host, 'disks'),
      cgroup: `${cgroup}/${host}`,
    };
  });
  return {
    ...{ kind, name, hostCount, zoneCount, directory, hosts, cgroup },
    switchNamespace: namespaceOf(name, 'switch'),
    client: memberOf(name, 'client', CLIENT_ADDRESS),
  };
}

export function memberOf(testbed: string, name: string, address: string): NetworkMember {
  return { name, address, namespace: namespaceOf(testbed, name) };
}

export function requireHost<Host extends HostLayout>(layout: TestbedLayout<Host>, name: string): Host {
  const found = layout.hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const known = layout.hosts.map((host) => host.name).join(', ');
  throw new TestbedError('input', `testbed ${layout.name} has no host ${name}; its hosts are ${known}`);
}

function namespaceOf(testbed: string, name: string): string {
  return `ashlar-${testbed}-${name}`;
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
