// Spec in, plan out: pure, without IO or clock.
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { evaluate } from './evaluate.ts';
import { nearestSpecs } from './nearest.ts';
import type { Plan } from './plan.ts';

/** Never throws for a parsed spec: what cannot work comes back as an unsafe verdict. */
export function makePlan(spec: ClusterSpec): Plan {
  const plan = evaluate(spec);
  if (plan.verdict.safe) return plan;
  return { ...plan, verdict: { ...plan.verdict, nearest: nearestSpecs(spec) } };
}
