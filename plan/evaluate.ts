// One spec, evaluated: layout, losses, capacity and verdict, without looking for a better spec. The engines differ in how
// they lay drives out and in what they need to read and to write; everything after that is the same.
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { evaluatePartitions } from './evaluate-partitions.ts';
import { evaluateSets } from './evaluate-sets.ts';
import { planNodes } from './evaluation.ts';
import type { Plan } from './plan.ts';

export function evaluate(spec: ClusterSpec): Plan {
  const nodes = planNodes(spec);
  const evaluation = spec.engine === 'ashlar' ? evaluatePartitions(spec, nodes) : evaluateSets(spec, nodes);
  return {
    name: spec.name,
    engine: spec.engine,
    scheme: spec.erasure,
    survive: spec.survive,
    zones: spec.zones,
    nodes,
    endpoint: spec.endpoint,
    region: spec.region,
    domains: spec.domains,
    root: spec.root,
    ...evaluation,
  };
}
