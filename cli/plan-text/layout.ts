// Where data goes: how objects are spread, and each drive's share of the shards and of the register replicas.
import type { DriveShare, PartitionLayout, Plan, PlanNode, SetLayout, SetPool } from '../../plan/plan.ts';
import { textTable } from '../../plan/text-table.ts';
import { counted, decimalBytes, percent } from '../../plan/units.ts';
import { section, type TextOptions } from './section.ts';

/** With more drives than this, a row is a node; with more nodes than this, a zone. */
const ROWS_MAX = 48;
const SET_COLUMNS_MAX = 120;

export function layoutLines(plan: Plan, options: TextOptions): string[] {
  const { layout } = plan;
  if (layout === null) return [];
  return layout.kind === 'partitions' ? partitionLines(plan, layout, options) : setLines(plan, layout, options);
}

function partitionLines(plan: Plan, layout: PartitionLayout, options: TextOptions): string[] {
  const { scheme, partitionCount, keepers } = plan;
  const { quorums, caps, wantedCap } = layout;
  const width = scheme.k + scheme.m;
  const exceeded = [caps.zone > wantedCap ? 'zone' : null, caps.node > wantedCap ? 'node' : null].filter(
    (x) => x !== null,
  );
  const lines = [
    `${partitionCount.toLocaleString('en-US')} partitions of ${width} shards (${scheme.k} data, ${scheme.m} parity): at most ${caps.zone} in a zone, ${caps.node} on a node, 1 on a drive`,
    ...(exceeded.length === 0
      ? []
      : [
          `(no ${exceeded.join(' and no ')} can be lost without harm: that takes at most ${wantedCap}, and there are too few)`,
        ]),
    `registers on ${quorums.replicas} of these drives; a write needs ${quorums.write}, taking over needs ${quorums.takeOver}`,
    ...keeperLines(keepers),
    '',
    ...shareTable(plan, layout, options),
  ];
  return section('Layout', lines);
}

function keeperLines(keepers: readonly string[]): string[] {
  const majority = Math.floor(keepers.length / 2) + 1;
  return [`cluster map kept by ${keepers.join(' ')}; ${majority} of ${keepers.length} agree on it`];
}

interface Row {
  readonly zone: string;
  readonly node: string;
  readonly drive: string;
  readonly capacityBytes: number | null;
  readonly shares: readonly DriveShare[];
}

function shareTable(plan: Plan, layout: PartitionLayout, { all }: TextOptions): string[] {
  const rows = rowsOf(plan, layout, all);
  const shards = shareTexts(rows, (share) => share.shardPartitions);
  const registers = shareTexts(rows, (share) => share.replicaPartitions);
  const hasCapacity = rows.every(({ capacityBytes }) => capacityBytes !== null);
  const head = ['zone', 'node', 'drive', ...(hasCapacity ? ['capacity'] : []), 'shards', 'registers'];
  const cells = rows.map((row, index) => {
    const before = rows[index - 1];
    return [
      row.zone === before?.zone ? '' : row.zone,
      row.zone === before?.zone && row.node === before.node ? '' : row.node,
      row.drive,
      ...(hasCapacity ? [decimalBytes(row.capacityBytes ?? 0)] : []),
      shards[index]!,
      registers[index]!,
    ];
  });
  return textTable(
    [head, ...cells],
    head.map((_, column) => (column < 3 ? 'left' : 'right')),
  );
}

/** Each row's part of the whole. */
function shareTexts(rows: readonly Row[], pick: (share: DriveShare) => number): string[] {
  const counts = rows.map(({ shares }) => shares.reduce((sum, share) => sum + pick(share), 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => percent(count / total));
}

function rowsOf({ nodes, zones }: Plan, layout: PartitionLayout, all: boolean): Row[] {
  const shareOf = new Map(layout.drives.map((share) => [share.slot, share]));
  const shares = (list: readonly PlanNode[]) =>
    list.flatMap((node) => node.drives.map(({ slot }) => shareOf.get(slot)!));
  if (all || layout.drives.length <= ROWS_MAX) {
    return nodes.flatMap((node) =>
      node.drives.map(({ name, slot, capacityBytes }) => ({
        zone: node.zone,
        node: node.name,
        drive: name,
        capacityBytes,
        shares: [shareOf.get(slot)!],
      })),
    );
  }
  if (nodes.length <= ROWS_MAX) {
    return nodes.map((node) => ({
      zone: node.zone,
      node: node.name,
      drive: counted(node.drives.length, 'drive'),
      capacityBytes: capacityOf([node]),
      shares: shares([node]),
    }));
  }
  return zones.map((zone) => {
    const inZone = nodes.filter((node) => node.zone === zone);
    return {
      zone,
      node: counted(inZone.length, 'node'),
      drive: counted(shares(inZone).length, 'drive'),
      capacityBytes: capacityOf(inZone),
      shares: shares(inZone),
    };
  });
}

function capacityOf(nodes: readonly PlanNode[]): number | null {
  const sizes = nodes.flatMap((node) => node.drives.map((drive) => drive.capacityBytes));
  return sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0 as number | null);
}

/** Which drives form a set: when there are few enough to read, or when asked for. */
function setRows({ sets }: SetPool, all: boolean): string[] {
  const rows = sets.map((set, number) => `  set ${number + 1}: ${set.join(' ')}`);
  return all || (rows.length <= 8 && rows.every((row) => row.length <= SET_COLUMNS_MAX)) ? rows : [];
}

function setLines(plan: Plan, layout: SetLayout, { all }: TextOptions): string[] {
  const lines = layout.pools.flatMap((pool, index) => [
    `${layout.pools.length === 1 ? '' : `pool ${index + 1}: `}${counted(pool.sets.length, 'erasure set')} of ${pool.setSize} drives, ${pool.parity} of them parity; reading takes ${pool.readQuorum}, writing ${pool.writeQuorum}`,
    `at most ${pool.worstZoneShare} drives of a set in a zone, ${pool.worstNodeShare} on a node`,
    ...setRows(pool, all),
  ]);
  const settings = Object.entries(layout.environment).map(([name, value]) => `${name}=${value}`);
  const volumes = layout.volumes.length <= 8 || all ? layout.volumes : [...layout.volumes.slice(0, 7), '…'];
  return [
    ...section('Layout', lines),
    '',
    ...section('Volumes', [
      `${counted(layout.volumes.length, 'argument')} of the ${plan.engine} server, in this order for ever:`,
      ...volumes.map((volume) => `  ${volume}`),
    ]),
    ...(settings.length === 0 ? [] : ['', ...section('Settings', settings)]),
  ];
}
