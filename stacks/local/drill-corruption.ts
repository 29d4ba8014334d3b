// The drill on bytes: flips some on drives, with the node down where it has to be. See drill.ts, and corruption.ts for the flips.
import { nodeOf } from './addressing.ts';
import { runningProcess } from './cluster-processes.ts';
import { type CorruptionProps, corruptDriveFiles, needsNodeDown } from './corruption.ts';
import { whileDown } from './drill-drives.ts';
import { driveCondition } from './drives.ts';
import { LocalError } from './errors.ts';
import { awaitReady, type RevivalSetting } from './revival.ts';

export async function corruptDrives(
  setting: RevivalSetting,
  slots: readonly string[],
  props: CorruptionProps,
): Promise<string[]> {
  const { cluster } = setting;
  for (const slot of slots) {
    const condition = driveCondition(cluster, slot);
    if (condition === 'present') continue;
    throw new LocalError('input', `drive ${slot} is ${condition}; there is nothing on it to corrupt`);
  }
  const what = props.what ?? 'shards';
  if (!needsNodeDown(what)) return flip(setting, slots, props);
  const report: string[] = [];
  for (const node of new Set(slots.map(nodeOf))) {
    const ofNode = slots.filter((slot) => nodeOf(slot) === node);
    const flipped: string[] = [];
    const restarted = await whileDown(setting, node, () => {
      flipped.push(...flip(setting, ofNode, props));
    });
    report.push(...flipped, ...restarted);
    if (runningProcess(cluster, node) !== null) report.push(...(await awaitReady(setting, [node])));
  }
  return report;
}

function flip({ cluster }: RevivalSetting, slots: readonly string[], props: CorruptionProps): string[] {
  const what = props.what ?? 'shards';
  return slots.map((slot) => {
    const flipped = corruptDriveFiles(cluster, slot, props);
    if (flipped.length === 0) {
      return `Drive ${slot} holds nothing of this kind (${what}); nothing was flipped. Write some objects first.`;
    }
    const fileCount = new Set(flipped.map(({ file }) => file)).size;
    const [first] = flipped;
    return (
      `Flipped ${counted(flipped.length, 'byte')} of the ${what} on drive ${slot}, in ${counted(fileCount, 'file')}; ` +
      `the first: byte ${first!.offset} of ${first!.file}.`
    );
  });
}

function counted(count: number, thing: string): string {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
}
