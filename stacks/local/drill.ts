// Drills: accidents on purpose, and their repair. Every accident is a real one (SIGKILL, files moved away or deleted); every
// drill reports what it did and what it found already done, in sentences, and refuses aloud what would be senseless.
import { allSlots, nodeOf, requireNode, requireSlot, requireZone } from './addressing.ts';
import { defaultPrograms, type Programs, runningNodes } from './cluster-processes.ts';
import type { CorruptionProps } from './corruption.ts';
import { directoryLayout, type LocalCluster } from './data-directory.ts';
import { corruptDrives } from './drill-corruption.ts';
import { killDrive, reviveDrive, wipeDrive } from './drill-drives.ts';
import { killNodes, reviveNodes, wipeNodes } from './drill-nodes.ts';
import { driveCondition } from './drives.ts';
import { withLock } from './lock.ts';

export const DRILL_ACTIONS = ['kill', 'revive', 'wipe', 'corrupt'] as const;
export type DrillAction = (typeof DRILL_ACTIONS)[number];
export const DRILL_KINDS = ['node', 'zone', 'drive'] as const;
export type DrillKind = (typeof DRILL_KINDS)[number];

export interface DrillProps {
  readonly cluster: LocalCluster;
  readonly action: DrillAction;
  readonly kind: DrillKind;
  /** A node's or zone's name, or a slot such as "a1/d1". */
  readonly name: string;
  readonly programs?: Programs;
  /** How long a node may take to start, and the cluster to admit a blank drive. */
  readonly timeoutMs?: number;
  /** Only of 'corrupt'. */
  readonly corruption?: CorruptionProps;
}

/** What was done, and what was found already so, a sentence each. */
export type DrillReport = readonly string[];

const TIMEOUT_MS = 60_000;
const LOCK_DEADLINE_MS = 15_000;

/** Rejects with LocalError: 'input' before anything was done, 'failure' when something did not work. */
export async function drill(props: DrillProps): Promise<DrillReport> {
  const { cluster, action, kind, name } = props;
  const nodes = nodesMeant(cluster, kind, name);
  const setting = { cluster, programs: props.programs ?? defaultPrograms(), timeoutMs: props.timeoutMs ?? TIMEOUT_MS };
  return withLock(directoryLayout(cluster.directory).lockFile, LOCK_DEADLINE_MS, async () => {
    switch (action) {
      case 'kill':
        return kind === 'drive' ? killDrive(setting, name) : killNodes(cluster, nodes);
      case 'revive':
        return kind === 'drive' ? reviveDrive(setting, name) : reviveNodes(setting, nodes);
      case 'wipe':
        return kind === 'drive' ? wipeDrive(cluster, name) : wipeNodes(cluster, nodes);
      case 'corrupt': {
        const slots = allSlots(cluster).filter((slot) => slot === name || nodes.includes(nodeOf(slot)));
        return corruptDrives(setting, slots, props.corruption ?? {});
      }
    }
  });
}

/** Slots that cannot serve at the moment: of nodes that do not run, made dead by a drill, or blank. */
export function lostSlots(cluster: LocalCluster): string[] {
  const running = new Set(runningNodes(cluster));
  return allSlots(cluster).filter((slot) => !running.has(nodeOf(slot)) || driveCondition(cluster, slot) !== 'present');
}

/** Empty for a drive. */
function nodesMeant(cluster: LocalCluster, kind: DrillKind, name: string): string[] {
  switch (kind) {
    case 'node':
      return [requireNode(cluster, name)];
    case 'zone':
      return requireZone(cluster, name);
    case 'drive':
      requireSlot(cluster, name);
      return [];
  }
}
