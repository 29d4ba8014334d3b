// From the "hosts" part of the document to the machines: what a machine says goes over what its class says, defaults are filled in,
// and what no schema can say is checked, each problem at the place (machine or class) that decides.
import type { SpecNode } from './cluster-spec.ts';
import type { HostBond, HostDrive, HostNic, HostSpec } from './hosts.ts';
import { checkHosts } from './hosts-check.ts';
import { fits, HOST_SETTINGS, type HostSettingId, type HostSystem, shapeText } from './hosts-choices.ts';
import type { DriveDocument, HostClassDocument, HostsDocument, MachineDocument } from './hosts-schema.ts';
import { nearestWord } from './nearest-word.ts';
import type { Path } from './problems.ts';

export type Report = (path: Path, message: string, remedy: string) => void;

/** Where something of a machine stands in the document: at the machine, else at its class, else the machine itself. */
export type PlaceOf = (...rest: readonly (string | number)[]) => Path;

export interface PlacedHost {
  readonly host: HostSpec;
  readonly placeOf: PlaceOf;
}

/** Where drives without a path are mounted: the Swarm target looks for them there, too. */
const DATA_ROOT = '/mnt';
/** cloud-init writes connections for NetworkManager that lose lacp-rate, miimon, min-links and the bond's MTU (22.4 to 24). */
const NETWORK_MANAGER_SYSTEMS: readonly HostSystem[] = ['rocky-9', 'rhel-9'];

/** nodes: all of the spec, in its order, which is the order of the machines, too. */
export function resolveHosts(document: HostsDocument, nodes: readonly SpecNode[], report: Report): HostSpec[] {
  const names = nodes.map(({ name }) => name);
  for (const name of Object.keys(document.machines)) {
    if (names.includes(name)) continue;
    const near = nearestWord(name, names);
    const remedy =
      near === null ? `Use the name of a node: ${names.slice(0, 8).join(', ')}.` : `Did you mean "${near}"?`;
    report(['hosts', 'machines', name], `there is no node ${name}`, remedy);
  }
  const placed = nodes.flatMap((node) => {
    const machine = document.machines[node.name];
    const common = machine === undefined ? null : classOf(node.name, machine, document, report);
    return machine === undefined || common === null ? [] : [resolveHost(node, machine, common, report)];
  });
  checkHosts(placed, nodes, report);
  return placed.map(({ host }) => host);
}

function resolveHost(node: SpecNode, machine: MachineDocument, common: HostClassDocument, report: Report): PlacedHost {
  const merged = merge(common, machine) as MachineDocument;
  const placeOf: PlaceOf = (...rest) => {
    if (has(machine, rest)) return ['hosts', 'machines', node.name, ...rest];
    if (has(common, rest)) return ['hosts', 'classes', machine.class ?? '', ...rest];
    return rest.length > 1 ? placeOf(...rest.slice(0, -1)) : ['hosts', 'machines', node.name];
  };
  if (merged.system === undefined)
    report(placeOf(), 'the machine has no system', 'Add for instance "system: debian-12", here or in its class.');
  const system = merged.system ?? 'debian-12';
  const host: HostSpec = {
    name: node.name,
    system,
    networkRenderer:
      merged.networkRenderer ?? (NETWORK_MANAGER_SYSTEMS.includes(system) ? 'network-manager' : 'cloud-init'),
    profile: merged.profile ?? 'balanced',
    runtime: merged.runtime ?? 'none',
    settings: resolveSettings(merged, placeOf, report),
    nics: Object.entries(merged.nics ?? {}).map(([name, text]) => nicOf(name, text)),
    bonds: Object.entries(merged.bonds ?? {}).map(([name, bond]) => bondOf(name, bond)),
    networks: Object.entries(merged.networks ?? {}).map(([name, network]) => ({
      name,
      over: network.over ?? '',
      vlan: network.vlan ?? null,
      mtu: network.mtu ?? (name === 'storage' ? 9000 : 1500),
      addresses: network.addresses ?? [],
      dhcp: network.dhcp ?? false,
      gateway: network.gateway ?? null,
      routes: network.routes ?? [],
      nameServers: network.nameServers ?? [],
    })),
    drives: resolveDrives(node, merged, placeOf, report),
    timeServers: merged.timeServers ?? [],
    users: Object.entries(merged.users ?? {}).map(([name, user]) => ({
      name,
      keys: user.keys ?? [],
      sudo: user.sudo ?? false,
    })),
  };
  return { host: withKernelNames(host, merged.nics ?? {}), placeOf };
}

