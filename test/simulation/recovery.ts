// The second phase of a run: the faults have ended, and everything must come back within a bound. Says what has not.
import type { StatusReport } from '../../node/admin/status.ts';
import type { Member } from '../../node/cluster/member.ts';
import { UnavailableError } from '../../node/cluster/registers.ts';
import { replicaProblems, shardProblems } from './checkers/storage-state.ts';
import type { Program, SimCluster } from './cluster.ts';
import { PromiseBroken } from './violation.ts';

/** What a program shows of its inside to the checks at the end. */
export interface Inspectable extends Program {
  readonly member: Member;
  /** null for programs without objects. */
  readonly objects: { status(): Promise<StatusReport> } | null;
}

const LOOK_INTERVAL_MS = 2_000;
const LOOK_LIMIT_MS = 60_000;

/**
 * Waits until nothing is missing, stale or left behind anywhere. Rejects with what still is after limitMs.
 */
export async function untilWhole<P extends Inspectable>(
  cluster: SimCluster<P>,
  limitMs: number,
  mayRot: boolean,
): Promise<void> {
  const { scheduler } = cluster;
  const deadlineMs = scheduler.nowMs + limitMs;
  for (;;) {
    const problems = await scheduler.runToEnd(
      'looking at all drives',
      look(cluster, mayRot).catch(whenUnavailable),
      LOOK_LIMIT_MS,
    );
    if (problems.length === 0) return;
    if (scheduler.nowMs >= deadlineMs) {
      const list = problems.slice(0, 12).map((problem) => `\n  ${problem}`);
      throw new PromiseBroken(
        'recovery',
        `${limitMs} ms after the last fault ${problems.length} things are not right:${list.join('')}`,
      );
    }
    await scheduler.runFor(LOOK_INTERVAL_MS);
  }
}

/** Just after the faults not everything can be asked. */
function whenUnavailable(error: unknown): string[] {
  if (error instanceof UnavailableError) return [error.message];
  throw error;
}

async function look<P extends Inspectable>(cluster: SimCluster<P>, mayRot: boolean): Promise<string[]> {
  // The operator may still be at work on one.
  const down = cluster.machines.filter(({ isUp }) => !isUp);
  if (down.length > 0) return down.map(({ name }) => `${name} is down`);
  const programs = cluster.machines.map(({ program }) => program!);
  const members = programs.map(({ member }) => member);
  const statuses = await Promise.all(programs.map(({ objects }) => objects?.status()));
  const stale = await replicaProblems(members);
  if (programs[0]!.objects === null) return stale;
  const { missing, rotten, uncollected, orphans } = await shardProblems(members);
  const unhealthy: string[] = [];
  // What rots at rest is nobody's fault until it is read.
  const hidden = mayRot ? missing : [...missing, ...rotten];
  for (const [index, status] of statuses.entries()) {
    const { name } = cluster.machines[index]!;
    if (status?.health !== 'healthy') unhealthy.push(`${name} says ${status?.health}: ${status?.reasons.join('; ')}`);
    // Nothing can have got lost between the question and the look: there are no faults and no clients any more.
    else if (hidden.length > 0) throw new PromiseBroken('health', `${name} says healthy, but ${hidden[0]}`);
  }
  return [...missing, ...rotten, ...stale, ...uncollected, ...orphans, ...unhealthy];
}
