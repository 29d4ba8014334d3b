// The doctor, on a pretended host: green when everything is as the description says, and each failure named when it is made.
import { afterEach, describe, expect, it } from 'vitest';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { hostTable } from '../../../host-tuning/host-table.ts';
import { doctorScript, readHostScripts } from '../../../host-tuning/scripts.ts';
import { bondText, healthyHost, sysctl } from './doctor-host.ts';
import type { FakeHost, ScriptResult } from './fake-host.ts';
import { ONE_HOST, specOf } from './specs.ts';

const PEERS = ONE_HOST.replace(
  'class: one',
  'class: one\n      profile: throughput\n      runtime: docker',
).concat(`    b1:
      class: one
      nics: {port0: "02:00:00:00:01:01", port1: "02:00:00:00:01:02"}
      networks: {storage: {addresses: [10.0.0.12/24]}}
      drives: {d1: {serial: T-1}, d2: {serial: T-2}}
    c1:
      class: one
      nics: {port0: "02:00:00:00:02:01", port1: "02:00:00:00:02:02"}
      networks: {storage: {addresses: [10.0.0.13/24]}}
      drives: {d1: {serial: U-1}, d2: {serial: U-2}}
`);
/** Six bonds, so that all that can be wrong with one is seen in one run. */
const BONDS = ONE_HOST.replace(
  'bonds: {bond0: {members: [port0, port1]}}',
  `bonds: {${[0, 1, 2, 3, 4, 5].map((n) => `bond${n}: {members: [e${2 * n}, e${2 * n + 1}]}`).join(', ')}}`,
).replace(/nics: .*/, `nics: {${Array.from({ length: 12 }, (_, n) => `e${n}: eth${n}`).join(', ')}}`);

let host: FakeHost;
afterEach(() => host.remove());

interface Check {
  readonly verdict: string;
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  readonly mend: string | null;
}

function prepare(text: string) {
  const described = describeHost(specOf(text), 'a1');
  // The directories of a test belong to whoever runs it.
  const description = { ...described, ownerId: process.getuid!() };
  host = healthyHost(description);
  const script = doctorScript(readHostScripts(), hostTable(description));
  const run = (...args: string[]): ScriptResult => host.run(script, ['--root', host.root, ...args]);
  const checks = (...args: string[]) => {
    const { exitCode, lines, stderr } = run('--json', ...args);
    expect(stderr).toBe('');
    const report = JSON.parse(lines.join('\n')) as { host: string; ok: boolean; checks: Check[] };
    return { exitCode, ...report };
  };
  return { run, checks };
}

/** "what: found" of all that is not as wanted. */
function wrong(checks: readonly Check[]): string[] {
  return checks
    .filter(({ verdict }) => verdict === 'bad' || verdict === 'unknown')
    .map(({ verdict, what, found }) => `${verdict} ${what}: ${found.replaceAll(host.root, '')}`);
}

describe('a host on which everything is as described', () => {
  it('is green, and every check says what was found', () => {
    const { run, checks } = prepare(PEERS);
    const report = checks();
    expect(wrong(report.checks)).toEqual([]);
    expect(report).toMatchObject({ exitCode: 0, host: 'a1', ok: true });
    const found = new Map(report.checks.map(({ what, found: text }) => [what, text.replaceAll(host.root, '')]));
    expect(found.get('mount /mnt/d1')).toBe('/dev/nvme0n1');
    expect(found.get('speed of drive d2')).toBe('16.0 GT/s PCIe x4');
    expect(found.get('bond0 partner')).toBe('52:54:00:12:34:03');
    expect(found.get('bond0 options')).toBe('802.3ad, LACP fast, miimon 100, layer3+4, min-links 1');
    expect(found.get('MTU to b1')).toBe('9000');
    expect(found.get('net.ipv4.tcp_rmem')).toBe('4096 1048576 17179648');
    expect(found.get('limit-nofile of docker.service')).toBe('1048576');
    expect(report.checks.length).toBeGreaterThan(60);
    // What the host has not is said, and is no fault.
    expect(report.checks.filter(({ verdict }) => verdict === 'absent').map(({ what }) => what)).toEqual([
      'nic-rx-ring of port0',
      'nic-tx-ring of port0',
      'nic-queues of port0',
      'nic-irqs of port0',
      'nic-rx-ring of port1',
      'nic-tx-ring of port1',
      'nic-queues of port1',
      'nic-irqs of port1',
    ]);

    const text = run('--no-peers');
    expect(text.exitCode).toBe(0);
    expect(text.lines).toContain('ok       bond0 ports: 2');
    expect(text.lines.some((line) => line.includes('MTU to b1'))).toBe(false);
    expect(text.lines.at(-1)).toMatch(/^a1: [0-9]+ as wanted, 0 not\.$/);
  });

  it('measures drives and network when it is asked to, without judging', () => {
    const { checks } = prepare(PEERS);
    host.program('fio', 'echo "   READ: bw=3210MiB/s (3366MB/s), 3210MiB/s-3210MiB/s (3366MB/s-3366MB/s), io=31.3GiB"');
    host.program('iperf3', 'echo "[SUM]   0.00-5.00   sec  54.4 GBytes  93.5 Gbits/sec                  receiver"');
    const { exitCode, checks: all } = checks('--no-peers', '--measure');
    expect(exitCode).toBe(0);
    expect(all.filter(({ verdict }) => verdict === 'measured').map(({ what, found }) => `${what}: ${found}`)).toEqual([
      'drive d1 reads: 3210MiB/s',
      'drive d2 reads: 3210MiB/s',
      'network to b1: 93.5 Gbits/sec',
      'network to c1: 93.5 Gbits/sec',
    ]);
    expect(host.calls('fio').every((call) => call.startsWith('--readonly '))).toBe(true);
  });

  it('refuses words that it does not know', () => {
    const { run } = prepare(PEERS);
    expect(run('--fix')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('usage: ashlar-doctor') });
  });
});

