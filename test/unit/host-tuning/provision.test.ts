// The command `ashlar provision`: what it would do, that it stops where a machine is not as its spec says, and how a Swarm comes about,
// on machines that a program stands in for.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkKubernetes } from '../../../cli/commands/provision/join-kubernetes.ts';
import { labelChanges, planSwarm, rolesOf } from '../../../cli/commands/provision/swarm-plan.ts';
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { cli, workplace } from '../../local/support.ts';
import { specOf } from './specs.ts';

const RACK = `
name: rack
erasure: 2+1
nodes:
  a1: {zone: a, address: 10.0.0.11, drives: 1}
  a2: {zone: a, address: 10.0.0.12, drives: 1}
  b1: {zone: b, address: 10.0.0.13, drives: 1}
  c1: {zone: c, address: 10.0.0.14, drives: 1}
hosts:
  classes:
    one: {system: debian-12, runtime: docker, networks: {storage: {over: eno1}}, nics: {eno1: eno1}, users: {ops: {sudo: true}}}
  machines:
${[1, 2, 3, 4]
  .map(
    (number) =>
      `    ${['a1', 'a2', 'b1', 'c1'][number - 1]}: {class: one, networks: {storage: {addresses: [10.0.0.1${number}/24]}}, drives: {d1: {serial: S-${number}}}}`,
  )
  .join('\n')}
`;

const inactive = (name: string) => ({ name, state: 'inactive', isManager: false, nodeId: '' });
const active = (name: string, isManager: boolean) => ({ name, state: 'active', isManager, nodeId: `id-${name}` });

describe('the plan of a Swarm', () => {
  const roles = rolesOf(specOf(RACK));

  it('has a manager in each of three zones', () => {
    expect([...roles]).toEqual([
      ['a1', 'manager'],
      ['a2', 'worker'],
      ['b1', 'manager'],
      ['c1', 'manager'],
    ]);
  });

  it('has one manager for two hosts, because two are lost with either', () => {
    const [first] = RACK.split('    b1: {class');
    const two = first!.replace(/ {2}(b1|c1): .*\n/g, '');
    expect([...rolesOf(specOf(two)).values()]).toEqual(['manager', 'worker']);
  });

  it('makes one where there is none, and goes on where it was left', () => {
    const none = ['a1', 'a2', 'b1', 'c1'].map(inactive);
    expect(planSwarm(roles, none)).toEqual({
      leader: 'a1',
      mustInit: true,
      joins: [
        { name: 'a2', role: 'worker' },
        { name: 'b1', role: 'manager' },
        { name: 'c1', role: 'manager' },
      ],
    });
    const half = [inactive('a1'), active('a2', false), active('b1', true), inactive('c1')];
    expect(planSwarm(roles, half)).toEqual({
      leader: 'b1',
      mustInit: false,
      joins: [
        { name: 'a1', role: 'manager' },
        { name: 'c1', role: 'manager' },
      ],
    });
  });

  it('is refused where hosts belong to somebody else, or their engines are ill', () => {
    const foreign = planSwarm(roles, [inactive('a1'), active('a2', false), inactive('b1'), inactive('c1')]);
    expect(foreign).toEqual({
      problems: [expect.stringContaining('a2 are in a Swarm that none of these hosts manages')],
    });
    const ill = planSwarm(roles, [{ ...inactive('a1'), state: 'locked' }, ...['a2', 'b1', 'c1'].map(inactive)]);
    expect(ill).toEqual({ problems: [expect.stringContaining('"locked"')] });
  });

  it('labels only what is not labelled so already', () => {
    const wanted = new Map([
      ['id-1', { zone: 'a', 'ashlar.rack': 'a1' }],
      ['id-2', { zone: 'b', 'ashlar.rack': 'b1' }],
    ]);
    const has = new Map<string, Readonly<Record<string, string>>>([
      ['id-1', { zone: 'a', 'ashlar.rack': 'a1', other: 'x' }],
      ['id-2', { zone: 'a' }],
    ]);
    expect([...labelChanges(wanted, has)]).toEqual([['id-2', { zone: 'b', 'ashlar.rack': 'b1' }]]);
  });
});

