// The network of a host as keyfiles of NetworkManager: cloud-init writes connections for it that lose lacp-rate, miimon, min-links
// and the MTU of the bond.
import type { HostBond, HostNetwork, HostNic, HostSpec } from '../spec/hosts.ts';
import { interfaceOf } from '../spec/hosts.ts';
import { uuidOf } from './describe-host.ts';
import { type HostFile, iniText, type Section } from './host-file.ts';
import { bondOf, linkMtu, untaggedOn } from './links.ts';
import { linkFiles } from './networkd.ts';

const DIRECTORY = '/etc/NetworkManager/system-connections';
const HEADER = 'From the spec of the cluster, by "ashlar host-config".';
/** Before the connections that others made for the same card. */
const PRIORITY = 100;

export function networkManagerFiles(host: HostSpec): HostFile[] {
  return [
    // udev gives the names, whoever configures the network.
    ...linkFiles(host),
    ...host.bonds.map((bond) => keyfile(host, bond.name, bondSections(host, bond))),
    ...host.nics.map((nic) => keyfile(host, nic.name, nicSections(host, nic))),
    ...host.networks.flatMap((network) =>
      network.vlan === null ? [] : [keyfile(host, interfaceOf(network), vlanSections(network))],
    ),
  ];
}

type Entries = readonly (readonly [string, string | number | null])[];

function bondSections(host: HostSpec, bond: HostBond): Section[] {
  return [
    [
      'connection',
      [
        ['type', 'bond'],
        ['interface-name', bond.name],
      ],
    ],
    ['ethernet', [['mtu', linkMtu(host, bond.name)]]],
    [
      'bond',
      [
        ['mode', '802.3ad'],
        ['lacp_rate', bond.lacpRate],
        ['miimon', bond.monitorMs],
        ['xmit_hash_policy', bond.hashPolicy],
        ['min_links', bond.minLinks],
        ['updelay', bond.upDelayMs],
        ['downdelay', bond.downDelayMs],
      ],
    ],
    ...addressed(untaggedOn(host, bond.name)),
  ];
}

function nicSections(host: HostSpec, { name, mac }: HostNic): Section[] {
  const bond = bondOf(host, name);
  return [
    [
      'connection',
      [
        ['type', 'ethernet'],
        // By its MAC where the spec has it: the name is given by udev, and only from the next boot on.
        ['interface-name', mac === null ? name : null],
        ['master', bond],
        ['slave-type', bond === null ? null : 'bond'],
      ],
    ],
    [
      'ethernet',
      [
        ['mac-address', mac],
        ['mtu', linkMtu(host, bond ?? name)],
      ],
    ],
    ...(bond === null ? addressed(untaggedOn(host, name)) : []),
  ];
}

function vlanSections(network: HostNetwork): Section[] {
  return [
    [
      'connection',
      [
        ['type', 'vlan'],
        ['interface-name', interfaceOf(network)],
      ],
    ],
    ['ethernet', [['mtu', network.mtu]]],
    [
      'vlan',
      [
        ['id', network.vlan],
        ['parent', network.over],
        ['flags', 1],
      ],
    ],
    ...addressed(network),
  ];
}

function addressed(network: HostNetwork | undefined): Section[] {
  if (network === undefined)
    return [
      ['ipv4', [['method', 'disabled']]],
      ['ipv6', [['method', 'disabled']]],
    ];
  return [
    ['ipv4', family(network, (text) => !text.includes(':'), network.dhcp ? 'auto' : 'disabled')],
    ['ipv6', family(network, (text) => text.includes(':'), 'disabled')],
  ];
}

function family(network: HostNetwork, isOwn: (text: string) => boolean, otherwise: string): Entries {
  const addresses = network.addresses.filter(isOwn);
  const servers = network.nameServers.filter(isOwn);
  const routes = network.routes.filter(({ to }) => isOwn(to));
  const gateway = network.gateway !== null && isOwn(network.gateway) ? network.gateway : null;
  // DHCP beside fixed addresses: NetworkManager then has both.
  return [
    ['method', otherwise === 'auto' ? 'auto' : addresses.length > 0 ? 'manual' : otherwise],
    ...addresses.map((address, index) => [`address${index + 1}`, address] as const),
    ['gateway', gateway],
    ...routes.map(({ to, via }, index) => [`route${index + 1}`, `${to},${via}`] as const),
    ['dns', servers.length === 0 ? null : `${servers.join(';')};`],
    // A host whose other networks are down must still boot and serve.
    ['may-fail', addresses.length > 0 ? 'true' : null],
  ];
}

function keyfile(host: HostSpec, name: string, sections: readonly Section[]): HostFile {
  const [[, own], ...rest] = sections as [Section, ...Section[]];
  const connection: Section = [
    'connection',
    [
      ['id', `ashlar-${name}`],
      ['uuid', uuidOf('connection', host.name, name)],
      ['autoconnect-priority', PRIORITY],
      ...own,
    ],
  ];
  // NetworkManager ignores connections that others could read.
  return {
    path: `${DIRECTORY}/ashlar-${name}.nmconnection`,
    mode: '0600',
    text: iniText(HEADER, [connection, ...rest]),
  };
}
