// The names that a person may use for parts of a cluster. Each look-up gives what is meant, or says which names there are.
import type { SpecNode } from '../../spec/cluster-spec.ts';
import type { LocalCluster } from './data-directory.ts';
import { LocalError } from './errors.ts';

export function requireNode(cluster: LocalCluster, name: string): string {
  const names = cluster.state.spec.nodes.map((node) => node.name);
  if (!names.includes(name)) throw unknown(cluster, 'node', name, names);
  return name;
}

/** The names of the zone's nodes. */
export function requireZone(cluster: LocalCluster, name: string): string[] {
  const { zones, nodes } = cluster.state.spec;
  if (!zones.includes(name)) throw unknown(cluster, 'zone', name, zones);
  return nodes.filter((node) => node.zone === name).map((node) => node.name);
}

export function requireSlot(cluster: LocalCluster, name: string): string {
  const slots = allSlots(cluster);
  if (!slots.includes(name)) throw unknown(cluster, 'drive', name, slots);
  return name;
}

/** "node/drive" of every drive, in the order of the spec. */
export function allSlots(cluster: LocalCluster): string[] {
  return cluster.state.spec.nodes.flatMap((node) => node.drives.map((drive) => `${node.name}/${drive.name}`));
}

export function nodeOf(slot: string): string {
  return slot.split('/')[0]!;
}

export function specNode(cluster: LocalCluster, name: string): SpecNode {
  return cluster.state.spec.nodes.find((node) => node.name === name)!;
}

function unknown(cluster: LocalCluster, kind: string, name: string, names: readonly string[]): LocalError {
  const shown = names.slice(0, 24).join(', ') + (names.length > 24 ? ', …' : '');
  return new LocalError('input', `${cluster.state.spec.name} has no ${kind} "${name}"; its ${kind}s are ${shown}`);
}
