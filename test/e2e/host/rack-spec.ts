// The spec of the suite's rack: examples/bare-metal.yaml made small. a1 is the guest; b1 is the host that answers on the other side of
// the switch, which only its address is needed of.
import { parse } from 'yaml';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { renderHost } from '../../../host-tuning/render-host.ts';
import { readHostScripts } from '../../../host-tuning/scripts.ts';
import { parseClusterSpec } from '../../../spec/cluster-spec.ts';
import { MACS } from './virtual-machine.ts';

export const HOST = 'a1';
export const USER = 'ops';
/** Serials of the drives of a1, by their names. */
export const SERIALS = { d1: 'QEMU-A1-D1', d2: 'QEMU-A1-D2', d3: 'QEMU-A1-D3', wal: 'QEMU-A1-LOG' } as const;
export type DriveName = keyof typeof SERIALS;
export const MOUNT_POINTS: Readonly<Record<DriveName, string>> = {
  d1: '/mnt/d1',
  d2: '/mnt/d2',
  d3: '/mnt/d3',
  wal: '/mnt/nvme/wal',
};
export const ADDRESS = '10.0.1.11';
export const PEER_ADDRESS = '10.0.1.12';

/** publicKey: with which the suite logs in. */
export function rackSpec(publicKey: string): string {
  return `name: rack
erasure: 2+1
survive: drive

nodes:
  a1: {zone: a, address: "${ADDRESS}:9000", drives: [/mnt/d1, /mnt/d2, /mnt/d3], wal: /mnt/nvme/wal}
  b1: {zone: b, address: "${PEER_ADDRESS}:9000", drives: [/mnt/d1, /mnt/d2, /mnt/d3], wal: /mnt/nvme/wal}

hosts:
  classes:
    storage:
      system: debian-12
      profile: throughput
      runtime: docker
      bonds: {bond0: {members: [port0, port1]}}
      networks:
        storage: {over: bond0, vlan: 20}
        clients: {over: bond0, vlan: 30}
        management: {over: mgmt0, dhcp: true}
      timeServers: [${PEER_ADDRESS}]
      users:
        ${USER}: {sudo: true, keys: ["${publicKey}"]}
  machines:
    a1:
      class: storage
      nics: {port0: "${MACS.port0}", port1: "${MACS.port1}", mgmt0: "${MACS.mgmt0}"}
      networks:
        storage: {addresses: [${ADDRESS}/24]}
        clients: {addresses: [10.1.1.11/24]}
      drives: {d1: {serial: ${SERIALS.d1}}, d2: {serial: ${SERIALS.d2}}, d3: {serial: ${SERIALS.d3}}}
      walDrive: {serial: ${SERIALS.wal}}
    b1:
      class: storage
      nics: {port0: "52:54:00:00:09:10", port1: "52:54:00:00:09:11", mgmt0: "52:54:00:00:09:20"}
      networks:
        storage: {addresses: [${PEER_ADDRESS}/24]}
        clients: {addresses: [10.1.1.12/24]}
      drives: {d1: {serial: QEMU-B1-D1}, d2: {serial: QEMU-B1-D2}, d3: {serial: QEMU-B1-D3}}
      walDrive: {serial: QEMU-B1-LOG}
`;
}

/** What the rendered seed installs. */
export function seedPackages(): string[] {
  const parsed = parseClusterSpec(rackSpec('ssh-ed25519 AAAA'), 'rack.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const seed = renderHost(describeHost(parsed.spec, HOST), readHostScripts()).get('user-data')!;
  return (parse(seed) as { packages: string[] }).packages;
}
