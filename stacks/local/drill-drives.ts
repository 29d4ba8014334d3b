// Drills on single drives. See drill.ts, and drives.ts for how a dead drive is simulated.
import { nodeOf } from './addressing.ts';
import { runningProcess } from './cluster-processes.ts';
import type { LocalCluster } from './data-directory.ts';
import { killNodes } from './drill-nodes.ts';
import { bringBack, driveCondition, makeDead, wipeDriveFiles } from './drives.ts';
import { LocalError } from './errors.ts';
import { admitBlankDrives, awaitReady, type RevivalSetting, startNodes } from './revival.ts';

const READY_PATIENCE_MS = 5_000;

export async function killDrive(setting: RevivalSetting, slot: string): Promise<string[]> {
  const condition = driveCondition(setting.cluster, slot);
  if (condition === 'dead' || condition === 'dead and wiped')
    return [`Drive ${slot} was dead; there was nothing to kill.`];
  const node = nodeOf(slot);
  const restarted = await whileDown(setting, node, () => makeDead(setting.cluster, slot));
  // Not for long: losing a drive may be just what keeps the node, or the cluster, from being ready.
  const patient = { ...setting, timeoutMs: Math.min(setting.timeoutMs, READY_PATIENCE_MS) };
  const waited = runningProcess(setting.cluster, node) === null ? [] : await awaitReady(patient, [node]);
  return [`Drive ${slot} is dead: everything that touches it fails.`, ...restarted, ...waited];
}

export async function reviveDrive(setting: RevivalSetting, slot: string): Promise<string[]> {
  const { cluster } = setting;
  const node = nodeOf(slot);
  const report: string[] = [];
  switch (driveCondition(cluster, slot)) {
    case 'present':
      return [`Drive ${slot} is there; there was nothing to revive.`];
    case 'dead':
      report.push(`Drive ${slot} is back with its data; it catches up with what it missed.`);
      report.push(...(await whileDown(setting, node, () => bringBack(cluster, slot))));
      break;
    case 'dead and wiped':
      report.push(`Drive ${slot} is back, and blank.`);
      report.push(...(await whileDown(setting, node, () => bringBack(cluster, slot))));
      break;
    case 'blank':
      break;
  }
  if (runningProcess(cluster, node) === null) {
    return [...report, `Node ${node} does not run; start it with: ashlar drill revive node ${node}`];
  }
  return [...report, ...(await admitBlankDrives(setting, [node])), ...(await awaitReady(setting, [node]))];
}

export function wipeDrive(cluster: LocalCluster, slot: string): string[] {
  const node = nodeOf(slot);
  const condition = driveCondition(cluster, slot);
  const inUse = condition === 'present' || condition === 'blank';
  if (inUse && runningProcess(cluster, node) !== null) {
    throw new LocalError(
      'input',
      `node ${node} runs and uses drive ${slot}, and files are not deleted under a running node; ` +
        `first: ashlar drill kill drive ${slot}`,
    );
  }
  wipeDriveFiles(cluster, slot);
  return [`Deleted everything on drive ${slot}.`];
}

/** A node that runs is killed for the change and started again; one that does not stays as it is. */
export async function whileDown(setting: RevivalSetting, node: string, change: () => void): Promise<string[]> {
  const ran = runningProcess(setting.cluster, node) !== null;
  if (ran) await killNodes(setting.cluster, [node]);
  change();
  if (!ran) return [`Node ${node} does not run and was left so.`];
  await startNodes(setting, [node]);
  return [`Node ${node} was killed for it and started again.`];
}
