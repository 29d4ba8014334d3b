// What fits: raw, usable and stranded capacity, and what objects of different sizes cost.
import type { Capacity, ObjectCost, Plan } from '../../plan/plan.ts';
import { textTable } from '../../plan/text-table.ts';
import { binaryBytes, decimalBytes, percent } from '../../plan/units.ts';
import { section } from './section.ts';

export function capacityLines({ capacity, scheme }: Plan): string[] {
  if (capacity === null) return [];
  const hasBytes = capacity.rawBytes !== null;
  const head = ['objects of', 'stored as', 'take up', 'efficiency', ...(hasBytes ? ['in all'] : [])];
  const rows = capacity.byObjectSize.map((cost) => costRow(cost, `${scheme.k}+${scheme.m} shards`, hasBytes));
  return section('Capacity', [
    ...totals(capacity, scheme),
    '',
    ...textTable([head, ...rows], ['left', 'left', 'right', 'right', 'right']),
  ]);
}

function totals(capacity: Capacity, { k, m }: Plan['scheme']): string[] {
  const { rawBytes, usableBytes, strandedBytes, fillable, strandedByCaps } = capacity;
  const data = k / (k + m);
  const of = (bytes: number | null, share: number) =>
    bytes === null ? percent(share) : `${decimalBytes(bytes)} (${percent(share)})`;
  const byUnevenness = Math.max(0, 1 - fillable - strandedByCaps);
  const causes = [
    ...(strandedByCaps >= 0.0005 ? [`caps on zones and nodes of unequal size: ${percent(strandedByCaps)}`] : []),
    ...(byUnevenness >= 0.0005 ? [`shares that are not quite even: ${percent(byUnevenness)}`] : []),
  ];
  const stranded =
    causes.length === 0 ? ['nothing'] : [of(strandedBytes, 1 - fillable), ...causes.map((cause) => `  ${cause}`)];
  return [
    `raw       ${rawBytes === null ? '100 % (give "capacity: 4TB" in the spec to see bytes)' : decimalBytes(rawBytes)}`,
    `usable    ${of(usableBytes, fillable * data)} of large objects, when the first drive is full`,
    ...stranded.map((line, index) => `${index === 0 ? 'stranded  ' : '          '}${line}`),
  ];
}

function costRow(cost: ObjectCost, shards: string, hasBytes: boolean): string[] {
  return [
    binaryBytes(cost.objectBytes),
    cost.copies === null ? shards : `${cost.copies} copies`,
    binaryBytes(cost.storedBytes),
    percent(cost.efficiency),
    ...(hasBytes ? [decimalBytes(cost.usableBytes ?? 0)] : []),
  ];
}
