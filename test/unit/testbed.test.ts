// The shape of a testbed: names, zones and addresses that every command computes alike, and what a machine lacks for one.
import { describe, expect, test } from 'vitest';
import { requireHost, testbedLayout } from '../../stacks/testbed/layout.ts';
import { missingPackages, programsOf } from '../../stacks/testbed/preconditions.ts';
import { swarmLayout } from '../../stacks/testbed/swarm/layout.ts';

const shape = (hostCount: number, zoneCount: number, name = 'swarm') => ({ name, hostCount, zoneCount });
const shapeOf = (hostCount: number, zoneCount: number, name = 'swarm') => ({
  kind: 'kubernetes' as const,
  ...shape(hostCount, zoneCount, name),
});

describe('a testbed', () => {
  test('has hosts in namespaces of their own, with an address, an engine and disks each', () => {
    const { hosts, registry, client } = swarmLayout(shape(4, 4));
    expect(hosts.map(({ name, zone, address }) => [name, zone, address])).toEqual([
      ['h1', 'a', '10.77.0.11'],
      ['h2', 'b', '10.77.0.12'],
      ['h3', 'c', '10.77.0.13'],
      ['h4', 'd', '10.77.0.14'],
    ]);
    expect(hosts[1]).toMatchObject({
      namespace: 'ashlar-swarm-h2',
      dockerHost: 'unix:///var/lib/ashlar-testbed/swarm/h2/docker.sock',
      disks: '/var/lib/ashlar-testbed/swarm/h2/disks',
      cgroup: '/ashlar-testbed/swarm/h2',
    });
    expect(registry).toBe('10.77.0.2:5000');
    expect(client.namespace).toBe('ashlar-swarm-client');
  });

  test('deals its hosts to the zones in turns', () => {
    expect(testbedLayout(shapeOf(6, 3)).hosts.map(({ zone }) => zone)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('can lose any host and still be managed, when it has three or more', () => {
    const managers = (count: number) => swarmLayout(shape(count, 1)).hosts.filter(({ isManager }) => isManager).length;
    expect([1, 2, 3, 4, 8].map(managers)).toEqual([1, 1, 3, 3, 3]);
  });

  test('shares no name, place or group with another one', () => {
    const places = (name: string) =>
      testbedLayout(shapeOf(2, 1, name)).hosts.flatMap((host) => [host.namespace, host.directory, host.cgroup]);
    const all = [...places('one'), ...places('two')];
    expect(new Set(all).size).toBe(all.length);
  });

  test('keeps its sockets short enough for the kernel, whatever its name', () => {
    const { hosts } = swarmLayout(shape(16, 16, 'a'.repeat(24)));
    for (const { socket } of hosts) expect(Buffer.byteLength(socket)).toBeLessThan(108);
  });

  test('is refused with what would be right', () => {
    expect(() => testbedLayout(shapeOf(0, 1))).toThrow('from 1 to 16 hosts');
    expect(() => testbedLayout(shapeOf(17, 1))).toThrow('from 1 to 16 hosts');
    expect(() => testbedLayout(shapeOf(2, 3))).toThrow('from 1 to 2 zones');
    expect(() => testbedLayout(shapeOf(1, 1, '../etc'))).toThrow('no name for a testbed');
    expect(() => testbedLayout(shapeOf(1, 1, 'a'.repeat(25)))).toThrow('no name for a testbed');
    expect(() => requireHost(testbedLayout(shapeOf(2, 2)), 'h3')).toThrow('has no host h3; its hosts are h1, h2');
  });
});

test('what is missing is named by its packages, each once', () => {
  const programs = programsOf('swarm');
  expect(missingPackages(programs, () => true)).toEqual([]);
  const debian = new Set(['dockerd', 'docker', 'docker-registry']);
  expect(missingPackages(programs, (program) => !debian.has(program))).toEqual(['docker.io', 'docker-registry']);
  expect(missingPackages(programs, () => false)).toEqual([...new Set(Object.values(programs))]);
});
