// From the document to the spec: both forms become one, defaults are filled in, and what no schema can say is checked. Works
// on whatever parts of the document were found well-formed, so that one run names all problems.
import { defaultDomain } from './choices.ts';
import type { ClusterSpec, SpecDrive, SpecNode } from './cluster-spec.ts';
import { resolveHosts } from './hosts-resolve.ts';
import type { Finding, Path } from './problems.ts';
import { capacityBytes, SCHEME_PATTERN, splitAddress } from './quantities.ts';
import type { DrivesDocument, NodeDocument, SpecDocument } from './schema.ts';

/** Where an address names no port. */
const DEFAULT_PORT = 9000;
const SHARDS_MAX = 64;
const DRIVES_MAX = 2_000;

export interface Resolution {
  /** Only meaningful when nothing was found wrong, here or before. */
  readonly spec: ClusterSpec;
  readonly findings: readonly Finding[];
}

/** broken: top-level settings that are there but malformed; they were reported, and count as given. */
export function resolveSpec(document: Partial<SpecDocument>, broken: ReadonlySet<string>): Resolution {
  const findings: Finding[] = [];
  const report: Report = (path, message, remedy) => findings.push({ path, atKey: false, message, remedy });
  const erasure = resolveErasure(document.erasure, report);
  const nodes = resolveNodes(document, broken, report);
  const zones = [...new Set(nodes.map((node) => node.zone))];
  checkDrivesDiffer(nodes, document, report);
  checkAddresses(nodes, report);
  checkCapacities(nodes, document, report);
  const driveCount = nodes.reduce((sum, node) => sum + node.drives.length, 0);
  if (driveCount > DRIVES_MAX) {
    report(['drives'], `the cluster has ${driveCount} drives`, `Use at most ${DRIVES_MAX}; build a second cluster.`);
  }
  const engine = document.engine ?? 'ashlar';
  if (engine === 'ashlar' && document.volumes !== undefined && !broken.has('engine')) {
    report(['volumes'], 'engine ashlar has no volume arguments', 'Remove it: nodes and drives say it all.');
  }
  const spec: ClusterSpec = {
    name: document.name ?? 'ashlar',
    engine,
    erasure,
    survive: document.survive ?? defaultDomain(zones.length, nodes.length),
    form: document.nodes === undefined ? 'short' : 'long',
    zones,
    nodes,
    endpoint: resolveEndpoint(document.endpoint, report),
    region: document.region ?? 'us-east-1',
    domains: document.domains ?? [],
    root: {
      accessKey: document.root?.accessKey ?? null,
      secretKeyFile: document.root?.secretKeyFile ?? null,
    },
    volumes: document.volumes ?? null,
    // Machines are about nodes and drives; when those are malformed, half of what could be said would be wrong.
    hosts:
      document.hosts === undefined || ['nodes', 'zones', 'drives'].some((setting) => broken.has(setting))
        ? []
        : resolveHosts(document.hosts, nodes, report),
  };
  return { spec, findings };
}

type Report = (path: Path, message: string, remedy: string) => void;

function resolveErasure(text: string | undefined, report: Report): ClusterSpec['erasure'] {
  const match = text === undefined ? null : SCHEME_PATTERN.exec(text);
  if (match === null) return { k: 1, m: 1 };
  const k = Number(match[1]);
  const m = Number(match[2]);
  if (k < 1) report(['erasure'], `${text} has no data shard`, 'Use at least 2 data shards, for instance 4+2.');
  if (m < 1)
    report(['erasure'], `${text} has no parity shard and survives no loss`, 'Use at least 1, for instance 4+2.');
  if (k + m > SHARDS_MAX) report(['erasure'], `${text} has ${k + m} shards`, `Use at most ${SHARDS_MAX} in all.`);
  return { k, m };
}

function resolveNodes(document: Partial<SpecDocument>, broken: ReadonlySet<string>, report: Report): SpecNode[] {
  const { zones, nodes } = document;
  const hasZones = zones !== undefined || broken.has('zones');
  const hasNodes = nodes !== undefined || broken.has('nodes');
  if (hasZones && hasNodes) {
    report(
      ['zones'],
      'both "zones" and "nodes" are given',
      'Remove one: each node under "nodes" names its zone itself.',
    );
  } else if (!hasZones && !hasNodes) {
    report([], 'neither "zones" nor "nodes" is given', 'Write for instance "zones: {a: 1, b: 1, c: 1, d: 1}".');
  }
  const hasDrives = document.drives !== undefined || broken.has('drives');
  if (nodes !== undefined) {
    return Object.entries(nodes).map(([name, node]) => longNode(name, node, document, hasDrives, report));
  }
  if (zones === undefined) return [];
  if (Object.keys(zones).length === 0) report(['zones'], 'there is no zone', 'Name at least one, for instance {a: 1}.');
  if (!hasDrives) report([], '"drives" is missing', 'Write how many drives each node has, for instance "drives: 2".');
  const drives = resolveDrives(document.drives ?? 1, document.capacity);
  const named = Object.entries(zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) => ({ name: `${zone}${index + 1}`, zone })),
  );
  checkNamesDiffer(named, report);
  return named.map(({ name, zone }) => ({ name, zone, host: null, port: null, drives, wal: null }));
}