describe('what is wrong is named', () => {
  it('of drives that are gone, network, time, kernel and engine', () => {
    const { checks, run } = prepare(PEERS);
    // d1 is unplugged, and nothing guards its mount point; d2 is a slow link, ill, and tuned by somebody else.
    host.state('drives', '');
    host.drive({ name: 'nvme1n1', serial: 'S-2' });
    host.mount(null, '/mnt/d1');
    host.mount('/dev/nvme1n1', '/mnt/d2', 'rw,relatime');
    host.write('/sys/block/nvme1n1/device/device/current_link_speed', '8.0 GT/s PCIe\n');
    host.write('/sys/block/nvme1n1/queue/scheduler', 'none [mq-deadline]\n');
    host.write('/sys/fs/xfs/nvme1n1/error/metadata/EIO/max_retries', '-1\n');
    host.state('smart', 'FAILED!\n');
    host.write('/sys/class/net/port1/mtu', '1500\n');
    host.write('/sys/class/net/bond0/mtu', '9216\n');
    host.state('addresses', '5: bond0    inet 169.254.3.4/16 scope link bond0\n');
    host.state('ping-10.0.0.12', '1472\n');
    host.state('ping-10.0.0.13', '0\n');
    host.state('tracking', '7F7F0101,,0,0.0,0.0,0,0,0,0,0,0,0,0,Not synchronised\n');
    sysctl(host, 'vm.swappiness', '60');
    sysctl(host, 'net.ipv4.tcp_rmem', '4096\t131072\t6291456');
    host.write('/sys/kernel/mm/transparent_hugepage/enabled', '[always] madvise never\n');
    host.write('/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor', 'powersave\n');
    host.state('active-tuned.service', 'active\n');
    host.state('active-docker.service', 'failed\n');
    host.state('nofile', '524288\n');
    host.state('after', 'network-online.target\n');
    const report = checks();
    expect(report).toMatchObject({ exitCode: 1, ok: false });
    expect(wrong(report.checks)).toEqual([
      'bad drive d1: no such drive',
      'bad mount /mnt/d1: nothing is mounted',
      'bad guard of /mnt/d1: writes would end on the disk of the system',
      'bad options of /mnt/d2: rw,relatime',
      'bad xfs-max-retries of /mnt/d2: -1 0',
      'bad io-scheduler of drive d2: mq-deadline',
      'bad speed of drive d2: 8.0 GT/s PCIe x4',
      'bad health of drive d2: FAILED!',
      'bad bond0 MTU: 9216',
      'bad nic port1 MTU: 1500',
      'bad network storage MTU: 9216',
      'bad network storage address: 169.254.3.4/16 ',
      'bad MTU to b1: a packet of 9000 bytes is lost, a small one is not',
      'bad peer c1: it does not answer',
      'bad time: it follows no server',
      'bad vm.swappiness: 60',
      'bad net.ipv4.tcp_rmem: 4096 131072 6291456',
      'bad transparent-hugepages: always',
      'bad cpu-governor: performance powersave',
      'bad service.tuned: on',
      'bad docker.service: failed',
      'bad limit-nofile of docker.service: 524288',
      'bad start of docker.service: it does not wait for ashlar-drives.target',
    ]);
    for (const { verdict, what, mend } of report.checks) if (verdict === 'bad') expect(mend, what).toMatch(/.{10}/);
    expect(run().lines).toContain('BAD      vm.swappiness: wanted 1, found 60');
  });

  it('of drives that are swapped, foreign, doubled, or a mere directory, and of clocks', () => {
    const four = PEERS.replace('address: 10.0.0.11, drives: 2', 'address: 10.0.0.11, drives: 6').replace(
      'd2: {serial: S-2}}',
      'd2: {serial: S-2}, d3: {serial: S-3}, d4: {serial: S-4}, d5: {serial: S-5}, d6: {serial: S-6}}',
    );
    const { checks } = prepare(four);
    const [, , , d4] = describeHost(specOf(four), 'a1').drives;
    host.mount('/dev/nvme1n1', '/mnt/d1');
    host.mount('/dev/nvme0n1', '/mnt/d2');
    host.drive({ name: 'nvme9n1', serial: 'S-3' });
    host.link(`/dev/disk/by-uuid/${d4!.uuid}`, '../../nvme9n1');
    host.mount('/dev/nvme4n1', '/mnt/d5', 'rw,noatime', 'ext4');
    host.mount(null, '/mnt/d6');
    // A guest's drive is in no slot.
    host.write('/sys/block/nvme5n1/device/device/current_link_speed', 'Unknown\n');
    host.state('immutable', `${host.path('/mnt/d6')}\n`);
    host.state('tracking', '0A000035,10.0.0.53,3,1700000000.0,2.5,0.1,0.1,1,0,0,0,0,64.0,Normal\n');
    host.state('ping-10.0.0.12', '9000\n');
    const report = checks();
    expect(wrong(report.checks)).toEqual([
      'bad mount /mnt/d1: /dev/nvme1n1: drives are swapped, or it is another file system',
      'bad mount /mnt/d2: /dev/nvme0n1: drives are swapped, or it is another file system',
      'bad drive d3: several: /dev/nvme2n1 /dev/nvme9n1',
      'bad mount /mnt/d4: /dev/nvme3n1, which has another one',
      'bad mount /mnt/d5: / ext4 /dev/nvme4n1 rw,noatime',
      'bad mount /mnt/d6: nothing is mounted',
      'bad MTU to b1: larger packets pass',
      'bad time: 2.5 s',
    ]);
    expect(report.checks.find(({ what }) => what === 'guard of /mnt/d6')).toMatchObject({ verdict: 'ok' });
    expect(report.checks.find(({ what }) => what === 'speed of drive d6')).toMatchObject({ verdict: 'absent' });
  });

  it('of bonds: no partner, a link down, a slow or half-hearted switch, two speeds, no bond, and when it is not root', () => {
    const { checks } = prepare(BONDS);
    const bond = (name: string, text: string) => host.write(`/proc/net/bonding/${name}`, text);
    const pair = (n: number) => [{ name: `eth${2 * n}` }, { name: `eth${2 * n + 1}` }] as const;
    // Nobody answers: up, MTU right, MII up, and each port is an aggregator of its own (seen in a test with a deaf partner).
    const [a, b] = pair(0);
    const deaf = { actorState: 77, partnerState: 1 };
    bond(
      'bond0',
      bondText({
        ports: 1,
        partner: '00:00:00:00:00:00',
        members: [
          { ...a, ...deaf },
          { ...b, ...deaf, aggregator: 2 },
        ],
      }),
    );
    const [c, d] = pair(1);
    bond(
      'bond1',
      bondText({ ports: 1, members: [c, { ...d, isUp: false, aggregator: 2, actorState: 71, partnerState: 1 }] }),
    );
    const [e, f] = pair(2);
    bond('bond2', bondText({ rate: 'slow', policy: 'layer2', members: [{ ...e, partnerState: 61 }, f] }));
    const [g, h] = pair(3);
    bond('bond3', bondText({ members: [g, { ...h, speed: 10_000, partnerState: 15 }] }));
    host.delete('/proc/net/bonding/bond4');
    bond('bond5', bondText({ isRoot: false, members: pair(5) }));
    const report = checks('--no-peers');
    expect(wrong(report.checks).filter((line) => line.includes('bond'))).toEqual([
      'bad bond0 partner: nobody answers LACP, though the link is up',
      'bad bond0 ports: 1',
      'bad bond0 aggregators: 2',
      'bad bond0 member eth0 LACP actor: 77',
      'bad bond0 member eth0 LACP partner: 1',
      'bad bond0 member eth1 LACP actor: 77',
      'bad bond0 member eth1 LACP partner: 1',
      'bad bond1 ports: 1',
      'bad bond1 aggregators: 2',
      'bad bond1 member eth3 link: down, Unknown duplex',
      'bad bond1 member eth3 LACP actor: 71',
      'bad bond1 member eth3 LACP partner: 1',
      'bad bond2 options: 802.3ad, LACP slow, miimon 100, layer2, min-links 1',
      'bad bond2 member eth4 LACP partner: 61: LACP is slow there',
      'bad bond3 member eth7 LACP partner: 15',
      'bad bond3 member speeds: 2',
      'bad bond4: there is no such bond',
      'unknown bond5 partner: only root can see it',
      'unknown bond5 member eth10 LACP actor: not to be seen',
      'unknown bond5 member eth10 LACP partner: not to be seen',
      'unknown bond5 member eth11 LACP actor: not to be seen',
      'unknown bond5 member eth11 LACP partner: not to be seen',
    ]);
  });
});
