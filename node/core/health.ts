// What may be said of the cluster's health, and whether part of it can be spared: pure judgements over the map and what the
// nodes report. They err on the careful side: what is not known to be well is not called well.
import type { ClusterMap, MapDrive } from './cluster-map.ts';

export type Health = 'healthy' | 'healing' | 'degraded' | 'unavailable';

/** What the judgement needs of one node; null for a node that did not answer. */
export interface NodeCondition {
  readonly ready: boolean;
  /** Slots that the node can use. */
  readonly usableSlots: readonly string[];
  /** Registers and shards known or suspected to be missing. */
  readonly pending: number;
  readonly comparedSinceMapChange: boolean;
}

export interface Layout {
  /** The k+m drives of a partition. */
  positions(partition: number): readonly MapDrive[];
  /** The drives of its registers. */
  replicas(partition: number): readonly MapDrive[];
  readonly quorums: { readonly write: number; readonly takeOver: number };
}

export interface Verdict {
  readonly health: Health;
  readonly reasons: readonly string[];
}

export function judgeHealth(
  map: ClusterMap,
  layout: Layout,
  conditions: ReadonlyMap<string, NodeCondition | null>,
): Verdict {
  const reasons: string[] = [];
  const lost = new Set<string>();
  for (const node of map.nodes) {
    const condition = conditions.get(node.name) ?? null;
    const own = map.drives.filter((drive) => drive.node === node.name);
    if (condition === null) {
      reasons.push(`node ${node.name} (zone ${node.zone}) does not answer`);
      for (const drive of own) lost.add(drive.slot);
      continue;
    }
    for (const drive of own) {
      if (!condition.usableSlots.includes(drive.slot)) reasons.push(`drive ${drive.slot} is not usable`);
      else if (drive.state === 'down') reasons.push(`drive ${drive.slot} is being brought up to date`);
      else continue;
      lost.add(drive.slot);
    }
  }
  const stopped = stoppedPartition(map, layout, lost);
  if (stopped !== null) return { health: 'unavailable', reasons: [stopped, ...reasons] };
  if (lost.size > 0) return { health: 'degraded', reasons };
  for (const [name, condition] of conditions) {
    if (condition === null) continue;
    if (condition.pending > 0) reasons.push(`${name} has ${condition.pending} registers or shards to heal`);
    else if (!condition.comparedSinceMapChange) reasons.push(`${name} is still comparing its part with the others`);
    else if (!condition.ready) reasons.push(`${name} is still catching up`);
  }
  return reasons.length > 0 ? { health: 'healing', reasons } : { health: 'healthy', reasons: [] };
}

/**
 * Whether these nodes may be taken down now: everything is well, and without their drives every partition still reads and
 * writes. The reasons say what stands against it; none means yes.
 */
export function objectionsToSparing(
  map: ClusterMap,
  layout: Layout,
  conditions: ReadonlyMap<string, NodeCondition | null>,
  nodeNames: readonly string[],
): string[] {
  const lost = new Set(map.drives.filter((drive) => nodeNames.includes(drive.node)).map((drive) => drive.slot));
  const others = new Map([...conditions].filter(([name]) => !nodeNames.includes(name)));
  const { health, reasons } = judgeHealth(
    { ...map, nodes: map.nodes.filter((node) => others.has(node.name)) },
    layout,
    others,
  );
  const objections = health === 'healthy' ? [] : [...reasons];
  const stopped = stoppedPartition(map, layout, lost);
  if (stopped !== null) objections.push(`without ${nodeNames.join(', ')}: ${stopped}`);
  return objections;
}

/** Says which partition (or the map itself) could not be written without these drives; null when all can. */
function stoppedPartition(map: ClusterMap, layout: Layout, lost: ReadonlySet<string>): string | null {
  if (lost.size === 0) return null;
  const isLeft = (drive: MapDrive) => !lost.has(drive.slot);
  const keepersLeft = map.keepers.filter((slot) => !lost.has(slot)).length;
  const keepersNeeded = Math.floor(map.keepers.length / 2) + 1;
  if (keepersLeft < keepersNeeded) {
    return `the cluster map has ${keepersLeft} of ${map.keepers.length} keepers left and needs ${keepersNeeded}`;
  }
  for (let partition = 0; partition < map.partitionCount; partition++) {
    const shards = layout.positions(partition).filter(isLeft).length;
    if (shards < map.scheme.k) return `partition ${partition} has ${shards} shards left and needs ${map.scheme.k}`;
    const replicas = layout.replicas(partition).filter(isLeft).length;
    if (replicas < layout.quorums.write) {
      return `partition ${partition} has ${replicas} register replicas left and needs ${layout.quorums.write} to write`;
    }
  }
  return null;
}
