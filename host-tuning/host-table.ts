// The description of a host as the text that its scripts read (/etc/ashlar/host.conf): a record to a line, fields between tabs, "-"
// where there is nothing. The scripts hold no values of their own; what each record means is said here.
import { interfaceOf, storageNetwork } from '../spec/hosts.ts';
import type { HostDescription } from './describe-host.ts';
import { linkMtu } from './links.ts';
import { tableText } from './setting.ts';

export function hostTable(description: HostDescription): string {
  const { cluster, host, settings, drives, peers, ownerId } = description;
  const records: (readonly (string | number)[])[] = [
    // host NAME CLUSTER OWNER
    ['host', host.name, cluster, ownerId],
    // drive NAME ROLE BY ID UUID LABEL MOUNTPOINT
    ...drives.map(({ name, role, by, id, uuid, label, mountPoint }) => [
      'drive',
      ...[name, role, by, id, uuid, label, mountPoint],
    ]),
    // nic NAME MAC MTU, every card that carries something, and the bond that it is in
    ...host.nics.map(({ name, mac }) => {
      const bond = host.bonds.find(({ members }) => members.includes(name));
      return ['nic', name, mac ?? '-', linkMtu(host, bond?.name ?? name), bond?.name ?? '-'];
    }),
    // bond NAME MTU LACPRATE MONITORMS HASHPOLICY MINLINKS MEMBERS
    ...host.bonds.map((bond) => [
      'bond',
      ...[bond.name, linkMtu(host, bond.name), bond.lacpRate, bond.monitorMs, bond.hashPolicy, bond.minLinks],
      bond.members.join(','),
    ]),
    // link NAME MTU NETWORK ADDRESSES
    ...host.networks.map((network) => [
      'link',
      ...[interfaceOf(network), network.mtu, network.name, network.addresses.join(',') || '-'],
    ]),
    // peer NAME ADDRESS MTU
    ...peers.map(({ name, address }) => ['peer', name, address, storageNetwork(host).mtu]),
    ['runtime', host.runtime],
    // set KIND ID VALUE
    ...settings.map(({ kind, id, value }) => ['set', kind, id, tableText(value)]),
  ];
  return `${records.map((fields) => fields.join('\t')).join('\n')}\n`;
}
