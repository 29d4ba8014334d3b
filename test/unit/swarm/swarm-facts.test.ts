// What Docker 20.10 printed about a testbed of four hosts with the default cluster on it (recorded/; the noise of plugins and
// certificates is cut out).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseHosts, parseNetwork, parseServices, satisfies } from '../../../stacks/swarm/swarm-facts.ts';
import { endpointsOf } from '../../../stacks/swarm/swarm-gate.ts';

const recorded = (name: string) => readFileSync(join(import.meta.dirname, 'recorded', `${name}.json`), 'utf8');

test('hosts are read with their labels, addresses and versions', () => {
  const hosts = parseHosts(recorded('node-inspect'));
  expect(
    hosts.map(({ hostname, address, isManager, state, availability }) => [
      hostname,
      address,
      isManager,
      state,
      availability,
    ]),
  ).toEqual([
    ['h1', '10.77.0.11', true, 'ready', 'active'],
    ['h2', '10.77.0.12', true, 'ready', 'active'],
    ['h3', '10.77.0.13', true, 'ready', 'active'],
    ['h4', '10.77.0.14', false, 'ready', 'active'],
  ]);
  expect(hosts[1]!.labels).toEqual({ zone: 'b', 'ashlar.ashlar': 'b1' });
  expect(hosts[1]!.engineVersion).toMatch(/^20\.10\./);
});

test('services are read, and found on the hosts that their constraints name', () => {
  const services = parseServices(recorded('service-inspect'));
  expect(services.map(({ name }) => name)).toEqual(['ashlar-a1', 'ashlar-b1']);
  expect(services[0]).toMatchObject({
    labels: { 'ashlar.node': 'a1', 'ashlar.cluster': 'ashlar' },
    ports: [{ target: 9000, published: 9000 }],
  });
  const hosts = parseHosts(recorded('node-inspect'));
  expect(hosts.filter((host) => satisfies(host, services[0]!.constraints)).map(({ hostname }) => hostname)).toEqual([
    'h1',
  ]);
  expect(endpointsOf(services, hosts, ['ashlar-a1'])).toEqual(['http://10.77.0.12:9000', 'http://10.77.0.11:9000']);
});

test('the network is read with its MTU', () => {
  expect(parseNetwork(recorded('network-inspect'))).toEqual({
    driver: 'overlay',
    subnets: ['10.86.0.0/24'],
    mtu: 1450,
  });
});
