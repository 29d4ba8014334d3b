// From the spec back to text that can be pasted into a cluster.yaml, in the form that the spec came in, where that form can
// say everything. parseClusterSpec gives the same spec again.
import { stringify } from 'yaml';
import type { ClusterSpec, SpecDrive, SpecNode } from './cluster-spec.ts';
import { hostsForm } from './hosts-write.ts';
import { capacityText } from './quantities.ts';

/** Settings by name, each as the lines that say it, in the order of a well-ordered file. Defaults are left out. */
export function specSettings(spec: ClusterSpec): ReadonlyMap<string, string> {
  const settings: Record<string, unknown> = {
    name: spec.name,
    engine: spec.engine === 'ashlar' ? undefined : spec.engine,
    erasure: `${spec.erasure.k}+${spec.erasure.m}`,
    survive: spec.survive,
    ...(spec.form === 'short' && isUniform(spec) ? shortForm(spec) : { nodes: longForm(spec) }),
    endpoint: endpointText(spec.endpoint),
    region: spec.region,
    domains: spec.domains.length === 0 ? undefined : spec.domains,
    root: rootOf(spec),
    volumes: spec.volumes ?? undefined,
    hosts: spec.hosts.length === 0 ? undefined : hostsForm(spec.hosts),
  };
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return new Map(entries.map(([name, value]) => [name, lines(name, value)]));
}

export function specText(spec: ClusterSpec): string {
  return [...specSettings(spec).values()].join('');
}

/** Zones and nodes are written one to a line, drives of a node on one line. */
function lines(name: string, value: unknown): string {
  if (name !== 'nodes') return `${name}: ${inline(value)}\n`;
  const nodes = Object.entries(value as Record<string, unknown>);
  return `nodes:\n${nodes.map(([node, settings]) => `  ${node}: ${inline(settings)}\n`).join('')}`;
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

function isUniform({ nodes, zones }: ClusterSpec): boolean {
  const drives = inline(nodes[0]?.drives);
  const counts = new Map<string, number>();
  const named = nodes.every(({ name, zone }) => {
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
    return name === `${zone}${counts.get(zone)}`;
  });
  const ordered = nodes.every(
    ({ zone }, index) => index === 0 || zones.indexOf(zone) >= zones.indexOf(nodes[index - 1]!.zone),
  );
  return named && ordered && nodes.every((node) => isPlain(node) && inline(node.drives) === drives);
}

function isPlain({ host, wal }: SpecNode): boolean {
  return host === null && wal === null;
}

function shortForm({ nodes, zones }: ClusterSpec): Record<string, unknown> {
  const { drives, capacity } = drivesOf(nodes[0]!.drives);
  return {
    zones: Object.fromEntries(zones.map((zone) => [zone, nodes.filter((node) => node.zone === zone).length])),
    drives,
    capacity,
  };
}

function longForm({ nodes }: ClusterSpec): Record<string, unknown> {
  return Object.fromEntries(
    nodes.map(({ name, zone, host, port, drives, wal }) => [
      name,
      {
        zone,
        ...(host === null ? {} : { address: port === null ? host : `${host}:${port}` }),
        ...drivesOf(drives),
        ...(wal === null ? {} : { wal }),
      },
    ]),
  );
}

function drivesOf(drives: readonly SpecDrive[]): { drives: unknown; capacity?: string } {
  const [first] = drives;
  const capacities = new Set(drives.map(({ capacityBytes }) => capacityBytes));
  const common = capacities.size === 1 ? first!.capacityBytes : null;
  const list = drives.map(({ path, capacityBytes }) =>
    common !== null || capacityBytes === null ? path : { path, capacity: capacityText(capacityBytes) },
  );
  return {
    drives: first!.path === null ? drives.length : list,
    ...(common === null ? {} : { capacity: capacityText(common) }),
  };
}

function endpointText({ host, port }: ClusterSpec['endpoint']): string | number | undefined {
  if (host === null) return port ?? undefined;
  return port === null ? host : `${host}:${port}`;
}

function rootOf({ root }: ClusterSpec): Record<string, string> | undefined {
  const given = Object.entries(root).filter((entry): entry is [string, string] => entry[1] !== null);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
