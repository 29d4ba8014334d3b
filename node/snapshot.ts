// Gathers what the metrics show of a node at the moment of a scrape.
import type { MetricsSnapshot } from './admin/metrics.ts';
import type { StorageNode } from './cluster/node.ts';
import type { PeerNetwork } from './io/network-real.ts';

/** null as long as the node has not joined its cluster. */
export async function metricsSnapshot(node: StorageNode, network: PeerNetwork): Promise<MetricsSnapshot | null> {
  const { serving, member } = node;
  if (serving === null) return null;
  const { topology, liveness } = serving.running;
  const { map } = topology.current();
  const report = await serving.status.own();
  const syncs = new Map<string, { driveSyncs: number; logSyncs: number }>();
  for (const store of member.drives.open()) syncs.set(store.identity.slot, await store.status());
  const { writeBudget, readBudget, erasure } = serving;
  return {
    ready: node.ready(),
    epoch: map.epoch,
    peers: map.nodes
      .filter(({ name }) => name !== report.name)
      .map(({ name }) => ({ name, reachable: liveness.seemsUp(name), queuedBytes: network.queuedBytes(name) })),
    drives: report.drives.map((drive) => ({
      ...drive,
      usable: drive.state !== 'unusable',
      up: map.drives.find(({ slot }) => slot === drive.slot)?.state === 'up',
      driveSyncs: syncs.get(drive.slot)?.driveSyncs ?? 0,
      logSyncs: syncs.get(drive.slot)?.logSyncs ?? 0,
    })),
    healing: report.healing!,
    scrub: report.scrub,
    erasure: erasure(map.scheme.k, map.scheme.m).totals,
    buffers: [
      { purpose: 'write', usedBytes: writeBudget.usedBytes, totalBytes: writeBudget.totalBytes },
      { purpose: 'read', usedBytes: readBudget.usedBytes, totalBytes: readBudget.totalBytes },
    ],
  };
}
