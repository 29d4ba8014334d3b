// The network of a host as cloud-init reads it (network-config, version 2, without a "network:" above it). cloud-init hands it to
// netplan as it is. Where its converters lose the options of bonds (networkd, NetworkManager), bonds are left out here and written
// in the host's own format; what lies on a card directly stays, because the first boot needs a network to install packages.
import type { HostBond, HostNetwork, HostNic, HostSpec } from '../spec/hosts.ts';
import { interfaceOf, STORAGE_NETWORK } from '../spec/hosts.ts';
import { bondOf, linkMtu, untaggedOn } from './links.ts';

export function networkConfig(host: HostSpec): Record<string, unknown> {
  const isWhole = host.networkRenderer === 'cloud-init';
  const nics = host.nics.filter(({ name }) => isWhole || bondOf(host, name) === null);
  const links = new Set([...nics.map(({ name }) => name), ...(isWhole ? host.bonds.map(({ name }) => name) : [])]);
  return {
    version: 2,
    ethernets: Object.fromEntries(nics.map((nic) => [nic.name, ethernet(host, nic)])),
    ...named('bonds', isWhole ? host.bonds : [], (bond) => [bond.name, bondForm(host, bond)]),
    ...named(
      'vlans',
      host.networks.filter(({ over, vlan }) => vlan !== null && links.has(over)),
      (network) => [
        interfaceOf(network),
        { id: network.vlan, link: network.over, mtu: network.mtu, ...addressing(network) },
      ],
    ),
  };
}

function ethernet(host: HostSpec, { name, mac }: HostNic): Record<string, unknown> {
  const network = untaggedOn(host, name);
  const member = bondOf(host, name);
  return {
    match: mac === null ? { name } : { macaddress: mac },
    ...(mac === null ? {} : { 'set-name': name }),
    mtu: linkMtu(host, member ?? name),
    ...(network === undefined ? bare() : addressing(network)),
  };
}

function bondForm(host: HostSpec, bond: HostBond): Record<string, unknown> {
  const network = untaggedOn(host, bond.name);
  return {
    interfaces: bond.members,
    mtu: linkMtu(host, bond.name),
    parameters: {
      mode: '802.3ad',
      'lacp-rate': bond.lacpRate,
      'mii-monitor-interval': bond.monitorMs,
      'transmit-hash-policy': bond.hashPolicy,
      'min-links': bond.minLinks,
      'up-delay': bond.upDelayMs,
      'down-delay': bond.downDelayMs,
    },
    ...(network === undefined ? bare() : addressing(network)),
  };
}

function bare(): Record<string, unknown> {
  return { dhcp4: false, dhcp6: false };
}

function addressing(network: HostNetwork): Record<string, unknown> {
  const { addresses, dhcp, gateway, nameServers } = network;
  const everywhere = gateway?.includes(':') ? '::/0' : '0.0.0.0/0';
  const routes = [...(gateway === null ? [] : [{ to: everywhere, via: gateway }]), ...network.routes];
  return {
    dhcp4: dhcp,
    dhcp6: false,
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(routes.length === 0 ? {} : { routes }),
    ...(nameServers.length === 0 ? {} : { nameservers: { addresses: nameServers } }),
    // A host whose management network is down must still boot and serve.
    ...(network.name === STORAGE_NETWORK ? {} : { optional: true }),
  };
}

function named<T>(
  key: string,
  things: readonly T[],
  entry: (thing: T) => readonly [string, unknown],
): Record<string, unknown> {
  return things.length === 0 ? {} : { [key]: Object.fromEntries(things.map(entry)) };
}