/** null: there is no such class, and without it most of what could be said of the machine would be wrong. */
function classOf(
  name: string,
  machine: MachineDocument,
  { classes }: HostsDocument,
  report: Report,
): HostClassDocument | null {
  if (machine.class === undefined) return {};
  const found = classes?.[machine.class];
  if (found !== undefined) return found;
  const near = nearestWord(machine.class, Object.keys(classes ?? {}));
  report(
    ['hosts', 'machines', name, 'class'],
    `there is no class ${machine.class}`,
    near === null ? 'Describe it under "classes".' : `Did you mean "${near}"?`,
  );
  return null;
}

function resolveSettings(merged: MachineDocument, placeOf: PlaceOf, report: Report): HostSpec['settings'] {
  const given = Object.entries(merged.settings ?? {}).filter((entry) => entry[1] !== undefined);
  for (const [id, value] of given) {
    const shape = HOST_SETTINGS[id as HostSettingId];
    if (!fits(value, shape))
      report(
        placeOf('settings', id),
        `${JSON.stringify(value)} is not ${shapeText(shape)}`,
        'Change it, write false to leave it alone, or remove it.',
      );
  }
  return Object.fromEntries(given);
}

function nicOf(name: string, text: string): HostNic {
  return text.includes(':') ? { name, mac: text.toLowerCase() } : { name: text, mac: null };
}

/** A nic that is found by the kernel's name keeps that name; the one in the spec is only how the spec refers to it. */
function withKernelNames(host: HostSpec, nics: Readonly<Record<string, string>>): HostSpec {
  const real = (name: string) => {
    const text = nics[name];
    return text === undefined ? name : nicOf(name, text).name;
  };
  return {
    ...host,
    bonds: host.bonds.map((bond) => ({ ...bond, members: bond.members.map(real) })),
    networks: host.networks.map((network) => ({ ...network, over: real(network.over) })),
  };
}

function bondOf(name: string, bond: NonNullable<MachineDocument['bonds']>[string]): HostBond {
  return {
    name,
    members: bond.members ?? [],
    lacpRate: bond.lacpRate ?? 'fast',
    monitorMs: bond.monitorMs ?? 100,
    hashPolicy: bond.hashPolicy ?? 'layer3+4',
    minLinks: bond.minLinks ?? 1,
    upDelayMs: bond.upDelayMs ?? 200,
    downDelayMs: bond.downDelayMs ?? 200,
  };
}

function resolveDrives(node: SpecNode, merged: MachineDocument, placeOf: PlaceOf, report: Report): HostDrive[] {
  const given = merged.drives ?? {};
  const known = node.drives.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    report(placeOf('drives', name), `node ${node.name} has no drive ${name}`, `Its drives are ${known.join(', ')}.`);
  }
  const data = node.drives.flatMap(({ name, path }) => {
    const drive = given[name];
    if (drive !== undefined)
      return driveOf(name, 'data', path ?? `${DATA_ROOT}/${name}`, drive, placeOf('drives', name), report);
    report(
      placeOf('drives'),
      `drive ${node.name}/${name} has no device`,
      `Write drives: {${name}: {serial: S6CKNE0T100001}}, with the serial that lsblk prints.`,
    );
    return [];
  });
  if (merged.walDrive === undefined && node.wal === null) return data;
  if (merged.walDrive === undefined) {
    report(
      placeOf('walDrive'),
      `the log of node ${node.name} (${node.wal}) has no device`,
      'Write walDrive: {serial: …}, or remove wal at the node.',
    );
    return data;
  }
  if (node.wal === null) {
    report(
      placeOf('walDrive'),
      `node ${node.name} has no log of its own`,
      'Give the node wal: /mnt/nvme/wal, or remove walDrive.',
    );
    return data;
  }
  return [...data, ...driveOf('wal', 'wal', node.wal, merged.walDrive, placeOf('walDrive'), report)];
}

function driveOf(
  name: string,
  role: HostDrive['role'],
  mountPoint: string,
  drive: DriveDocument,
  place: Path,
  report: Report,
): HostDrive[] {
  const ids = (['serial', 'wwn', 'id'] as const).filter((key) => drive[key] !== undefined);
  const [by] = ids;
  if (by === undefined || ids.length > 1) {
    const message = by === undefined ? 'nothing says which device it is' : `${ids.join(' and ')} are both given`;
    report(place, message, 'Give one of serial, wwn and id.');
    return [];
  }
  return [{ name, role, by, id: drive[by]!, label: drive.label ?? name.slice(0, 12), mountPoint }];
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Maps are merged at every depth; lists and values are replaced. */
function merge(under: unknown, over: unknown): unknown {
  if (!isPlain(under) || !isPlain(over)) return over ?? under;
  const keys = [...new Set([...Object.keys(under), ...Object.keys(over)])];
  return Object.fromEntries(keys.map((key) => [key, merge(under[key], over[key])]));
}

function has(value: unknown, path: readonly (string | number)[]): boolean {
  let inner = value;
  for (const part of path) inner = (inner as Record<string | number, unknown> | undefined)?.[part];
  return path.length > 0 && inner !== undefined;
}
