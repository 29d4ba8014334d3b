// The plan's account of losses against a deliberately dumb one, which looks at every partition for every loss.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseKeepers } from '../../node/core/keepers.ts';
import { defaultPartitionCount, type PlacementDrive, place } from '../../node/core/placement.ts';
import { registerQuorums } from '../../node/core/quorum.ts';
import { evaluate } from '../../plan/evaluate.ts';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { type ClusterSpec, parseClusterSpec } from '../../spec/cluster-spec.ts';
import { anyCluster, type Cluster } from './clusters.ts';

/** Weights become capacities in GiB, so that the plan places the same drives. */
function specOf({ drives, scheme }: Cluster): ClusterSpec {
  const nodes = [...Map.groupBy(drives, (drive) => drive.node)].map(([name, onNode]) => [
    name,
    {
      zone: onNode[0]!.zone,
      drives: onNode.map(({ slot, weight }) => ({ path: `/${slot.split('/')[1]}`, capacity: `${weight}GiB` })),
    },
  ]);
  const text = JSON.stringify({ erasure: `${scheme.k}+${scheme.m}`, nodes: Object.fromEntries(nodes) });
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

function dumb({ drives, scheme }: Cluster, isLost: (drive: PlacementDrive) => boolean) {
  const { k, m } = scheme;
  const quorums = registerQuorums(scheme);
  const keepers = chooseKeepers(drives, scheme);
  const keepersLeft = keepers.filter((slot) => !isLost(drives.find((drive) => drive.slot === slot)!)).length;
  const driveCountLeft = drives.filter((drive) => !isLost(drive)).length;
  const left = place(drives, scheme, defaultPartitionCount(drives.length)).positions.map((positions) => ({
    shards: positions.filter((index) => !isLost(drives[index]!)).length,
    replicas: positions.slice(0, quorums.replicas).filter((index) => !isLost(drives[index]!)).length,
  }));
  const keepersToSpare = keepersLeft - (Math.floor(keepers.length / 2) + 1);
  return {
    reads: left.every(({ shards, replicas }) => shards >= k && replicas >= quorums.takeOver),
    writes: left.every(({ replicas }) => replicas >= m + 1) && driveCountLeft >= k && keepersToSpare >= 0,
    shardsToSpare: Math.min(...left.map(({ shards }) => shards)) - k,
    replicasToSpare: Math.min(...left.map(({ replicas }) => replicas)) - quorums.write,
    keepersToSpare,
  };
}

/** "a1/d1 + zone b" → whether a drive is among what that names. */
function namedBy(lost: string): (drive: PlacementDrive) => boolean {
  const parts = lost.split(' + ');
  return (drive) =>
    parts.some(
      (part) => part === drive.slot || part === drive.node || part === drive.zone || part === `zone ${drive.zone}`,
    );
}

const groupsOf = (plan: Plan) => new Map(plan.losses.map((group) => [group.kind, group]));

describe('for any cluster', () => {
  it('every loss leaves what is left when all partitions are looked at', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        fc.pre(cluster.drives.length <= 12);
        for (const { cases } of evaluate(specOf(cluster)).losses) {
          for (const { lost, ...remainder } of cases) expect(remainder, lost).toEqual(dumb(cluster, namedBy(lost)));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('no zone, node, drive, pair of drives, or drive with another zone is left out', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const { drives } = cluster;
        const zones = [...new Set(drives.map((drive) => drive.zone))];
        const nodes = [...new Set(drives.map((drive) => drive.node))];
        const groups = groupsOf(evaluate(specOf(cluster)));
        const named = (kind: 'zone' | 'node' | 'drive') =>
          groups
            .get(kind)!
            .cases.map(({ lost }) => lost)
            .sort();
        expect(named('zone')).toEqual(zones.sort());
        expect(named('node')).toEqual(nodes.sort());
        expect(named('drive')).toEqual(drives.map(({ slot }) => slot).sort());
        expect(groups.get('pair')!.total).toBe((drives.length * (drives.length - 1)) / 2);
        expect(groups.get('drive+zone')!.total).toBe(drives.length * (zones.length - 1));
        for (const { total, cases, readsSurvived, writesSurvived } of groups.values()) {
          expect(new Set(cases.map(({ lost }) => lost)).size).toBe(total);
          expect(readsSurvived).toBe(cases.filter(({ reads }) => reads).length);
          expect(writesSurvived).toBe(cases.filter(({ writes }) => writes).length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('the verdict is safe exactly when the promised losses are survived', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const plan = evaluate(specOf(cluster));
        const groups = groupsOf(plan);
        const holds = [groups.get(plan.survive)!, groups.get('drive')!].every((group) =>
          group.cases.every(({ reads, writes }) => reads && writes),
        );
        expect(plan.verdict.safe).toBe(holds && plan.anyDrives!.reads);
        expect(plan.verdict.reasons.length > 0).toBe(!plan.verdict.safe);
      }),
      { numRuns: 60 },
    );
  });

  it('whatever is offered instead is safe and keeps the promise, unless it says that it promises less', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const spec = specOf(cluster);
        for (const { change, yaml } of makePlan(spec).verdict.nearest) {
          const result = parseClusterSpec(
            `erasure: ${spec.erasure.k}+${spec.erasure.m}\n`.replace(/^.*$/m, yaml.includes('erasure:') ? '' : '$&') +
              yaml +
              rest(spec, yaml),
            'offer',
          );
          if (!result.ok) throw new Error(`${change}: ${JSON.stringify(result.problems)}`);
          const offered = makePlan(result.spec);
          expect(offered.verdict.safe, change).toBe(true);
          if (!change.includes('promising only')) expect(offered.survive, change).toBe(spec.survive);
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** The parts of the file that the offer does not replace. */
function rest(spec: ClusterSpec, yaml: string): string {
  const nodes = Object.fromEntries(
    spec.nodes.map(({ name, zone, drives }) => [
      name,
      { zone, drives: drives.map(({ path, capacityBytes }) => ({ path, capacity: `${capacityBytes}B` })) },
    ]),
  );
  return /^nodes:/m.test(yaml) ? '' : `nodes: ${JSON.stringify(nodes)}\n`;
}
