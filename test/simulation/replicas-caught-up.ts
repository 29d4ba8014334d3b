// Waiting, in tests, for what catch-up owes: that no replica is behind any more.
import { expect } from 'vitest';
import { replicaProblems } from './checkers/storage-state.ts';
import type { SimCluster } from './cluster.ts';
import type { RegisterProgram } from './register-program.ts';

/** Fails, with what is behind, when that takes more than a minute. */
export async function untilNoReplicaIsBehind(cluster: SimCluster<RegisterProgram>): Promise<void> {
  const { scheduler } = cluster;
  for (let waitedMs = 0; ; waitedMs += 1_000) {
    const members = cluster.machines.map(({ program }) => program!.member);
    const behind = await scheduler.runToEnd('a look at the replicas', replicaProblems(members), 1_000);
    if (behind.length === 0) return;
    expect(waitedMs, behind.join('\n')).toBeLessThan(60_000);
    await scheduler.runFor(1_000);
  }
}