describe('a Kubernetes', () => {
  const node = (name: string, ready: string, labels: Readonly<Record<string, string>>) => ({
    metadata: { name, labels },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  });
  const zone = (name: string) => ({ 'topology.kubernetes.io/zone': name });
  const checked = async (...items: object[]) => {
    const said: string[] = [];
    const kubectl: Kubectl = {
      try: async () => ({ exitCode: 0, stdout: JSON.stringify({ items }), stderr: '' }),
      forward: () => Promise.reject(new Error('nobody asks for this')),
    };
    await checkKubernetes(specOf(RACK), kubectl, (line) => said.push(line));
    return said;
  };

  it('is as it should be when every host is a node, ready, and in its zone', async () => {
    const others = [node('a2', 'True', zone('a')), node('b1', 'True', zone('b')), node('c1', 'True', zone('c'))];
    expect(await checked(node('a1', 'True', zone('a')), ...others)).toHaveLength(4);
  });

  it('is told everything that is missing at once, as commands', async () => {
    const checking = checked(
      node('a1', 'False', zone('a')),
      node('b1', 'True', zone('a')),
      node('c1', 'True', zone('c')),
    );
    await expect(checking).rejects.toMatchObject({
      kind: 'failure',
      message: [
        'these are missing:',
        '  - a1 is not ready: kubectl describe node a1',
        '  - a2 is no node: kubeadm join … --node-name a2, on a2',
        '  - kubectl label node b1 topology.kubernetes.io/zone=b --overwrite',
      ].join('\n'),
    });
  });
});

