// Every loss that a plan speaks of, enumerated and assessed one by one: each zone, node and drive, each pair of drives, each
// drive together with each zone that it is not in, and any m drives.
import { type ClusterDrive, membersOf } from './cluster-drives.ts';
import type { AnyDrives, Loss, LossGroup, LossKind, Remainder } from './plan.ts';

/** What is left after losses, which are lists of drives (indexes). */
export interface Assessment {
  /** After all of these are lost at once. */
  after(lost: readonly number[]): Remainder;
  /** After all of these and one more, which is not among them; asking about many is hardly more work than about one. */
  afterOneMoreThan(lost: readonly number[]): (oneMore: number) => Remainder;
}

/** One loss; its name is only made where it is told. */
interface Case {
  readonly name: () => string;
  readonly left: Remainder;
}

/** More cases than this are counted, and not listed. */
export const CASES_MAX = 200_000;

export function enumerateLosses(drives: readonly ClusterDrive[], assessment: Assessment): LossGroup[] {
  const zones = membersOf(drives, 'zone');
  const nodes = membersOf(drives, 'node');
  return [
    collect('zone', wholeDomains(zones, assessment)),
    collect('node', wholeDomains(nodes, assessment)),
    collect('drive', singleDrives(drives, assessment)),
    collect('pair', drivePairs(drives, assessment)),
    collect('drive+zone', drivesWithZones(drives, zones, assessment)),
  ];
}

/** More combinations of m drives than this are not tried one by one: that no group loses more than m of them is proof enough. */
const COMBINATIONS_MAX = 20_000;

/** Whether any m drives can be lost for reads. byGroup: what follows when no group loses more than m, for when there are too many. */
export function assessAnyDrives(driveCount: number, m: number, assessment: Assessment, byGroup: boolean): AnyDrives {
  if (combinations(driveCount, m) > COMBINATIONS_MAX) return { count: m, reads: byGroup, enumerated: null };
  let enumerated = 0;
  let reads = true;
  for (const lost of subsets(driveCount, m)) {
    enumerated++;
    reads &&= assessment.after(lost).reads;
  }
  return { count: m, reads, enumerated };
}

function collect(kind: LossKind, losses: Iterable<Case>): LossGroup {
  let total = 0;
  let readsSurvived = 0;
  let writesSurvived = 0;
  let worst: Case | null = null;
  let cases: Loss[] = [];
  for (const loss of losses) {
    const { left } = loss;
    total++;
    if (left.reads) readsSurvived++;
    if (left.writes) writesSurvived++;
    if (worst === null || compareRemainders(left, worst.left) < 0) worst = loss;
    if (total <= CASES_MAX) cases.push(told(loss));
  }
  if (total > CASES_MAX) cases = [];
  return { kind, total, readsSurvived, writesSurvived, worst: worst === null ? null : told(worst), cases };
}

function told({ name, left }: Case): Loss {
  return { lost: name(), ...left };
}

/** Less first: no reads, no writes, then the fewest to spare. */
export function compareRemainders(a: Remainder, b: Remainder): number {
  return (
    Number(a.reads) - Number(b.reads) ||
    Number(a.writes) - Number(b.writes) ||
    a.shardsToSpare - b.shardsToSpare ||
    a.replicasToSpare - b.replicasToSpare ||
    (a.keepersToSpare ?? 0) - (b.keepersToSpare ?? 0)
  );
}

function* wholeDomains(domains: ReadonlyMap<string, readonly number[]>, assessment: Assessment): Generator<Case> {
  for (const [name, members] of domains) yield { name: () => name, left: assessment.after(members) };
}

function* singleDrives(drives: readonly ClusterDrive[], assessment: Assessment): Generator<Case> {
  const afterDrive = assessment.afterOneMoreThan([]);
  for (const [index, { slot }] of drives.entries()) yield { name: () => slot, left: afterDrive(index) };
}

function* drivePairs(drives: readonly ClusterDrive[], assessment: Assessment): Generator<Case> {
  for (const [first, drive] of drives.entries()) {
    const afterBoth = assessment.afterOneMoreThan([first]);
    for (let second = first + 1; second < drives.length; second++) {
      yield { name: () => `${drive.slot} + ${drives[second]!.slot}`, left: afterBoth(second) };
    }
  }
}

function* drivesWithZones(
  drives: readonly ClusterDrive[],
  zones: ReadonlyMap<string, readonly number[]>,
  assessment: Assessment,
): Generator<Case> {
  const afterZones = [...zones].map(([zone, members]) => ({ zone, afterBoth: assessment.afterOneMoreThan(members) }));
  for (const [index, drive] of drives.entries()) {
    for (const { zone, afterBoth } of afterZones) {
      if (zone !== drive.zone) yield { name: () => `${drive.slot} + zone ${zone}`, left: afterBoth(index) };
    }
  }
}

function* subsets(count: number, size: number): Generator<number[]> {
  const chosen = Array.from({ length: size }, (_, index) => index);
  while (size <= count) {
    yield [...chosen];
    let place = size - 1;
    while (place >= 0 && chosen[place] === count - size + place) place--;
    if (place < 0) return;
    chosen[place]!++;
    for (let next = place + 1; next < size; next++) chosen[next] = chosen[next - 1]! + 1;
  }
}

function combinations(count: number, size: number): number {
  let result = 1;
  for (let i = 0; i < size; i++) result = (result * (count - i)) / (i + 1);
  return Math.round(result);
}
