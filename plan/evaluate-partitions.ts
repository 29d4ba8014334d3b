// Engine ashlar: the placement table that the nodes will compute, and what its partitions need to read and to write.
import { chooseKeepers, keeperMajority } from '../node/core/keepers.ts';
import { defaultPartitionCount, type Placement, place } from '../node/core/placement.ts';
import { registerQuorums } from '../node/core/quorum.ts';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { partitionCapacity } from './capacity.ts';
import { type ClusterDrive, clusterDrives } from './cluster-drives.ts';
import { type Evaluation, impossible, planNodes } from './evaluation.ts';
import { GroupCounts } from './group-counts.ts';
import { type Assessment, assessAnyDrives, enumerateLosses } from './losses.ts';
import type { PlanNode, Remainder } from './plan.ts';
import { tooFewDrives, verdictOf } from './verdict.ts';

export function evaluatePartitions(spec: ClusterSpec, nodes: readonly PlanNode[]): Evaluation {
  const drives = clusterDrives(nodes);
  const { k, m } = spec.erasure;
  if (drives.length < k + m) return impossible(tooFewDrives(spec, drives.length));
  const { partitionCount, placement, quorums, keepers, shards, replicas, assessment } = layOut(spec, drives);
  const losses = enumerateLosses(drives, assessment);
  // However m drives are chosen, a partition has each of them at most once.
  const readsWithoutAny = quorums.replicas - m >= quorums.takeOver;
  const anyDrives = assessAnyDrives(drives.length, m, assessment, readsWithoutAny);
  const shares = drives.map(({ slot }, index) => ({
    slot,
    shardPartitions: shards.membership(index),
    replicaPartitions: replicas.membership(index),
  }));
  const { caps, wantedCap } = placement;
  return {
    partitionCount,
    keepers,
    layout: { kind: 'partitions', quorums, caps, wantedCap, drives: shares },
    losses,
    anyDrives,
    capacity: partitionCapacity(spec.erasure, quorums, caps, drives, shares),
    verdict: verdictOf(spec, losses, anyDrives, {
      whole: 'partition',
      groupSize: k + m,
      readQuorum: k,
      replicas: quorums.replicas,
      writeQuorum: quorums.write,
      keepers: keepers.length,
    }),
  };
}

/** What is left when exactly these slots are lost at once. For specs of engine ashlar that have a safe plan. */
export function assessLoss(spec: ClusterSpec, lostSlots: readonly string[]): Remainder {
  const drives = clusterDrives(planNodes(spec));
  const lost = drives.flatMap(({ slot }, index) => (lostSlots.includes(slot) ? [index] : []));
  return layOut(spec, drives).assessment.after(lost);
}

function layOut(spec: ClusterSpec, drives: readonly ClusterDrive[]) {
  const partitionCount = defaultPartitionCount(drives.length);
  const placement = place(drives, spec.erasure, partitionCount);
  const quorums = registerQuorums(spec.erasure);
  const keepers = chooseKeepers(drives, spec.erasure);
  const shards = new GroupCounts(placement.positions, drives.length);
  const replicas = new GroupCounts(replicaTable(placement, quorums.replicas), drives.length);
  const assessment = assessmentOf(spec, drives, keepers, shards, replicas);
  return { partitionCount, placement, quorums, keepers, shards, replicas, assessment };
}

function replicaTable(placement: Placement, replicas: number): number[][] {
  return placement.positions.map((positions) => positions.slice(0, replicas));
}

/**
 * Reads of a partition survive while k of its shards and a take-over quorum of its register replicas are left. Writes
 * survive while a write quorum of the replicas is left, k drives can take shards (any drive that is up can, as a hand-off),
 * and a majority of the keepers is left to agree on who is down.
 */
function assessmentOf(
  spec: ClusterSpec,
  drives: readonly ClusterDrive[],
  keepers: readonly string[],
  shards: GroupCounts,
  replicas: GroupCounts,
): Assessment {
  const { k, m } = spec.erasure;
  const quorums = registerQuorums(spec.erasure);
  const isKeeper = drives.map(({ slot }) => keepers.includes(slot));
  const majority = keeperMajority(keepers.length);
  const keepersAmong = (lost: readonly number[]) => lost.filter((drive) => isKeeper[drive]).length;
  const leftWithout = (lost: { drives: number; shards: number; replicas: number; keepers: number }): Remainder => {
    const shardsToSpare = m - lost.shards;
    const replicasLeft = quorums.replicas - lost.replicas;
    const replicasToSpare = replicasLeft - quorums.write;
    const keepersToSpare = keepers.length - lost.keepers - majority;
    const reads = shardsToSpare >= 0 && replicasLeft >= quorums.takeOver;
    const writes = replicasToSpare >= 0 && drives.length - lost.drives >= k && keepersToSpare >= 0;
    return { reads, writes, shardsToSpare, replicasToSpare, keepersToSpare };
  };
  return {
    after: (lost) =>
      leftWithout({
        drives: lost.length,
        shards: shards.mostLost(lost),
        replicas: replicas.mostLost(lost),
        keepers: keepersAmong(lost),
      }),
    afterOneMoreThan: (lost) => {
      const shardsLost = shards.mostLostWithOneMore(lost);
      const replicasLost = replicas.mostLostWithOneMore(lost);
      const keepersLost = keepersAmong(lost);
      return (oneMore) =>
        leftWithout({
          drives: lost.length + 1,
          shards: shardsLost[oneMore]!,
          replicas: replicasLost[oneMore]!,
          keepers: keepersLost + Number(isKeeper[oneMore]),
        });
    },
  };
}