describe('the command', () => {
  let place: ReturnType<typeof workplace>;
  beforeEach(() => {
    place = workplace();
    writeFileSync(join(place.directory, 'cluster.yaml'), RACK);
  });
  afterEach(() => place.remove());

  /** ssh to machines with cloud-init and a docker that remembers: a file for each host that is in the Swarm. doctor: JSON by address. */
  function rack(doctor: (address: string) => string): { readonly ssh: string; calls(): string[] } {
    const state = join(place.directory, 'state');
    mkdirSync(state);
    const ssh = join(place.directory, 'fake-ssh');
    const addresses = ['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14'];
    for (const address of addresses) writeFileSync(join(state, `doctor-${address}`), doctor(address));
    writeFileSync(
      ssh,
      `#!/bin/sh
state='${state}' host=\${1#*@}
script=$(cat)
case "$*" in *--json*) cat "$state/doctor-$host"; grep -q '"ok": true' "$state/doctor-$host"; exit ;; esac
printf '%s %s\\n' "$host" "$(printf '%s' "$script" | head -n 1)" >>"$state/calls"
case $script in
  'docker info'*) cat "$state/member-$host" 2>/dev/null || echo 'inactive false ' ;;
  'docker swarm init'*) echo "active true id-$host" >"$state/member-$host" ;;
  'docker swarm join-token'*) echo "token-of-$(printf '%s' "$script" | sed 's/.* //')" ;;
  *token-of-manager*) echo "active true id-$host" >"$state/member-$host" ;;
  'docker swarm join'*) echo "active false id-$host" >"$state/member-$host" ;;
  'docker node inspect'*)
    printf '['
    comma=
    for file in "$state"/member-*; do
      id=$(cut -d ' ' -f 3 "$file")
      labels=$(cat "$state/labels-$id" 2>/dev/null)
      printf '%s{"ID": "%s", "Spec": {"Availability": "active", "Role": "worker", "Labels": {%s}}, "Description": {"Hostname": "%s", "Engine": {"EngineVersion": "20.10"}}, "Status": {"State": "ready", "Addr": "1"}}' "$comma" "$id" "$labels" "$id"
      comma=,
    done
    printf ']' ;;
  'docker node update'*)
    id=\${script##* }
    printf '%s' "$script" | grep -o '[a-z.]*=[a-z0-9]*' | sed 's/\\(.*\\)=\\(.*\\)/"\\1": "\\2"/' | paste -sd, >"$state/labels-$id" ;;
esac
`,
    );
    chmodSync(ssh, 0o755);
    const calls = () => readFileSync(join(state, 'calls'), 'utf8').trim().split('\n');
    return { ssh, calls };
  }

  const green = '{"host": "x", "ok": true, "checks": []}';
  const bad =
    '{"host": "x", "ok": false, "checks": [{"verdict": "bad", "what": "time", "wanted": "1", "found": "2", "mend": null}]}';

  it('only says what it would do when it is asked so', async () => {
    const { exitCode, printed } = await cli(place.directory, 'provision --dry-run --ssh false');
    expect(exitCode).toBe(0);
    expect(printed.split('\n')).toEqual([
      '1. seeds   writes hosts/HOST with the seed of a1, a2, b1, c1',
      expect.stringContaining('2. boot'),
      expect.stringContaining('3. doctor'),
      '4. join    makes a Swarm, a1, b1, c1 as managers, and labels the hosts with zone and node',
      expect.stringContaining('npx cdktf deploy rack'),
    ]);
  });

  it('writes seeds, makes a Swarm over the storage network, labels it, and the same once more changes nothing', async () => {
    const { ssh, calls } = rack(() => green);
    const { exitCode, printed } = await cli(place.directory, `provision --ssh ${ssh}`);
    expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: expect.stringContaining('npx cdktf deploy rack') });
    expect(readFileSync(join(place.directory, 'hosts/c1/user-data'), 'utf8')).toContain('#cloud-config');
    const done = calls().filter((call) => /swarm (init|join )|node update/.test(call));
    expect(done).toEqual([
      '10.0.0.11 docker swarm init --advertise-addr 10.0.0.11 --data-path-addr 10.0.0.11',
      '10.0.0.12 docker swarm join --token token-of-worker --advertise-addr 10.0.0.12 --data-path-addr 10.0.0.12 10.0.0.11:2377',
      '10.0.0.13 docker swarm join --token token-of-manager --advertise-addr 10.0.0.13 --data-path-addr 10.0.0.13 10.0.0.11:2377',
      '10.0.0.14 docker swarm join --token token-of-manager --advertise-addr 10.0.0.14 --data-path-addr 10.0.0.14 10.0.0.11:2377',
      '10.0.0.11 docker node update --label-add zone=a --label-add ashlar.rack=a1 id-10.0.0.11',
      '10.0.0.11 docker node update --label-add zone=a --label-add ashlar.rack=a2 id-10.0.0.12',
      '10.0.0.11 docker node update --label-add zone=b --label-add ashlar.rack=b1 id-10.0.0.13',
      '10.0.0.11 docker node update --label-add zone=c --label-add ashlar.rack=c1 id-10.0.0.14',
    ]);
    const again = await cli(place.directory, `provision --ssh ${ssh}`);
    expect(again.exitCode).toBe(0);
    expect(calls().filter((call) => /swarm (init|join )|node update/.test(call))).toEqual(done);
  });

  it('joins nothing while the doctor of one machine is not green, and says which', async () => {
    const { ssh, calls } = rack((address) => (address === '10.0.0.13' ? bad : green));
    const { exitCode, printed, noted } = await cli(place.directory, `provision --ssh ${ssh}`);
    expect(exitCode).toBe(1);
    expect(printed).toContain('BAD  time: wanted 1, found 2');
    expect(noted).toContain('not as the spec says: b1; nothing is joined');
    expect(calls().some((call) => call.includes('docker'))).toBe(false);
  });

  it('ends where it was told to, and when a machine does not boot in time', async () => {
    const { ssh, calls } = rack(() => green);
    expect((await cli(place.directory, `provision --until doctor --ssh ${ssh}`)).exitCode).toBe(0);
    expect(calls().some((call) => call.includes('docker'))).toBe(false);
    const { exitCode, noted } = await cli(place.directory, 'provision --timeout 0s --ssh false');
    expect({ exitCode, noted }).toEqual({ exitCode: 1, noted: expect.stringContaining('has not booted in time') });
  });

  it('refuses machines of several runtimes', async () => {
    writeFileSync(
      join(place.directory, 'cluster.yaml'),
      RACK.replace('c1: {class: one,', 'c1: {class: one, runtime: kubernetes,'),
    );
    expect(await cli(place.directory, 'provision --dry-run')).toEqual({
      exitCode: 2,
      printed: '',
      noted: expect.stringContaining('several runtimes (docker, kubernetes)'),
    });
  });
});
