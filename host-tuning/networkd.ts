// The network of a host as files of systemd-networkd: for hosts where cloud-init would write them and lose the bond, and for seeds
// over HTTP, from which Debian 12 does not take the network-config.
import type { HostBond, HostNetwork, HostNic, HostSpec } from '../spec/hosts.ts';
import { interfaceOf, STORAGE_NETWORK } from '../spec/hosts.ts';
import { type HostFile, iniText, type Section } from './host-file.ts';
import { bondOf, linkMtu, untaggedOn, vlansOn } from './links.ts';

/** Before the "10-cloud-init-…" and "10-netplan-…" of others: the first file that fits a card counts. */
const DIRECTORY = '/etc/systemd/network/05-ashlar';
const HEADER = 'From the spec of the cluster, by "ashlar host-config".';

export function networkdFiles(host: HostSpec): HostFile[] {
  return [
    ...linkFiles(host),
    ...host.bonds.map((bond) => file(`${bond.name}.netdev`, bondDevice(host, bond))),
    ...host.networks.flatMap((network) =>
      network.vlan === null ? [] : [file(`${interfaceOf(network)}.netdev`, vlanDevice(network))],
    ),
    ...host.nics.map((nic) => file(`${nic.name}.network`, nicNetwork(host, nic))),
    ...host.bonds.map(({ name }) => file(`${name}.network`, onLink(host, [['Name', name]], name))),
    ...host.networks.flatMap((network) =>
      network.vlan === null
        ? []
        : [
            file(`${interfaceOf(network)}.network`, [
              matching([['Name', interfaceOf(network)]]),
              ...addressed(network),
            ]),
          ],
    ),
  ];
}

/** Names and MTU of cards, which udev gives: they hold under every renderer. */
export function linkFiles(host: HostSpec): HostFile[] {
  return host.nics.flatMap(({ name, mac }) =>
    mac === null
      ? []
      : [
          file(`${name}.link`, [
            ['Match', [['PermanentMACAddress', mac]]],
            [
              'Link',
              [
                ['Name', name],
                ['MTUBytes', linkMtu(host, bondOf(host, name) ?? name)],
              ],
            ],
          ]),
        ],
  );
}

function bondDevice(host: HostSpec, bond: HostBond): Section[] {
  return [
    [
      'NetDev',
      [
        ['Name', bond.name],
        ['Kind', 'bond'],
        ['MTUBytes', linkMtu(host, bond.name)],
      ],
    ],
    [
      'Bond',
      [
        ['Mode', '802.3ad'],
        ['LACPTransmitRate', bond.lacpRate],
        ['MIIMonitorSec', `${bond.monitorMs}ms`],
        ['TransmitHashPolicy', bond.hashPolicy],
        ['MinLinks', bond.minLinks],
        ['UpDelaySec', `${bond.upDelayMs}ms`],
        ['DownDelaySec', `${bond.downDelayMs}ms`],
      ],
    ],
  ];
}

function vlanDevice(network: HostNetwork): Section[] {
  return [
    [
      'NetDev',
      [
        ['Name', interfaceOf(network)],
        ['Kind', 'vlan'],
        ['MTUBytes', network.mtu],
      ],
    ],
    ['VLAN', [['Id', network.vlan]]],
  ];
}

function nicNetwork(host: HostSpec, { name, mac }: HostNic): Section[] {
  const match: readonly (readonly [string, string])[] =
    mac === null ? [['Name', name]] : [['PermanentMACAddress', mac]];
  const bond = bondOf(host, name);
  if (bond === null) return onLink(host, match, name);
  return [matching(match), ['Link', [['MTUBytes', linkMtu(host, bond)]]], ['Network', [['Bond', bond]]]];
}

/** A link that carries VLANs, a network of its own, or both. */
function onLink(host: HostSpec, match: readonly (readonly [string, string])[], link: string): Section[] {
  const network = untaggedOn(host, link);
  const vlans = vlansOn(host, link).map((vlan): readonly [string, string] => ['VLAN', interfaceOf(vlan)]);
  if (network === undefined)
    return [
      matching(match),
      [
        'Link',
        [
          ['MTUBytes', linkMtu(host, link)],
          ['RequiredForOnline', 'no'],
        ],
      ],
      ['Network', [['LinkLocalAddressing', 'no'], ...vlans]],
    ];
  return [matching(match), ...addressed(network, vlans, linkMtu(host, link))];
}

function addressed(
  { name, addresses, dhcp, gateway, routes, nameServers, mtu }: HostNetwork,
  vlans: readonly (readonly [string, string])[] = [],
  mtuBytes = mtu,
): Section[] {
  return [
    [
      'Link',
      [
        ['MTUBytes', mtuBytes],
        // A host whose management network is down must still boot and serve.
        ['RequiredForOnline', name === STORAGE_NETWORK ? 'routable' : 'no'],
      ],
    ],
    [
      'Network',
      [
        ['DHCP', dhcp ? 'ipv4' : null],
        ...addresses.map((address) => ['Address', address] as const),
        ['Gateway', gateway],
        ...nameServers.map((server) => ['DNS', server] as const),
        ...vlans,
      ],
    ],
    ...routes.map(
      ({ to, via }): Section => [
        'Route',
        [
          ['Destination', to],
          ['Gateway', via],
        ],
      ],
    ),
  ];
}

function matching(match: readonly (readonly [string, string])[]): Section {
  return ['Match', match];
}

function file(name: string, sections: readonly Section[]): HostFile {
  return { path: `${DIRECTORY}-${name}`, mode: '0644', text: iniText(HEADER, sections) };
}
