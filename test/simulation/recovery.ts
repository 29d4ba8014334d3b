// The second phase of a run: the faults have ended, and everything must come back within a bound. Says what has not.
import type { StatusReport } from '../../node/admin/status.ts';
import type { Member } from '../../node/cluster/member.ts';
import { UnavailableError } from '../../node/cluster/registers.ts';
import { replicaProblems, shardProblems } from './checkers/storage-state.ts';
import type { Program, SimCluster } from './cluster.ts';
import { PromiseBroken } from './workload.ts';

/** What a program shows of its inside to the checks at the end. */
export interface Inspectable extends Program {
  readonly member: Member;
  /** null for programs without objects. */
  readonly objects: { status(): Promise<StatusReport> } | null;
}

export interface Leftovers {
  readonly orphanedShards: number;
}

const LOOK_INTERVAL_MS = 2_000;
const LOOK_LIMIT_MS = 60_000;

/**
 * Waits until nothing is missing or stale anywhere; gives what is left over. Rejects when something is missing after limitMs.
 * Orphaned shards are counted and not held against the cluster: nothing collects yet what a write left behind whose node died.
 */
export async function untilWhole<P extends Inspectable>(cluster: SimCluster<P>, limitMs: number): Promise<Leftovers> {
  const { scheduler } = cluster;
  const deadlineMs = scheduler.nowMs + limitMs;
  for (;;) {
    const { problems, orphanedShards } = await scheduler.runToEnd(
      'looking at all drives',
      look(cluster).catch(whenUnavailable),
      LOOK_LIMIT_MS,
    );
    if (problems.length === 0) return { orphanedShards };
    if (scheduler.nowMs >= deadlineMs) {
      const list = problems.slice(0, 12).map((problem) => `\n  ${problem}`);
      throw new PromiseBroken(
        `${limitMs} ms after the last fault ${problems.length} things are not right:${list.join('')}`,
      );
    }
    await scheduler.runFor(LOOK_INTERVAL_MS);
  }
}

/** Just after the faults not everything can be asked. */
function whenUnavailable(error: unknown): Leftovers & { problems: string[] } {
  if (error instanceof UnavailableError) return { problems: [error.message], orphanedShards: 0 };
  throw error;
}

async function look<P extends Inspectable>(cluster: SimCluster<P>): Promise<Leftovers & { problems: string[] }> {
  const programs = cluster.machines.map(({ program }) => program!);
  const members = programs.map(({ member }) => member);
  const statuses = await Promise.all(programs.map(({ objects }) => objects?.status()));
  const stale = await replicaProblems(members);
  if (programs[0]!.objects === null) return { problems: stale, orphanedShards: 0 };
  const { missing, uncollected, orphans } = await shardProblems(members);
  const unhealthy: string[] = [];
  for (const [index, status] of statuses.entries()) {
    const { name } = cluster.machines[index]!;
    if (status?.health !== 'healthy') unhealthy.push(`${name} says ${status?.health}: ${status?.reasons.join('; ')}`);
    // Nothing can have got lost between the question and the look: there are no faults and no clients any more.
    else if (missing.length > 0) throw new PromiseBroken(`${name} says healthy, but ${missing[0]}`);
  }
  return { problems: [...missing, ...stale, ...uncollected, ...unhealthy], orphanedShards: orphans.length };
}
