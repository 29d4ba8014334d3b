// What the evaluations of all engines share: their result, the one for what cannot be laid out, and the spec's nodes with weights.
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import type { Plan, PlanNode } from './plan.ts';

/** What the engines fill in. */
export type Evaluation = Pick<
  Plan,
  'verdict' | 'partitionCount' | 'keepers' | 'layout' | 'losses' | 'anyDrives' | 'capacity'
>;

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
