// What is left after each loss. Losses that leave the same are one row; pairs, and drives with zones, are counted and the
// worst of them is named.
import { compareRemainders } from '../../plan/losses.ts';
import type { Loss, LossGroup, Plan, Remainder } from '../../plan/plan.ts';
import { textTable } from '../../plan/text-table.ts';
import { section, type TextOptions } from './section.ts';

const NAMES_MAX = 6;
/** Rows of one kind of loss; beyond, only the worst are shown. */
const ROWS_MAX = 8;

export function lossLines({ losses, layout }: Plan, options: TextOptions): string[] {
  const isPartitioned = layout?.kind === 'partitions';
  const spare = isPartitioned ? ['shards', 'registers', 'keepers'] : ['to read', 'to write'];
  const head = ['lost', 'reads', 'writes', ...spare];
  const rows = losses.filter(({ total }) => total > 0).flatMap((group) => rowsOf(group, options));
  return [
    ...section('Losses', [
      `What is left beyond what is needed, at the ${isPartitioned ? 'partition' : 'erasure set'} that is hit hardest:`,
    ]),
    '',
    ...section(
      '',
      textTable(
        [head, ...rows],
        head.map((_, column) => (column < 3 ? 'left' : 'right')),
      ),
    ),
  ];
}

function rowsOf(group: LossGroup, { all }: TextOptions): string[][] {
  if (all && group.cases.length > 0) return group.cases.map((loss) => row(`${labelOf(group)} ${loss.lost}`, loss));
  const isSingle = group.kind === 'zone' || group.kind === 'node' || group.kind === 'drive';
  if (!isSingle || group.cases.length === 0) return [summary(group)];
  const alike = alikeLosses(group.cases);
  return alike.slice(0, ROWS_MAX).map((losses) => row(namesOf(group, losses, alike.length === 1), worstOf(losses)));
}

/** Losses that leave the same, the worst first. Keepers do not count: with few of them, no two nodes are alike. */
function alikeLosses(cases: readonly Loss[]): Loss[][] {
  const groups: Loss[][] = [];
  for (const loss of cases) {
    const group = groups.find(([first]) => compareRemainders(withoutKeepers(first!), withoutKeepers(loss)) === 0);
    if (group === undefined) groups.push([loss]);
    else group.push(loss);
  }
  return groups.sort(([a], [b]) => compareRemainders(a!, b!));
}

function withoutKeepers(loss: Remainder): Remainder {
  return { ...loss, keepersToSpare: null };
}

function worstOf(losses: readonly Loss[]): Loss {
  return losses.reduce((worst, loss) => (compareRemainders(loss, worst) < 0 ? loss : worst));
}

function namesOf({ kind, total }: LossGroup, losses: readonly Loss[], isAll: boolean): string {
  const names = losses.map(({ lost }) => lost);
  if (total === 1) return `${kind} ${names[0]}, the only one`;
  if (isAll)
    return names.length <= NAMES_MAX ? `a ${kind}: any of ${names.join(' ')}` : `a ${kind}: any of the ${names.length}`;
  const shown =
    names.length <= NAMES_MAX
      ? names.join(' ')
      : `${names.slice(0, NAMES_MAX - 1).join(' ')} and ${names.length - NAMES_MAX + 1} more`;
  return `a ${kind}: ${shown}`;
}

function labelOf({ kind }: LossGroup): string {
  switch (kind) {
    case 'zone':
    case 'node':
    case 'drive':
      return kind;
    case 'pair':
      return 'drives';
    case 'drive+zone':
      return 'drive';
  }
}

function summary(group: LossGroup): string[] {
  const { kind, total, readsSurvived, writesSurvived, worst } = group;
  const what = kind === 'pair' ? 'two drives' : kind === 'drive+zone' ? 'a zone and a drive elsewhere' : `a ${kind}`;
  const of = (survived: number) => {
    if (survived === total) return 'yes';
    return survived === 0 ? 'no' : `${survived.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`;
  };
  const cells = row(`${what}: ${total.toLocaleString('en-US')}, worst ${worst!.lost}`, worst!);
  return [cells[0]!, of(readsSurvived), of(writesSurvived), ...cells.slice(3)];
}

function row(label: string, left: Remainder): string[] {
  const yes = (survived: boolean) => (survived ? 'yes' : 'no');
  const keepers = left.keepersToSpare === null ? [] : [left.keepersToSpare];
  const numbers = [left.shardsToSpare, left.replicasToSpare, ...keepers];
  return [label, yes(left.reads), yes(left.writes), ...numbers.map(signed)];
}

/** "+1" to spare, "0" just enough, "-1" one short. */
function signed(number: number): string {
  return number > 0 ? `+${number}` : String(number);
}
