// Drills on whole nodes. See drill.ts.
import { allSlots, nodeOf } from './addressing.ts';
import { runningProcess } from './cluster-processes.ts';
import type { LocalCluster } from './data-directory.ts';
import { wipeDriveFiles, wipeLogFiles } from './drives.ts';
import { LocalError } from './errors.ts';
import { signalProcess, waitUntilGone } from './processes.ts';
import { admitBlankDrives, awaitReady, type RevivalSetting, startNodes } from './revival.ts';

const KILL_DEADLINE_MS = 5_000;

export async function killNodes(cluster: LocalCluster, nodes: readonly string[]): Promise<string[]> {
  const victims = nodes.map((name) => ({ name, record: runningProcess(cluster, name) }));
  // All at once, as when a zone's power fails.
  for (const { record } of victims) signalProcess(record, 'SIGKILL');
  const report: string[] = [];
  for (const { name, record } of victims) {
    if (record === null) {
      report.push(`Node ${name} was not running; there was nothing to kill.`);
    } else if (await waitUntilGone(record, KILL_DEADLINE_MS)) {
      report.push(`Killed node ${name} (SIGKILL to process ${record.pid}).`);
    } else {
      throw new LocalError('failure', `process ${record.pid} of node ${name} does not go away after SIGKILL`);
    }
  }
  return report;
}

export async function reviveNodes(setting: RevivalSetting, nodes: readonly string[]): Promise<string[]> {
  const dead = nodes.filter((name) => runningProcess(setting.cluster, name) === null);
  await startNodes(setting, dead);
  const started = nodes.map((name) =>
    dead.includes(name) ? `Started node ${name}; it catches up with what it missed.` : `Node ${name} was running.`,
  );
  const drives = await admitBlankDrives(setting, nodes);
  return [...started, ...drives, ...(await awaitReady(setting, nodes))];
}

export function wipeNodes(cluster: LocalCluster, nodes: readonly string[]): string[] {
  const running = nodes.filter((name) => runningProcess(cluster, name) !== null);
  if (running.length > 0) {
    const commands = running.map((name) => `ashlar drill kill node ${name}`).join(' && ');
    const who = running.length === 1 ? `node ${running[0]} runs` : `nodes ${running.join(', ')} run`;
    throw new LocalError('input', `${who}, and files are not deleted under a running node; first: ${commands}`);
  }
  const slots = allSlots(cluster).filter((slot) => nodes.includes(nodeOf(slot)));
  for (const slot of slots) wipeDriveFiles(cluster, slot);
  for (const node of nodes) wipeLogFiles(cluster, node);
  return slots.map((slot) => `Deleted everything on drive ${slot}.`);
}
