// Every loss that a plan speaks of, enumerated and assessed one by one: each zone, node and drive, each pair of drives, each
// drive together with each zone that it is not in, and any m drives.
import { type ClusterDrive, membersOf } from './cluster-drives.ts';
import type { AnyDrives, Loss, LossGroup, LossKind, Remainder } from './plan.ts';

/** What is left after all of these drives (indexes) are lost at once. */
export type Assess = (lost: readonly number[]) => Remainder;

/** More cases than this are counted, and not listed. */
export const CASES_MAX = 200_000;

export function enumerateLosses(drives: readonly ClusterDrive[], assess: Assess): LossGroup[] {
  const zones = membersOf(drives, 'zone');
  const nodes = membersOf(drives, 'node');
  return [
    collect('zone', assess, zones),
    collect('node', assess, nodes),
    collect('drive', assess, singleDrives(drives)),
    collect('pair', assess, drivePairs(drives)),
    collect('drive+zone', assess, drivesWithZones(drives, zones)),
  ];
}

/** More combinations of m drives than this are not tried one by one: that no group loses more than m of them is proof enough. */
const COMBINATIONS_MAX = 20_000;

/** Whether any m drives can be lost for reads. byGroup: what follows when no group loses more than m, for when there are too many. */
export function assessAnyDrives(driveCount: number, m: number, assess: Assess, byGroup: boolean): AnyDrives {
  if (combinations(driveCount, m) > COMBINATIONS_MAX) return { count: m, reads: byGroup, enumerated: null };
  let enumerated = 0;
  let reads = true;
  for (const lost of subsets(driveCount, m)) {
    enumerated++;
    reads &&= assess(lost).reads;
  }
  return { count: m, reads, enumerated };
}

function collect(kind: LossKind, assess: Assess, losses: Iterable<readonly [string, readonly number[]]>): LossGroup {
  let total = 0;
  let readsSurvived = 0;
  let writesSurvived = 0;
  let worst: Loss | null = null;
  let cases: Loss[] = [];
  for (const [lost, indexes] of losses) {
    const loss: Loss = { lost, ...assess(indexes) };
    total++;
    if (loss.reads) readsSurvived++;
    if (loss.writes) writesSurvived++;
    if (worst === null || compareRemainders(loss, worst) < 0) worst = loss;
    if (total <= CASES_MAX) cases.push(loss);
  }
  if (total > CASES_MAX) cases = [];
  return { kind, total, readsSurvived, writesSurvived, worst, cases };
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

function* singleDrives(drives: readonly ClusterDrive[]): Generator<[string, number[]]> {
  for (const [index, { slot }] of drives.entries()) yield [slot, [index]];
}

function* drivePairs(drives: readonly ClusterDrive[]): Generator<[string, number[]]> {
  for (const [first, second] of subsets(drives.length, 2)) {
    yield [`${drives[first!]!.slot} + ${drives[second!]!.slot}`, [first!, second!]];
  }
}

function* drivesWithZones(
  drives: readonly ClusterDrive[],
  zones: ReadonlyMap<string, readonly number[]>,
): Generator<[string, number[]]> {
  for (const [index, drive] of drives.entries()) {
    for (const [zone, members] of zones) {
      if (zone !== drive.zone) yield [`${drive.slot} + zone ${zone}`, [index, ...members]];
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
