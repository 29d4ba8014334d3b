// What the plan promises about what is lost at the moment, in sentences: of the drives that are away or gone, whatever mixture
// of accidents took them.
import { assessLoss } from '../../plan/evaluate-partitions.ts';
import type { Remainder } from '../../plan/plan.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import type { LocalCluster } from './data-directory.ts';
import { lostSlots } from './drill.ts';

export function promiseNow(cluster: LocalCluster): string[] {
  return promiseText(cluster.state.spec, lostSlots(cluster));
}

/** lost: slots, in the order of the spec. */
export function promiseText(spec: ClusterSpec, lost: readonly string[]): string[] {
  if (lost.length === 0) return ['Nothing is lost now.'];
  const left = assessLoss(spec, lost);
  return [`Lost now: ${whatIsLost(spec, lost)}.`, `By the plan ${verdict(left)}. ${reserve(left)}`];
}

function verdict({ reads, writes }: Remainder): string {
  if (reads && writes) return 'every object can still be read and written';
  if (reads) return 'every object can still be read, and some cannot be written until something is back';
  if (writes) return 'objects can still be written, and some cannot be read until something is back';
  return 'some objects can be neither read nor written until something is back';
}

/** At the partition that is hit hardest. */
function reserve({ reads, writes, shardsToSpare, replicasToSpare }: Remainder): string {
  if (!reads || !writes) return 'Nothing is lost for good as long as the drives still hold their data.';
  const more = Math.min(shardsToSpare, replicasToSpare);
  if (more === 0) return 'One more drive lost may stop that.';
  return `${more === 1 ? 'Any one more drive' : `Any ${more} more drives`} may be lost before that stops.`;
}

/** Whole zones and nodes by their names, and single drives for the rest. */
function whatIsLost(spec: ClusterSpec, lost: readonly string[]): string {
  const slotsOf = (nodes: ClusterSpec['nodes']) =>
    nodes.flatMap((node) => node.drives.map((drive) => `${node.name}/${drive.name}`));
  const rest = new Set(lost);
  const parts: string[] = [];
  const takeWhole = (kind: string, name: string, slots: readonly string[]) => {
    if (slots.length === 0 || !slots.every((slot) => rest.has(slot))) return;
    for (const slot of slots) rest.delete(slot);
    parts.push(`${kind} ${name}`);
  };
  for (const zone of spec.zones) takeWhole('zone', zone, slotsOf(spec.nodes.filter((node) => node.zone === zone)));
  for (const node of spec.nodes) takeWhole('node', node.name, slotsOf([node]));
  for (const slot of rest) parts.push(`drive ${slot}`);
  return parts.join(', ');
}
