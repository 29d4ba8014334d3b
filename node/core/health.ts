// What may be said of the cluster's health, and whether part of it can be spared: pure judgements over the map and what the
// nodes report. They err on the careful side: what is not known to be well is not called well.
import type { ClusterMap, MapDrive } from './cluster-map.ts';
import { keeperMajority } from './keepers.ts';

export type Health = 'healthy' | 'healing' | 'degraded' | 'unavailable';

/** What the judgement needs of one node; null for a node that did not answer. */
export interface NodeCondition {
  /** Of the newest map that the node knows. */
  readonly epoch: number;
  /** By node, the process that it last heard of; under its own name, itself. */
  readonly lives: Readonly<Record<string, string>>;
  readonly ready: boolean;
  /** Slots that the node can use. */
  readonly usableSlots: readonly string[];
  /** Registers and shards known or suspected to be missing. */
  readonly pending: number;
  /** Of these, the registers that a drive (of any node) lacks or may lack, by slot. */
  readonly behind: Readonly<Record<string, number>>;
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
    // What it compared, it compared by another map: a drive that came back may be down there still, and nobody looked at it.
    if (condition.epoch !== map.epoch) reasons.push(otherEpoch(name, condition, map));
    else if (condition.pending > 0) reasons.push(`${name} has ${condition.pending} registers or shards to heal`);
    else if (!condition.comparedSinceMapChange) reasons.push(`${name} is still comparing its part with the others`);
    else if (!condition.ready) reasons.push(`${name} is still catching up`);
    else reasons.push(...unnoticed(name, condition, conditions));
  }
  return reasons.length > 0 ? { health: 'healing', reasons } : { health: 'healthy', reasons: [] };
}

/**
 * Whether these nodes may be taken down now: without their drives, and without those that are away already, every partition still
 * reads and writes, and nothing waits for healing that their loss could keep from being healed. The reasons say what stands
 * against it; none means yes. What a node knows of trouble is lost with its process, so a node that does not answer counts as
 * gone only once the map calls its drives down: from then on the others compare everything themselves.
 */
export function objectionsToSparing(
  map: ClusterMap,
  layout: Layout,
  conditions: ReadonlyMap<string, NodeCondition | null>,
  nodeNames: readonly string[],
): string[] {
  const objections: string[] = [];
  const target = new Set(map.drives.filter((drive) => nodeNames.includes(drive.node)).map((drive) => drive.slot));
  const away = new Set<string>();
  const behind = new Set<string>();
  for (const { name, zone } of map.nodes) {
    const condition = conditions.get(name) ?? null;
    const own = map.drives.filter((drive) => drive.node === name);
    if (condition === null) {
      if (own.some((drive) => drive.state === 'up'))
        objections.push(
          `node ${name} (zone ${zone}) does not answer, and the others have not agreed yet that it is down`,
        );
      for (const drive of own) away.add(drive.slot);
      continue;
    }
    for (const { slot, state } of own) {
      const isUsable = condition.usableSlots.includes(slot);
      if (!isUsable && state === 'up')
        objections.push(`drive ${slot} is not usable, and the others have not agreed yet that it is down`);
      if (!isUsable || state === 'down') away.add(slot);
      if (!condition.ready) behind.add(slot);
    }
    for (const slot of Object.keys(condition.behind)) behind.add(slot);
    objections.push(...unfinished(name, condition, map), ...unnoticed(name, condition, conditions));
  }
  return [...objections, ...lossesTooMany(map, layout, { target, away, behind }, nodeNames)];
}

/** What the node still has to find out or to heal, of which nobody can say which partitions it is about. */
function unfinished(name: string, condition: NodeCondition, map: ClusterMap): string[] {
  const { pending, behind, comparedSinceMapChange } = condition;
  const shards = pending - Object.values(behind).reduce((sum, count) => sum + count, 0);
  if (condition.epoch !== map.epoch) return [otherEpoch(name, condition, map)];
  if (shards > 0) return [`${name} has ${shards} objects or parts with shards to heal`];
  if (!comparedSinceMapChange) return [`${name} is still comparing its part with the others`];
  return [];
}

/** What a node knew of trouble is lost when it is restarted, and the others compare again only when they have noticed. */
function unnoticed(
  name: string,
  { lives }: NodeCondition,
  conditions: ReadonlyMap<string, NodeCondition | null>,
): string[] {
  return [...conditions].flatMap(([other, condition]) =>
    condition === null || lives[other] === condition.lives[other]
      ? []
      : [`${name} has not noticed yet that ${other} was restarted`],
  );
}

const otherEpoch = (name: string, { epoch }: NodeCondition, map: ClusterMap) =>
  `${name} goes by epoch ${epoch} of the cluster map, this node by ${map.epoch}`;

interface Losses {
  readonly target: ReadonlySet<string>;
  /** Drives that cannot be counted on, whether the target goes or not. */
  readonly away: ReadonlySet<string>;
  /** Drives whose registers cannot. */
  readonly behind: ReadonlySet<string>;
}

function lossesTooMany(map: ClusterMap, layout: Layout, losses: Losses, nodeNames: readonly string[]): string[] {
  const { target, away, behind } = losses;
  const holdsShards = ({ slot }: MapDrive) => !target.has(slot) && !away.has(slot);
  const holdsRegisters = (drive: MapDrive) => holdsShards(drive) && !behind.has(drive.slot);
  const partitions = Array.from({ length: map.partitionCount }, (_, partition) => partition);
  const without = `without ${[...nodeNames, ...[...away].filter((slot) => !target.has(slot))].join(', ')}`;
  const problems: string[] = [];
  const keepers = map.keepers.filter((slot) =>
    map.drives.some((drive) => drive.slot === slot && holdsRegisters(drive)),
  );
  const majority = keeperMajority(map.keepers.length);
  if (keepers.length < majority) {
    problems.push(
      `${without} the cluster map has ${keepers.length} of ${map.keepers.length} keepers left and needs ${majority}`,
    );
  }
  const count = (drives: readonly MapDrive[], isLeft: (drive: MapDrive) => boolean) => drives.filter(isLeft).length;
  const shardsLeft = (partition: number) => count(layout.positions(partition), holdsShards);
  const replicasLeft = (partition: number) => count(layout.replicas(partition), holdsRegisters);
  const fewest = (left: (partition: number) => number) => Math.min(...partitions.map(left));
  const unreadable = partitions.filter((partition) => shardsLeft(partition) < map.scheme.k).length;
  if (unreadable > 0) {
    problems.push(
      `${without} ${partitionsText(unreadable, map)} could not be read: ${fewest(shardsLeft)} shards left, ${map.scheme.k} are needed`,
    );
  }
  const { write } = layout.quorums;
  const unwritable = partitions.filter((partition) => replicasLeft(partition) < write).length;
  if (unwritable > 0) {
    problems.push(
      `${without} ${partitionsText(unwritable, map)} could not be written: ${fewest(replicasLeft)} up-to-date register replicas left, ${write} are needed`,
    );
  }
  return problems;
}

const partitionsText = (count: number, { partitionCount }: ClusterMap) => `${count} of ${partitionCount} partitions`;

/** Says which partition (or the map itself) could not be written without these drives; null when all can. */
function stoppedPartition(map: ClusterMap, layout: Layout, lost: ReadonlySet<string>): string | null {
  if (lost.size === 0) return null;
  const isLeft = (drive: MapDrive) => !lost.has(drive.slot);
  const keepersLeft = map.keepers.filter((slot) => !lost.has(slot)).length;
  const keepersNeeded = keeperMajority(map.keepers.length);
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
