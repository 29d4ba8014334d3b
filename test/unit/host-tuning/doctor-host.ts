// A pretended host on which everything is as its description says, for the tests of the doctor, which then break it.
import type { HostDescription } from '../../../host-tuning/describe-host.ts';
import { bondOf, linkMtu } from '../../../host-tuning/links.ts';
import { FakeHost } from './fake-host.ts';

export interface FakeMember {
  readonly name: string;
  readonly isUp?: boolean;
  readonly speed?: number;
  readonly aggregator?: number;
  readonly actorState?: number;
  readonly partnerState?: number;
  readonly mac?: string;
}

export interface FakeBond {
  readonly rate?: 'fast' | 'slow';
  readonly policy?: string;
  readonly ports?: number;
  readonly partner?: string;
  readonly members: readonly FakeMember[];
  /** Only root sees what was said over LACP. */
  readonly isRoot?: boolean;
}

/** As the driver of Linux 6.1 prints it: /proc/net/bonding/bond0. */
export function bondText({
  rate = 'fast',
  policy = 'layer3+4',
  ports,
  partner,
  members,
  isRoot = true,
}: FakeBond): string {
  const info = [
    '802.3ad info',
    'LACP active: on',
    `LACP rate: ${rate}`,
    'Min links: 1',
    'Aggregator selection policy (ad_select): stable',
    ...(isRoot
      ? [
          'System priority: 65535',
          'System MAC address: 02:00:00:00:00:01',
          'Active Aggregator Info:',
          '\tAggregator ID: 1',
          `\tNumber of ports: ${ports ?? members.length}`,
          '\tActor Key: 21',
          '\tPartner Key: 21',
          `\tPartner Mac Address: ${partner ?? '52:54:00:12:34:03'}`,
        ]
      : []),
  ];
  return [
    'Ethernet Channel Bonding Driver: v6.1.0',
    '',
    'Bonding Mode: IEEE 802.3ad Dynamic link aggregation',
    `Transmit Hash Policy: ${policy} (1)`,
    'MII Status: up',
    'MII Polling Interval (ms): 100',
    'Up Delay (ms): 200',
    'Down Delay (ms): 200',
    'Peer Notification Delay (ms): 0',
    '',
    ...info,
    '',
    ...members.flatMap((member) => memberLines(member, isRoot)),
  ].join('\n');
}

function memberLines(member: FakeMember, isRoot: boolean): string[] {
  const { name, isUp = true, speed = 25_000, aggregator = 1, actorState = 63, partnerState = 63, mac } = member;
  return [
    `Slave Interface: ${name}`,
    `MII Status: ${isUp ? 'up' : 'down'}`,
    `Speed: ${isUp ? `${speed} Mbps` : 'Unknown'}`,
    `Duplex: ${isUp ? 'full' : 'Unknown'}`,
    `Link Failure Count: ${isUp ? 0 : 1}`,
    `Permanent HW addr: ${mac ?? '02:00:00:00:00:01'}`,
    'Slave queue ID: 0',
    `Aggregator ID: ${aggregator}`,
    'Actor Churn State: none',
    'Partner Churn State: none',
    'Actor Churned Count: 0',
    'Partner Churned Count: 0',
    ...(isRoot
      ? [
          'details actor lacp pdu:',
          '    system priority: 65535',
          '    port key: 21',
          `    port state: ${actorState}`,
          'details partner lacp pdu:',
          '    system priority: 65535',
          '    oper key: 21',
          `    port state: ${partnerState}`,
        ]
      : []),
    '',
  ];
}

