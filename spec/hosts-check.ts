// What must be true of the machines beside the shape of their settings: networks that lie on something, bonds of cards that are
// there, addresses and drives that belong to one machine only.
import type { SpecNode } from './cluster-spec.ts';
import { type HostNetwork, type HostSpec, interfaceOf, STORAGE_NETWORK } from './hosts.ts';
import type { PlacedHost, PlaceOf, Report } from './hosts-resolve.ts';

/** Linux: IFNAMSIZ less the zero at the end. */
const INTERFACE_NAME_MAX = 15;

export function checkHosts(hosts: readonly PlacedHost[], nodes: readonly SpecNode[], report: Report): void {
  for (const { host, placeOf } of hosts) {
    checkNames(host, placeOf, report);
    checkBonds(host, placeOf, report);
    checkNetworks(host, placeOf, report);
    checkStorageAddress(host, placeOf, nodes, report);
  }
  checkOnce(hosts, report);
  checkWays(hosts, report);
  checkStorageMtu(hosts, report);
}

function checkNames({ nics, bonds }: HostSpec, placeOf: PlaceOf, report: Report): void {
  const seen = new Set<string>();
  for (const { name } of nics) {
    if (seen.has(name)) report(placeOf('nics'), `two network cards are ${name}`, 'Name each card once.');
    seen.add(name);
  }
  for (const { name } of bonds) {
    if (seen.has(name)) report(placeOf('bonds', name), `a network card is called ${name}, too`, 'Rename one of them.');
  }
}

function checkBonds({ nics, bonds }: HostSpec, placeOf: PlaceOf, report: Report): void {
  const bondOf = new Map<string, string>();
  for (const { name, members, minLinks } of bonds) {
    const place = placeOf('bonds', name, 'members');
    if (members.length < 2)
      report(place, `${name} has ${members.length === 0 ? 'no members' : 'one member'}`, 'Give it two nics or more.');
    for (const member of members) {
      const other = bondOf.get(member);
      if (!nics.some((nic) => nic.name === member))
        report(place, `there is no nic ${member}`, `Describe it under "nics", or use ${list(nics)}.`);
      if (other !== undefined)
        report(place, `${member} is a member of ${other} already`, 'A card can be in one bond, once.');
      bondOf.set(member, name);
    }
    if (minLinks > members.length && members.length > 0)
      report(
        placeOf('bonds', name, 'minLinks'),
        `${name} would never be up: it has ${members.length} members`,
        `Use ${members.length} at most.`,
      );
  }
}

function checkNetworks({ nics, bonds, networks }: HostSpec, placeOf: PlaceOf, report: Report): void {
  const members = new Map(bonds.flatMap((bond) => bond.members.map((member) => [member, bond.name])));
  const seen = new Map<string, string>();
  for (const network of networks) {
    const { name, over } = network;
    const place = placeOf('networks', name, 'over');
    if (over === '') {
      report(place, `nothing carries network ${name}`, 'Write over: bond0, or the name of a nic.');
      continue;
    }
    if (![...nics, ...bonds].some((link) => link.name === over))
      report(place, `there is no bond and no nic ${over}`, `Use one of: ${list([...bonds, ...nics])}.`);
    const bond = members.get(over);
    if (bond !== undefined) report(place, `${over} is a member of ${bond}`, `Write over: ${bond}.`);
    const link = interfaceOf(network);
    const other = seen.get(link);
    if (other !== undefined)
      report(
        placeOf('networks', name, 'vlan'),
        `networks ${other} and ${name} are both on ${link}`,
        'Give one a VLAN.',
      );
    seen.set(link, name);
    if (link.length > INTERFACE_NAME_MAX)
      report(place, `${link} is too long for the name of an interface`, 'Shorten it to 15 letters with its VLAN.');
    checkAddresses(network, placeOf, report);
  }
  const ways = networks.filter(({ gateway }) => gateway !== null);
  for (const { name } of ways.slice(1)) {
    const message = `networks ${ways[0]!.name} and ${name} both have a gateway`;
    report(placeOf('networks', name, 'gateway'), message, 'A host has one way to everywhere else; keep one of them.');
  }
}

function checkAddresses(network: HostNetwork, placeOf: PlaceOf, report: Report): void {
  const { name, addresses, dhcp, gateway } = network;
  const place = placeOf('networks', name);
  if (addresses.length === 0 && !dhcp)
    report(place, `the host has no address in network ${name}`, 'Write addresses: [10.0.1.11/24], or dhcp: true.');
  for (const [index, address] of addresses.entries()) {
    if (parse4(address) === null && !address.includes(':'))
      report(
        placeOf('networks', name, 'addresses', index),
        `${address} is no address with a prefix`,
        'Write for instance 10.0.1.11/24.',
      );
  }
  const known = addresses.flatMap((address) => parse4(address) ?? []);
  for (const [index, { via }] of network.routes.entries()) {
    const bits = parse4(`${via}/32`)?.bits;
    if (!via.includes(':') && (bits === undefined || !known.some((own) => isIn(bits, own))))
      report(
        placeOf('networks', name, 'routes', index, 'via'),
        `${via} is in none of the network's subnets`,
        'A router has an address beside those of the host.',
      );
  }
  const way = gateway === null || gateway.includes(':') ? null : parse4(`${gateway}/32`);
  if (gateway !== null && !gateway.includes(':') && (way === null || !known.some((own) => isIn(way.bits, own)))) {
    const message = `${gateway} is in none of the network's subnets`;
    report(placeOf('networks', name, 'gateway'), message, 'A gateway has an address beside those of the host.');
  }
}

