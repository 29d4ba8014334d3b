// The drives of a plan in one list, with the failure domains that each belongs to. Everything that counts losses works on
// indexes into this list.
import type { PlacementDrive } from '../node/core/placement.ts';
import type { PlanNode } from './plan.ts';

export interface ClusterDrive extends PlacementDrive {
  readonly capacityBytes: number | null;
}

/** In the order of nodes and their drives. */
export function clusterDrives(nodes: readonly PlanNode[]): ClusterDrive[] {
  return nodes.flatMap(({ name, zone, drives }) =>
    drives.map(({ slot, weight, capacityBytes }) => ({ slot, node: name, zone, weight, capacityBytes })),
  );
}

/** Name → indexes of the drives that it takes along, in order of first appearance. */
export function membersOf(
  drives: readonly PlacementDrive[],
  domain: 'zone' | 'node',
): ReadonlyMap<string, readonly number[]> {
  const members = new Map<string, number[]>();
  for (const [index, drive] of drives.entries()) {
    const name = drive[domain];
    members.set(name, [...(members.get(name) ?? []), index]);
  }
  return members;
}
