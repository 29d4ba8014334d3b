// Nodes started again in a cluster that may have lost things: waits until they live, has their blank drives admitted, and then
// waits until they are ready, which some cannot become until more of the cluster is back.
import { setTimeout as delay } from 'node:timers/promises';
import { allSlots, nodeOf, specNode } from './addressing.ts';
import { nodeAddress, type Programs, startNode } from './cluster-processes.ts';
import type { LocalCluster } from './data-directory.ts';
import { driveCondition } from './drives.ts';
import { LocalError } from './errors.ts';
import { replaceDrive } from './node-client.ts';
import { StartError, startAndAwait } from './start.ts';

export interface RevivalSetting {
  readonly cluster: LocalCluster;
  readonly programs: Programs;
  readonly timeoutMs: number;
}

const ADMIT_RETRY_MS = 250;

/** The nodes' processes run and answer. Rejects with StartError when one does not start; then none of them runs. */
export async function startNodes(setting: RevivalSetting, nodes: readonly string[]): Promise<void> {
  const { cluster, programs } = setting;
  const starts = new Map(nodes.map((name) => [name, () => startNode(cluster, specNode(cluster, name), programs)]));
  await wait(setting, starts, [], 'live');
}

/** Sentences about the blank and dead drives of running nodes; blank ones are in the cluster afterwards. */
export async function admitBlankDrives(setting: RevivalSetting, nodes: readonly string[]): Promise<string[]> {
  const report: string[] = [];
  for (const slot of allSlots(setting.cluster).filter((candidate) => nodes.includes(nodeOf(candidate)))) {
    switch (driveCondition(setting.cluster, slot)) {
      case 'present':
        break;
      case 'blank':
        await admit(setting, slot);
        report.push(`The cluster took the blank drive ${slot} in place of the one that was wiped, and heals onto it.`);
        break;
      case 'dead':
      case 'dead and wiped':
        report.push(`Drive ${slot} stays dead; bring it back with: ashlar drill revive drive ${slot}`);
        break;
    }
  }
  return report;
}

/** A sentence for each node that is not ready in time: that is no failure, as it may need others that are still down. */
export async function awaitReady(setting: RevivalSetting, nodes: readonly string[]): Promise<string[]> {
  const report = await Promise.all(
    nodes.map(async (node) => {
      try {
        await wait(setting, new Map(), [node], 'ready');
        return [];
      } catch (error) {
        if (!(error instanceof StartError) || error.failure !== 'late') throw error;
        return [`Node ${node} runs but is not ready yet; it may need others that are down (see: ashlar status).`];
      }
    }),
  );
  return report.flat();
}

async function admit(setting: RevivalSetting, slot: string): Promise<void> {
  const address = nodeAddress(setting.cluster, nodeOf(slot));
  const endMs = performance.now() + setting.timeoutMs;
  for (;;) {
    const leftMs = Math.max(1_000, endMs - performance.now());
    const answer = await replaceDrive(address, setting.cluster.clusterSecret, slot, leftMs).catch((error: Error) => ({
      status: 503,
      body: error.message,
    }));
    if (answer.status >= 200 && answer.status < 300) return;
    // 503: no quorum at the moment, or the node has not yet found its cluster. Anything else will not change by waiting.
    if (answer.status !== 503 || performance.now() >= endMs) {
      throw new LocalError(
        'failure',
        `the cluster did not admit the blank drive ${slot} (HTTP ${answer.status}): ${answer.body.trim()}`,
      );
    }
    await delay(ADMIT_RETRY_MS);
  }
}

function wait(
  setting: RevivalSetting,
  starts: Parameters<typeof startAndAwait>[0]['starts'],
  alsoAwait: readonly string[],
  until: 'live' | 'ready',
) {
  const { cluster, timeoutMs } = setting;
  return startAndAwait({ cluster, starts, alsoAwait, until, timeoutMs, onReady: () => {}, signal: undefined });
}