interface Subnet4 {
  readonly bits: number;
  readonly prefix: number;
}

function parse4(text: string): Subnet4 | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (match === null) return null;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((part) => part > 255) || prefix > 32) return null;
  return { bits: ((a * 256 + b) * 256 + c) * 256 + d, prefix };
}

function isIn(bits: number, { bits: own, prefix }: Subnet4): boolean {
  const size = 2 ** (32 - prefix);
  return Math.floor(bits / size) === Math.floor(own / size);
}

/** Peers and clients reach the node where the spec says, so the host must be there. */
function checkStorageAddress(host: HostSpec, placeOf: PlaceOf, nodes: readonly SpecNode[], report: Report): void {
  const storage = storageOf(host);
  if (storage === undefined) {
    report(
      placeOf('networks'),
      `the machine has no network "${STORAGE_NETWORK}"`,
      'Write networks: {storage: {over: bond0, addresses: [10.0.1.11/24]}}.',
    );
    return;
  }
  if (storage.addresses.length === 0 && storage.dhcp)
    report(
      placeOf('networks', STORAGE_NETWORK, 'dhcp'),
      'nodes find each other at fixed addresses',
      'Write addresses: [10.0.1.11/24].',
    );
  const { host: address } = nodes.find(({ name }) => name === host.name)!;
  const isLiteral = address !== null && (parse4(`${address}/32`) !== null || address.startsWith('['));
  const own = host.networks.flatMap(({ addresses }) => addresses.map((text) => text.replace(/\/.*/, '')));
  if (isLiteral && own.length > 0 && !own.includes(address.replace(/^\[|\]$/g, '')))
    report(
      placeOf('networks', STORAGE_NETWORK, 'addresses'),
      `node ${host.name} is reached at ${address}, and the machine does not have that address`,
      'Give the machine the address of the node, or change that of the node.',
    );
}

/** What belongs to one machine and no other: MAC addresses, addresses, drives. */
function checkOnce(hosts: readonly PlacedHost[], report: Report): void {
  const ownerOf = new Map<string, string>();
  const claim = (what: string, host: string, path: ReturnType<PlaceOf>) => {
    const owner = ownerOf.get(what);
    if (owner !== undefined) report(path, `${what} is on ${owner} already`, 'Give it once.');
    ownerOf.set(what, host);
  };
  for (const { host, placeOf } of hosts) {
    for (const { name, mac } of host.nics) if (mac !== null) claim(`MAC ${mac}`, host.name, placeOf('nics', name));
    for (const { name, addresses } of host.networks)
      for (const [index, text] of addresses.entries())
        claim(`address ${text.replace(/\/.*/, '')}`, host.name, placeOf('networks', name, 'addresses', index));
    for (const { name, role, by, id } of host.drives)
      claim(
        `${by} ${id}`,
        `${host.name}/${name}`,
        role === 'wal' ? placeOf('walDrive', by) : placeOf('drives', name, by),
      );
    const labels = new Map<string, string>();
    for (const { name, role, label } of host.drives) {
      const place = role === 'wal' ? placeOf('walDrive', 'label') : placeOf('drives', name, 'label');
      const other = labels.get(label);
      if (other !== undefined) report(place, `drives ${other} and ${name} both have the label ${label}`, 'Change one.');
      labels.set(label, name);
    }
  }
}

/** Without a way of its own, traffic between the nodes would take that of the clients, with small frames and through their router. */
function checkWays(hosts: readonly PlacedHost[], report: Report): void {
  const firstAddress = (host: HostSpec) => storageOf(host)?.addresses.find((text) => parse4(text) !== null);
  for (const { host, placeOf } of hosts) {
    const storage = storageOf(host);
    if (storage === undefined || storage.gateway !== null || firstAddress(host) === undefined) continue;
    const known = [...storage.addresses, ...storage.routes.map(({ to }) => to)].flatMap((text) => parse4(text) ?? []);
    const stranger = hosts.find((other) => {
      const address = parse4(firstAddress(other.host) ?? '');
      return address !== null && !known.some((subnet) => isIn(address.bits, subnet));
    });
    if (stranger === undefined) continue;
    const { host: other } = stranger;
    report(
      placeOf('networks', STORAGE_NETWORK, 'addresses'),
      `${host.name} has no way to ${other.name} (${firstAddress(other)?.replace(/\/.*/, '')}) in the storage network`,
      'Put both into one subnet, or write routes: [{to: 10.0.0.0/16, via: 10.0.1.1}].',
    );
  }
}

function storageOf({ networks }: HostSpec): HostNetwork | undefined {
  return networks.find(({ name }) => name === STORAGE_NETWORK);
}

/** Packets that one host sends and another drops look like a network that fails only under load. */
function checkStorageMtu(hosts: readonly PlacedHost[], report: Report): void {
  const [first, ...others] = hosts.flatMap(({ host, placeOf }) => {
    const storage = storageOf(host);
    return storage === undefined ? [] : [{ name: host.name, mtu: storage.mtu, placeOf }];
  });
  for (const { name, mtu, placeOf } of others) {
    if (mtu === first!.mtu) continue;
    report(
      placeOf('networks', STORAGE_NETWORK, 'mtu'),
      `the storage network has MTU ${mtu} on ${name}, and ${first!.mtu} on ${first!.name}`,
      'Use the same on all machines.',
    );
  }
}

function list(links: readonly { readonly name: string }[]): string {
  return links.length === 0 ? 'none is described' : links.map(({ name }) => name).join(', ');
}