/** Everything as wanted. Memory 16 GiB, four processors. */
export function healthyHost(description: HostDescription): FakeHost {
  const host = new FakeHost();
  const { drives, settings, host: spec } = description;
  for (const [index, { mountPoint, uuid, id }] of drives.entries())
    addDrive(host, `nvme${index}n1`, id, uuid, mountPoint);
  for (const bond of spec.bonds) {
    host.write(`/proc/net/bonding/${bond.name}`, bondText({ members: bond.members.map((name) => ({ name })) }));
    host.write(`/sys/class/net/${bond.name}/mtu`, `${linkMtu(spec, bond.name)}\n`);
  }
  for (const { name } of spec.nics)
    host.write(`/sys/class/net/${name}/mtu`, `${linkMtu(spec, bondOf(spec, name) ?? name)}\n`);
  for (const { id, kind, value } of settings) {
    if (kind === 'sysctl' && typeof value !== 'object') sysctl(host, id, String(value));
  }
  // Of 16 GiB: the shares that the table's settings are.
  for (const id of ['net.core.rmem_max', 'net.core.wmem_max']) sysctl(host, id, '17179648');
  for (const id of ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']) sysctl(host, id, '4096\t1048576\t17179648');
  sysctl(host, 'vm.min_free_kbytes', '83886');
  sysctl(host, 'vm.dirty_background_bytes', '171798528');
  sysctl(host, 'vm.dirty_bytes', '687194112');
  host.write('/sys/kernel/mm/transparent_hugepage/enabled', 'always [madvise] never\n');
  host.write('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'performance\n');
  host.program(
    'smartctl',
    'echo "SMART overall-health self-assessment test result: $(cat "$state/smart" 2>/dev/null || echo PASSED)"',
  );
  host.program('ethtool', 'exit 1');
  host.program(
    'ip',
    'cat "$state/addresses" 2>/dev/null || echo "5: bond0    inet 10.0.0.11/24 brd 10.0.0.255 scope global bond0"',
  );
  host.program(
    'ping',
    `
for address; do :; done
size=56
while [ $# -gt 1 ]; do if [ "$1" = -s ]; then size=$2; fi; shift; done
[ "$size" -le "$(cat "$state/ping-$address" 2>/dev/null || echo 8972)" ]`,
  );
  host.program(
    'chronyc',
    'cat "$state/tracking" 2>/dev/null || echo "0A000035,10.0.0.53,3,1700000000.0,-0.000012,0.1,0.1,1,0,0,0,0,64.0,Normal"',
  );
  host.program(
    'systemctl',
    `
case "$*" in
  'show docker.service --property LimitNOFILE --value') cat "$state/nofile" 2>/dev/null || echo 1048576 ;;
  'show docker.service --property After --value') cat "$state/after" 2>/dev/null || echo 'network-online.target ashlar-drives.target' ;;
  'is-active docker.service') cat "$state/active-$2" 2>/dev/null || echo active ;;
  'is-active '*) cat "$state/active-$2" 2>/dev/null || { echo inactive; exit 3; } ;;
esac`,
  );
  return host;
}

export function sysctl(host: FakeHost, id: string, value: string): void {
  host.write(`/proc/sys/${id.replaceAll('.', '/')}`, `${value}\n`);
}

function addDrive(host: FakeHost, name: string, serial: string, uuid: string, mountPoint: string): void {
  host.drive({ name, serial });
  host.link(`/dev/disk/by-uuid/${uuid}`, `../../${name}`);
  host.mount(`/dev/${name}`, mountPoint);
  host.write(`${mountPoint}/.keep`, '');
  host.write(`/sys/block/${name}/queue/scheduler`, '[none] mq-deadline\n');
  host.write(`/sys/block/${name}/queue/read_ahead_kb`, '1024\n');
  host.write(`/sys/fs/xfs/${name}/error/metadata/EIO/max_retries`, '0\n');
  host.write(`/sys/fs/xfs/${name}/error/metadata/ENOSPC/max_retries`, '0\n');
  for (const kind of ['max', 'current']) {
    host.write(`/sys/block/${name}/device/device/${kind}_link_speed`, '16.0 GT/s PCIe\n');
    host.write(`/sys/block/${name}/device/device/${kind}_link_width`, '4\n');
  }
}
