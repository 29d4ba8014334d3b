import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makePlan } from '../../../plan/make-plan.ts';
import { parseClusterSpec } from '../../../spec/cluster-spec.ts';
import { storageMtu } from '../../../spec/hosts.ts';
import { HOST_SETTING_IDS } from '../../../spec/hosts-choices.ts';
import { HOST_PLACES } from '../../../spec/hosts-places.ts';
import { hostsSchema } from '../../../spec/hosts-schema.ts';
import { specText } from '../../../spec/write.ts';
import { ONE_HOST, specOf } from './specs.ts';

const ARCHIVE = readFileSync('examples/bare-metal.yaml', 'utf8');

/** "path: message", without the place. */
function problems(text: string): string[] {
  const result = parseClusterSpec(text, 'cluster.yaml');
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

/** ONE_HOST with one piece of its text replaced; fails when the piece is not there. */
function changed(from: string, to: string): string {
  if (!ONE_HOST.includes(from)) throw new Error(`the spec does not say ${from}`);
  return ONE_HOST.replace(from, to);
}

describe('machines', () => {
  it('have what their class says and what they say themselves, which goes first at every depth', () => {
    const { hosts } = specOf(ARCHIVE);
    expect(hosts.map(({ name, system, networkRenderer }) => [name, system, networkRenderer])).toEqual([
      ['a1', 'debian-12', 'cloud-init'],
      ['a2', 'debian-12', 'cloud-init'],
      ['b1', 'debian-12', 'cloud-init'],
      ['b2', 'debian-12', 'cloud-init'],
      ['c1', 'rocky-9', 'network-manager'],
      ['c2', 'rocky-9', 'network-manager'],
    ]);
    expect(hosts[0]!.nics).toEqual([
      { name: 'eno1', mac: null },
      { name: 'port0', mac: '0c:42:a1:01:01:10' },
      { name: 'port1', mac: '0c:42:a1:01:01:11' },
    ]);
    expect(hosts[0]!.networks[0]).toEqual({
      name: 'storage',
      over: 'bond0',
      vlan: 20,
      mtu: 9000,
      addresses: ['10.0.1.11/24'],
      dhcp: false,
      gateway: null,
      routes: [{ to: '10.0.0.0/16', via: '10.0.1.1' }],
      nameServers: [],
    });
    expect(hosts[0]!.networks[2]!.over).toBe('eno1');
    expect(hosts[4]!.settings).toEqual({ 'read-ahead-kb': 4096 });
  });

  it('mount each drive where its node expects it, and the log at last', () => {
    expect(specOf(ARCHIVE).hosts[5]!.drives).toEqual([
      { name: 'd1', role: 'data', by: 'serial', id: 'S6CKNE0T320001', label: 'd1', mountPoint: '/mnt/d1' },
      { name: 'd2', role: 'data', by: 'serial', id: 'S6CKNE0T320002', label: 'd2', mountPoint: '/mnt/d2' },
      { name: 'wal', role: 'wal', by: 'serial', id: 'PHLN0421320001', label: 'wal', mountPoint: '/mnt/nvme/wal' },
    ]);
    expect(specOf(ONE_HOST).hosts[0]!.drives.map(({ mountPoint }) => mountPoint)).toEqual(['/mnt/d1', '/mnt/d2']);
  });

  it('agree on the MTU between them, which others take from here', () => {
    expect(storageMtu(specOf(ARCHIVE).hosts)).toBe(9000);
    expect(storageMtu([])).toBe(null);
  });

  it('are written so that they read back as the same', () => {
    for (const text of [ARCHIVE, ONE_HOST]) {
      const spec = specOf(text);
      expect(specOf(specText(spec)).hosts).toEqual(spec.hosts);
    }
  });

  it('do not stand in the way of a suggestion when the plan is unsafe', () => {
    const unsafe = ONE_HOST.replace('2+1', '5+4');
    const bare = unsafe.slice(0, unsafe.indexOf('hosts:'));
    const { nearest } = makePlan(specOf(bare)).verdict;
    expect(nearest.length).toBeGreaterThan(0);
    expect(makePlan(specOf(unsafe)).verdict.nearest).toEqual(nearest);
  });

  it('are none when the spec says nothing about them, and then it is written as ever', () => {
    const spec = specOf('erasure: 2+1\nzones: {a: 3}\ndrives: 1\n');
    expect(spec.hosts).toEqual([]);
    expect(specText(spec)).not.toContain('hosts');
  });
});

describe('what is wrong with machines is said with its place', () => {
  it('a line and a column, at the class when the class decides', () => {
    const text = ARCHIVE.replace('members: [port0, port1], lacpRate', 'members: [port0, port2], lacpRate');
    const result = parseClusterSpec(text, 'bare-metal.yaml');
    const line = text.split('\n').findIndex((content) => content.includes('port2')) + 1;
    expect(result.ok ? [] : [...new Set(result.problems.map(({ where, message }) => `${where} ${message}`))]).toEqual([
      `bare-metal.yaml:${line}:32 there is no nic port2`,
    ]);
  });

  const at = 'hosts.machines.a1';
  it.each([
    ['class: one', 'class: on', `${at}.class: there is no class on`],
    ['      system: debian-12\n', '', `${at}: the machine has no system`],
    ['machines:\n    a1:', 'machines:\n    a9:', 'hosts.machines.a9: there is no node a9'],
    ['members: [port0, port1]', 'members: [port0]', 'hosts.classes.one.bonds.bond0.members: bond0 has one member'],
    [
      'members: [port0, port1]',
      'members: [port0, port0]',
      'hosts.classes.one.bonds.bond0.members: port0 is a member of bond0 already',
    ],
    [
      'members: [port0, port1]',
      'members: [port0, port1], minLinks: 3',
      'hosts.classes.one.bonds.bond0.minLinks: bond0 would never be up: it has 2 members',
    ],
    ['over: bond0', 'over: bond7', 'hosts.classes.one.networks.storage.over: there is no bond and no nic bond7'],
    ['over: bond0', 'over: port0', 'hosts.classes.one.networks.storage.over: port0 is a member of bond0'],
    [
      'addresses: [10.0.0.11/24]',
      'dhcp: true',
      `${at}.networks.storage.dhcp: nodes find each other at fixed addresses`,
    ],
    [
      'addresses: [10.0.0.11/24]',
      'addresses: [10.0.0.12/24]',
      `${at}.networks.storage.addresses: node a1 is reached at 10.0.0.11, and the machine does not have that address`,
    ],
    [
      'addresses: [10.0.0.11/24]',
      'addresses: [10.0.0.11/24], gateway: 10.0.9.1',
      `${at}.networks.storage.gateway: 10.0.9.1 is in none of the network's subnets`,
    ],
    ['d1: {serial: S-1}, ', '', `${at}.drives: drive a1/d1 has no device`],
    ['d2: {serial: S-2}', 'd2: {serial: S-2}, d3: {serial: S-3}', `${at}.drives.d3: node a1 has no drive d3`],
    ['d2: {serial: S-2}', 'd2: {serial: S-1}', `${at}.drives.d2.serial: serial S-1 is on a1/d1 already`],
    ['d2: {serial: S-2}', 'd2: {label: two}', `${at}.drives.d2: nothing says which device it is`],
    ['d2: {serial: S-2}', 'd2: {serial: S-2, wwn: eui.1}', `${at}.drives.d2: serial and wwn are both given`],
    [
      'd2: {serial: S-2}',
      'd2: {serial: S-2, label: d1}',
      `${at}.drives.d2.label: drives d1 and d2 both have the label d1`,
    ],
    [
      'd2: {serial: S-2}}',
      'd2: {serial: S-2}}\n      walDrive: {serial: W-1}',
      `${at}.walDrive: node a1 has no log of its own`,
    ],
    [
      'class: one',
      'class: one\n      settings: {vm.swappiness: 201}',
      `${at}.settings.vm.swappiness: 201 is not a whole number from 0 to 200`,
    ],
    [
      'class: one',
      'class: one\n      settings: {vm.swapiness: 1}',
      `${at}.settings.vm.swapiness: there is no setting "vm.swapiness" here`,
    ],
    ['"02:00:00:00:00:01"', '"02:00:00:00:00:02"', `${at}.nics.port1: MAC 02:00:00:00:00:02 is on a1 already`],
    ['"02:00:00:00:00:01"', 'Port', `${at}.nics.port0: "Port" is not a network card`],
  ])('%s → %s', (from, to, problem) => {
    expect(problems(changed(from, to))).toEqual([problem]);
  });

  it('machines that would reach each other by the way of the clients', () => {
    const text = ARCHIVE.replace(
      'addresses: [10.0.3.12/24], routes: [{to: 10.0.0.0/16, via: 10.0.3.1}]',
      'addresses: [10.0.3.12/24]',
    );
    expect(problems(text)).toEqual([
      'hosts.machines.c2.networks.storage.addresses: c2 has no way to a1 (10.0.1.11) in the storage network',
    ]);
  });

  it('a router that is somewhere else', () => {
    expect(problems(ARCHIVE.replace('via: 10.0.3.1}', 'via: 10.9.3.1}'))).toEqual([
      "hosts.machines.c1.networks.storage.routes[0].via: 10.9.3.1 is in none of the network's subnets",
    ]);
  });

  it('machines whose storage networks differ in MTU', () => {
    const text = ARCHIVE.replace('storage: {over: bond0, vlan: 20}', 'storage: {over: bond0, vlan: 20, mtu: 1500}');
    expect(problems(text)).toContain(
      'hosts.classes.newer.networks.storage.mtu: the storage network has MTU 1500 on c1, and 9000 on a1',
    );
  });
});

it('every setting of a machine has a description, for the editor, and every place a remedy that is a sentence', () => {
  const schema = JSON.stringify(z.toJSONSchema(hostsSchema, { io: 'input' }));
  expect(schema).toContain('"description":"What the host is tuned for.');
  for (const [place, { remedy }] of Object.entries(HOST_PLACES)) expect(remedy, place).toMatch(/^[A-Z].*\.$/);
  expect(HOST_SETTING_IDS).toHaveLength(new Set(HOST_SETTING_IDS).size);
});