function longNode(
  name: string,
  node: NodeDocument,
  document: Partial<SpecDocument>,
  hasDrives: boolean,
  report: Report,
): SpecNode {
  if (node.drives === undefined && !hasDrives) {
    report(
      ['nodes', name],
      'the node has no drives',
      'Add for instance "drives: [/mnt/d1, /mnt/d2]", here or for all nodes.',
    );
  }
  const address = node.address === undefined ? { host: null, port: null } : splitAddress(node.address);
  checkPort(address.port, ['nodes', name, 'address'], report);
  const drives = resolveDrives(node.drives ?? document.drives ?? 1, node.capacity ?? document.capacity);
  if (node.wal !== undefined && drives.some((drive) => drive.path === node.wal)) {
    report(
      ['nodes', name, 'wal'],
      `${node.wal} is a drive of the node too`,
      'Use a directory of its own, or remove it.',
    );
  }
  return { name, zone: node.zone, ...address, drives, wal: node.wal ?? null };
}

function resolveDrives(drives: DrivesDocument, capacity: string | undefined): SpecDrive[] {
  const bytes = (text: string | undefined) => (text === undefined ? null : capacityBytes(text));
  if (typeof drives === 'number') {
    return Array.from({ length: drives }, (_, index) => ({
      name: `d${index + 1}`,
      path: null,
      capacityBytes: bytes(capacity),
    }));
  }
  return drives.map((drive) => {
    const { path, capacity: own } = typeof drive === 'string' ? { path: drive, capacity: undefined } : drive;
    return { name: path.slice(path.lastIndexOf('/') + 1), path, capacityBytes: bytes(own ?? capacity) };
  });
}

/** "a" with eleven nodes and "a1" with one both have a node "a11". */
function checkNamesDiffer(nodes: readonly { name: string; zone: string }[], report: Report): void {
  const zoneOf = new Map<string, string>();
  for (const { name, zone } of nodes) {
    const other = zoneOf.get(name);
    if (other !== undefined) {
      report(
        ['zones', zone],
        `zones ${other} and ${zone} both get a node ${name}`,
        'Rename a zone, or list the nodes under "nodes".',
      );
      return;
    }
    zoneOf.set(name, zone);
  }
}

/** A node knows its drives by the last component of their paths. */
function checkDrivesDiffer(nodes: readonly SpecNode[], document: Partial<SpecDocument>, report: Report): void {
  const reported = new Set<string>();
  for (const node of nodes) {
    const own = document.nodes?.[node.name]?.drives !== undefined;
    const place: Path = own ? ['nodes', node.name, 'drives'] : ['drives'];
    const seen = new Map<string, SpecDrive>();
    for (const [index, drive] of node.drives.entries()) {
      const other = seen.get(drive.name);
      seen.set(drive.name, drive);
      if (other === undefined || reported.has(`${place} ${index}`)) continue;
      reported.add(`${place} ${index}`);
      const message =
        other.path === drive.path
          ? `${drive.path} is listed twice`
          : `${other.path} and ${drive.path} would both be drive "${drive.name}"`;
      report([...place, index], message, 'Give each drive of a node a path with a last component of its own.');
    }
  }
}

function checkAddresses(nodes: readonly SpecNode[], report: Report): void {
  const seen = new Map<string, string>();
  for (const node of nodes) {
    if (node.host === null) {
      if (nodes.some((other) => other.host !== null)) {
        report(
          ['nodes', node.name],
          'the node has no address, and others have one',
          'Give all nodes an address, or none.',
        );
      }
      continue;
    }
    const address = `${node.host}:${node.port ?? DEFAULT_PORT}`;
    const other = seen.get(address);
    if (other !== undefined) {
      report(
        ['nodes', node.name, 'address'],
        `${address} is the address of node ${other} too`,
        'Give each node its own.',
      );
    }
    seen.set(address, node.name);
  }
}

function checkCapacities(nodes: readonly SpecNode[], document: Partial<SpecDocument>, report: Report): void {
  const drives = nodes.flatMap((node) => node.drives.map((drive, index) => ({ node, drive, index })));
  if (!drives.some(({ drive }) => drive.capacityBytes !== null)) return;
  const small = drives.find(({ drive }) => drive.capacityBytes !== null && drive.capacityBytes < 2 ** 30);
  if (small !== undefined) {
    report(driveSetting(small, document, 'capacity'), 'a drive has less than 1 GiB', 'Use drives of at least 1GiB.');
  }
  for (const entry of drives) {
    if (entry.drive.capacityBytes !== null) continue;
    report(
      driveSetting(entry, document, 'drive'),
      `drive ${entry.node.name}/${entry.drive.name} has no capacity, and others have one`,
      'Give all drives a capacity, or none: {path: /mnt/d1, capacity: 4TB}.',
    );
  }
}

/** The place in the document that decides about this drive. */
function driveSetting(
  { node, index }: { node: SpecNode; index: number },
  document: Partial<SpecDocument>,
  what: 'drive' | 'capacity',
): Path {
  const own = document.nodes?.[node.name];
  if (what === 'capacity' && own?.capacity !== undefined) return ['nodes', node.name, 'capacity'];
  if (Array.isArray(own?.drives)) return ['nodes', node.name, 'drives', index];
  if (own?.drives !== undefined) return ['nodes', node.name];
  if (what === 'capacity' && document.capacity !== undefined) return ['capacity'];
  return Array.isArray(document.drives) ? ['drives', index] : ['drives'];
}

function resolveEndpoint(endpoint: string | number | undefined, report: Report): ClusterSpec['endpoint'] {
  if (endpoint === undefined) return { host: null, port: null };
  if (typeof endpoint === 'number') return { host: null, port: endpoint };
  const address = splitAddress(endpoint);
  checkPort(address.port, ['endpoint'], report);
  return address;
}

function checkPort(port: number | null, path: Path, report: Report): void {
  if (port === null || (port >= 1 && port <= 65_535)) return;
  report(path, `${port} is not a port`, 'Use a port from 1 to 65535, for instance 9000.');
}
