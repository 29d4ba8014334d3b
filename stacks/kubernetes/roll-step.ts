// What a rollout does next, decided from what is there: one pod at a time over all zones, what is broken first, and a pod that serves only
// after the gate was asked. Pure.
import type { ClusterState, PodState } from './cluster-state.ts';
import type { StackZone } from './describe.ts';

export type RollStep =
  | { readonly kind: 'done' }
  /** Something is on its way: look again. */
  | { readonly kind: 'wait'; readonly pod: string; readonly reason: string; readonly isStuck: boolean }
  /** This pod is not what it should be. */
  | {
      readonly kind: 'replace';
      readonly pod: PodState;
      readonly node: string;
      readonly zone: string;
      /** Its process runs, so that somebody may need it: the gate has the say. */
      readonly isNeeded: boolean;
    };

/** zones: those whose pods may be replaced. Of all others only the gate knows. */
export function nextStep(zones: readonly StackZone[], { statefulSets, pods }: ClusterState): RollStep {
  const found = zones.flatMap(({ zone, statefulSet, pods: expected }) => {
    const set = statefulSets.find(({ name }) => name === statefulSet);
    return expected.map(({ pod: name, node }) => ({
      zone,
      node,
      name,
      revision: set?.updateRevision ?? null,
      pod: pods.find((pod) => pod.name === name),
    }));
  });
  const unseen = found.find(({ revision }) => revision === null);
  if (unseen !== undefined) return waitFor(unseen.name, 'its StatefulSet is not there, or was not looked at yet');
  const stale = found.flatMap(({ pod, revision, ...rest }) =>
    pod !== undefined && !pod.isTerminating && pod.revision !== revision ? [{ ...rest, pod }] : [],
  );
  // It serves nobody, and may be what the new version puts right.
  const broken = stale.find(({ pod }) => !pod.isStarted);
  if (broken !== undefined) return { kind: 'replace', ...broken, isNeeded: false };
  // Nor do those of a cluster that nobody serves: it may never have been founded, and wait for all to be alike. The gate knows.
  if (stale.length > 0 && !found.some(({ pod }) => pod?.isReady)) {
    return { kind: 'replace', ...stale[0]!, isNeeded: true };
  }
  for (const { name, pod } of found) {
    if (pod === undefined) return waitFor(name, 'it is not there yet');
    if (pod.isTerminating) return waitFor(name, 'it is stopping');
    const isStale = stale.some((other) => other.pod === pod);
    if (!pod.isReady && !isStale) return waitFor(name, pod.problem ?? 'it is not ready yet', pod.isStuck);
  }
  const unready = stale.find(({ pod }) => !pod.isReady);
  const next = unready ?? stale.at(0);
  return next === undefined ? { kind: 'done' } : { kind: 'replace', ...next, isNeeded: true };
}

function waitFor(pod: string, reason: string, isStuck = false): RollStep {
  return { kind: 'wait', pod, reason, isStuck };
}
