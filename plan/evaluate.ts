// One spec, evaluated: layout, losses, capacity and verdict, without looking for a better spec. The engines differ in how
// they lay drives out and in what they need to read and to write; everything after that is the same.
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { evaluatePartitions } from './evaluate-partitions.ts';
import { evaluateSets } from './evaluate-sets.ts';
import type { Plan, PlanNode } from './plan.ts';

/** What the engines fill in. */
export type Evaluation = Pick<
  Plan,
  'verdict' | 'partitionCount' | 'keepers' | 'layout' | 'losses' | 'anyDrives' | 'capacity'
>;

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

/** Why nothing could be laid out. */
export function impossible(reason: string): Evaluation {
  return {
    verdict: { safe: false, reasons: [reason], nearest: [] },
    partitionCount: 0,
    keepers: [],
    layout: null,
    losses: [],
    anyDrives: null,
    capacity: null,
  };
}

export function planNodes(spec: ClusterSpec): PlanNode[] {
  return spec.nodes.map((node) => ({
    ...node,
    drives: node.drives.map((drive) => ({
      ...drive,
      slot: `${node.name}/${drive.name}`,
      weight: drive.capacityBytes === null ? 1 : Math.floor(drive.capacityBytes / 2 ** 30),
    })),
  }));
}
