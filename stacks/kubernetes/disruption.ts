// How many pods may be taken away at once, over all zones together: proven from the plan, not guessed. Pure.
import type { Plan } from '../../plan/plan.ts';

/**
 * The most nodes of which any so many can be lost, for reads and for writes. 0 where not even one can be. A partition (or set) loses at
 * most "cap" drives with a node, and no more than the node has; so much n nodes cost it, wherever they are. The plan has enumerated every
 * single node.
 */
export function disruptionBudget(plan: Plan): number {
  const nodes = plan.losses.find(({ kind }) => kind === 'node');
  const survivesAny =
    nodes !== undefined && nodes.readsSurvived === nodes.total && nodes.writesSurvived === nodes.total;
  if (!survivesAny || plan.layout === null) return 0;
  const { layout } = plan;
  let budget = 1;
  while (budget + 1 < plan.nodes.length) {
    const count = budget + 1;
    const holds =
      layout.kind === 'sets'
        ? layout.pools.every(({ setSize, parity, writeQuorum, worstNodeShare }) => {
            const lost = mostLost(plan, count, worstNodeShare);
            return lost <= parity && setSize - lost >= writeQuorum;
          })
        : survivesPartitions(plan, count, mostLost(plan, count, layout.caps.node), layout.quorums);
    if (!holds) break;
    budget = count;
  }
  return budget;
}

function survivesPartitions(
  plan: Plan,
  count: number,
  lost: number,
  quorums: { readonly replicas: number; readonly write: number; readonly takeOver: number },
): boolean {
  const { k, m } = plan.scheme;
  const left = quorums.replicas - lost;
  const driveCounts = plan.nodes.map(({ drives }) => drives.length);
  const keeperCounts = plan.nodes.map(({ drives }) => drives.filter(({ slot }) => plan.keepers.includes(slot)).length);
  const majority = Math.floor(plan.keepers.length / 2) + 1;
  return (
    lost <= m &&
    left >= quorums.write &&
    left >= quorums.takeOver &&
    sum(driveCounts) - mostOf(driveCounts, count) >= k &&
    plan.keepers.length - mostOf(keeperCounts, count) >= majority
  );
}

/** Of one partition or set. */
function mostLost({ nodes }: Plan, count: number, cap: number): number {
  return mostOf(
    nodes.map(({ drives }) => Math.min(drives.length, cap)),
    count,
  );
}

function mostOf(counts: readonly number[], count: number): number {
  return sum([...counts].sort((a, b) => b - a).slice(0, count));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
