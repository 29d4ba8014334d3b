// Whether a plan keeps the promise of its spec, and if not, why: in sentences for the person who wrote the spec.
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import type { AnyDrives, Loss, LossGroup, Verdict } from './plan.ts';

/** What the sentences need to know about the layout. */
export interface LayoutFacts {
  /** What an object is spread over: 'partition' or 'erasure set'. */
  readonly whole: 'partition' | 'erasure set';
  /** Its shards. */
  readonly groupSize: number;
  readonly readQuorum: number;
  /** Its register replicas (of a set: its drives), and how many a write needs. */
  readonly replicas: number;
  readonly writeQuorum: number;
  readonly keepers: number;
}

/**
 * Safe: losing any single member of the promised failure domain, and any single drive, stops neither reads nor writes, and
 * losing any m drives does not stop reads.
 */
export function verdictOf(
  spec: ClusterSpec,
  losses: readonly LossGroup[],
  anyDrives: AnyDrives,
  facts: LayoutFacts,
): Verdict {
  const promised = losses.filter(({ kind }) => kind === spec.survive || kind === 'drive');
  const broken = promised.filter((group) => group.writesSurvived < group.total || group.readsSurvived < group.total);
  const reasons = broken.map((group) => reasonFor(spec, group, facts));
  if (!anyDrives.reads) {
    reasons.push(
      `Losing ${anyDrives.count} drives can stop reads, and ${spec.erasure.m} parity shards should prevent that.`,
    );
  }
  return { safe: reasons.length === 0, reasons, nearest: [] };
}

export function tooFewDrives(spec: ClusterSpec, driveCount: number): string {
  const { k, m } = spec.erasure;
  const drives = driveCount === 1 ? 'is only one drive' : `are only ${driveCount} drives`;
  return `${k}+${m} cuts every object into ${k + m} shards, each for a drive of its own, and there ${drives}.`;
}

function reasonFor(spec: ClusterSpec, group: LossGroup, facts: LayoutFacts): string {
  const lost = group.cases.filter((loss) => !loss.writes || !loss.reads);
  const stops = group.readsSurvived < group.total ? 'reads and writes' : 'writes';
  const cause = causeOf(group.worst!, facts);
  const narrow = tooNarrow(spec, group, facts);
  return `Losing ${subjectOf(group, lost)} stops ${stops}: ${cause}${narrow === null ? '' : ` (${narrow})`}.`;
}

function subjectOf(group: LossGroup, lost: readonly Loss[]): string {
  const { kind, total } = group;
  if (total === 1) return `the only ${kind}`;
  if (lost.length === total || lost.length === 0) return `any one of the ${total} ${kind}s`;
  const shown = lost.slice(0, 4).map((loss) => loss.lost);
  const more = lost.length - shown.length;
  const names = more > 0 ? [...shown, `${more} more`] : shown;
  const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return `${kind} ${list}`;
}

function causeOf(loss: Loss, facts: LayoutFacts): string {
  const { whole, groupSize, readQuorum, replicas, writeQuorum, keepers } = facts;
  if (loss.shardsToSpare < 0) {
    const left = Math.max(0, readQuorum + loss.shardsToSpare);
    return `some ${whole} keeps ${onlyOf(left, groupSize, 'shards')}, and reading takes ${readQuorum}`;
  }
  if (loss.replicasToSpare < 0) {
    const what = whole === 'partition' ? 'register replicas' : 'drives';
    const left = Math.max(0, writeQuorum + loss.replicasToSpare);
    return `some ${whole} keeps ${onlyOf(left, replicas, what)}, and writing takes ${writeQuorum}`;
  }
  if (loss.keepersToSpare !== null && loss.keepersToSpare < 0) {
    return `no majority is left of the ${keepers} drives that keep the cluster map`;
  }
  return `fewer than ${readQuorum} drives are left to take shards`;
}

function onlyOf(left: number, all: number, what: string): string {
  return left === 0 ? `none of its ${all} ${what}` : `only ${left} of its ${all} ${what}`;
}

/** Says so when no layout at all could do better: too few zones or nodes for so many shards. */
function tooNarrow(spec: ClusterSpec, { kind, total }: LossGroup, facts: LayoutFacts): string | null {
  if (kind !== 'zone' && kind !== 'node') return null;
  const inOne = Math.ceil(facts.groupSize / total);
  const mayLose = Math.min(spec.erasure.m, facts.replicas - facts.writeQuorum);
  if (inOne <= mayLose || mayLose === 0 || total === 1) return null;
  return `${facts.groupSize} shards in ${total} ${kind}s put ${inOne} into one, and only ${mayLose} may be lost`;
}

/** Why the plan is refused, and what would hold, in sentences. Empty when it is safe. */
export function unsafeReasons({ reasons, nearest }: Verdict): string[] {
  return [
    ...reasons.map((reason) => `the plan is not safe: ${reason}`),
    ...nearest.map(({ change }) => `what would hold: ${change}`),
  ];
}
