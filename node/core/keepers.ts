// Which drives vote on the next cluster map. Few, odd in number, and spread so that what the plan promises to survive never
// takes a majority of them. Pure: the plan proves its promises with the same choice that the founding nodes make.
import type { Scheme } from './cluster-map.ts';
import type { PlacementDrive } from './placement.ts';

/** Voting costs a message to each keeper; more than this buys nothing that a plan promises. */
const KEEPERS_MAX = 9;

/**
 * Slots, in the order chosen. 2m+1 of them (at least 3, at most 9) where that lets a majority survive the loss of any one
 * zone, of any one node and of any m drives; where not all of this can be had at once, the zone comes first, then the node.
 */
export function chooseKeepers(drives: readonly PlacementDrive[], scheme: Scheme): string[] {
  const wanted = Math.min(KEEPERS_MAX, Math.max(3, 2 * scheme.m + 1));
  let best: PlacementDrive[] = [];
  let bestMerit = -1;
  for (let count = Math.min(wanted, drives.length - 1 + (drives.length % 2)); count >= 1; count -= 2) {
    const keepers = spread(drives, count);
    const merit = meritOf(keepers, scheme);
    if (merit > bestMerit) [best, bestMerit] = [keepers, merit];
  }
  return best.map((drive) => drive.slot);
}

/** So many keepers must agree on a map. */
export function keeperMajority(keeperCount: number): number {
  return Math.floor(keeperCount / 2) + 1;
}

/** One drive after the other from the zone that has the fewest so far, there from the node that has the fewest. */
function spread(drives: readonly PlacementDrive[], count: number): PlacementDrive[] {
  const chosen: PlacementDrive[] = [];
  const rest = new Set(drives);
  while (chosen.length < count) {
    const next = [...rest].reduce((a, b) => (compareNext(a, b, chosen) <= 0 ? a : b));
    chosen.push(next);
    rest.delete(next);
  }
  return chosen;
}

function compareNext(a: PlacementDrive, b: PlacementDrive, chosen: readonly PlacementDrive[]): number {
  const inZone = (drive: PlacementDrive) => chosen.filter((other) => other.zone === drive.zone).length;
  const onNode = (drive: PlacementDrive) => chosen.filter((other) => other.node === drive.node).length;
  const byName = a.slot < b.slot ? -1 : 1;
  return inZone(a) - inZone(b) || onNode(a) - onNode(b) || (a.zone === b.zone ? byName : a.zone < b.zone ? -1 : 1);
}

function meritOf(keepers: readonly PlacementDrive[], scheme: Scheme): number {
  const budget = keepers.length - keeperMajority(keepers.length);
  const zoneSurvives = largestGroup(keepers.map((drive) => drive.zone)) <= budget;
  const nodeSurvives = largestGroup(keepers.map((drive) => drive.node)) <= budget;
  const drivesSurvive = scheme.m <= budget;
  return Number(zoneSurvives) * 4 + Number(nodeSurvives) * 2 + Number(drivesSurvive);
}

function largestGroup(names: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}
