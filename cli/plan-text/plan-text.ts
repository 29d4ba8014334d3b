// The plan as a person reads it before agreeing to it: the promise and whether it is kept, where data goes, what is left
// after each loss, and what fits. Plain text of about 100 columns, for terminals, pipes and tickets alike.

import type { Plan } from '../../plan/plan.ts';
import { counted } from '../../plan/units.ts';
import { capacityLines } from './capacity.ts';
import { layoutLines } from './layout.ts';
import { lossLines } from './losses.ts';
import { section, type TextOptions } from './section.ts';

/** Without the last newline. */
export function planText(plan: Plan, options: TextOptions): string {
  const sections = [
    headLines(plan),
    verdictLines(plan),
    ...(plan.layout === null ? [] : [layoutLines(plan, options), lossLines(plan, options), capacityLines(plan)]),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function headLines(plan: Plan): string[] {
  const { name, engine, scheme, zones, nodes, verdict } = plan;
  const driveCount = nodes.reduce((sum, node) => sum + node.drives.length, 0);
  const what = `${name}: ${engine === 'ashlar' ? '' : `${engine}, `}${scheme.k}+${scheme.m} on ${counted(driveCount, 'drive')} of ${counted(nodes.length, 'node')} in ${counted(zones.length, 'zone')}`;
  return [`${what}: ${verdict.safe ? 'SAFE' : 'NOT SAFE'}`];
}

function verdictLines(plan: Plan): string[] {
  const { verdict, survive, scheme, anyDrives } = plan;
  if (!verdict.safe) {
    const nearest = verdict.nearest.flatMap(({ change, yaml }) => [
      '',
      `${change}:`,
      ...yaml
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
    ]);
    return [
      ...section(
        'Because',
        verdict.reasons.flatMap((reason) => wrap(reason, 90)),
      ),
      '',
      ...(nearest.length > 0
        ? section('Instead', nearest.slice(1))
        : section('Instead', ['No small change of this spec was found that would hold.'])),
    ];
  }
  const proof =
    anyDrives?.enumerated == null
      ? 'no partition has a drive twice'
      : `all ${counted(anyDrives.enumerated, scheme.m === 1 ? 'drive' : 'combination')} tried`;
  return section('Promise', [
    `Any one ${survive} can be lost, and reads and writes go on.`,
    `Any ${counted(scheme.m, 'drive')} can be lost, and every object can still be read (${proof}).`,
  ]);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
