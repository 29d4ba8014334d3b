// A local cluster's status as a person reads it: first whether it is well, then why not, then every node and drive. Pure.
import type { DriveReport, HealReport, NodeReport } from '../node/admin/status.ts';
import { isStopped, type LocalNodeStatus, type LocalStatus } from '../stacks/local/local-status.ts';
import { bytesText, type Column, tableLines } from './table.ts';

export function statusText(status: LocalStatus): string {
  if (isStopped(status)) {
    return `${status.name}: stopped; its data is in ${status.directory}, and "ashlar up" brings it back`;
  }
  const { report } = status;
  const epoch = report === null ? '' : `, map epoch ${report.epoch}`;
  const driveCount = status.nodes.reduce((sum, node) => sum + node.drives.length, 0);
  return [
    `${status.name}: ${healthText(status)}`,
    ...reasons(status).map((reason) => `  - ${reason}`),
    '',
    `${status.scheme} on ${status.nodes.length} nodes, ${driveCount} drives${epoch}`,
    `endpoint ${status.endpoint} (${status.endpointPid === null ? 'not running' : `process ${status.endpointPid}`})`,
    `data     ${status.directory}`,
    '',
    ...tableLines(
      NODE_COLUMNS,
      status.nodes.map((node) => nodeRow(node, reportOf(status, node))),
    ),
    '',
    ...tableLines(
      DRIVE_COLUMNS,
      status.nodes.flatMap((node) => driveRows(node, reportOf(status, node))),
    ),
  ].join('\n');
}

/** What is seen of the health from outside too: a cluster may think itself well while its endpoint is gone. */
export function healthText(status: LocalStatus): string {
  const stopped = status.nodes.filter((node) => node.pid === null);
  if (stopped.length === status.nodes.length) return 'stopped';
  if (status.report === null) return 'unavailable';
  return status.healthy || status.report.health !== 'healthy' ? status.report.health : 'degraded';
}

export function reasons(status: LocalStatus): string[] {
  const own: string[] = [];
  if (status.endpointPid === null) own.push('the endpoint does not run');
  const stopped = status.nodes.filter((node) => node.pid === null).map((node) => node.name);
  for (const name of stopped) own.push(`node ${name} does not run`);
  if (status.report === null && stopped.length < status.nodes.length) own.push('no node answers');
  // Of a node that does not run the others say that it does not answer: the same thing, less well known.
  const theirs = (status.report?.reasons ?? []).filter(
    (reason) => !stopped.some((name) => reason.startsWith(`node ${name} `)),
  );
  return [...own, ...theirs];
}

const NODE_COLUMNS: readonly Column[] = [
  { title: 'ZONE' },
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'PROCESS', align: 'right' },
  { title: 'ADDRESS' },
  { title: 'MEMORY', align: 'right' },
  { title: 'HEALING' },
];

const DRIVE_COLUMNS: readonly Column[] = [
  { title: 'DRIVE' },
  { title: 'STATE' },
  { title: 'SHARDS', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: 'FREE', align: 'right' },
  { title: 'REMARK' },
];

function reportOf(status: LocalStatus, node: LocalNodeStatus): NodeReport | null {
  return status.report?.nodes.find((candidate) => candidate.name === node.name) ?? null;
}

function nodeRow(node: LocalNodeStatus, report: NodeReport | null): string[] {
  return [
    node.zone,
    node.name,
    nodeState(node, report),
    node.pid === null ? '-' : String(node.pid),
    node.url.replace(/^http:\/\//, ''),
    node.pid === null || report === null || report.rssBytes === 0 ? '-' : bytesText(report.rssBytes),
    node.pid === null ? '-' : healingText(report?.healing ?? null),
  ];
}

function nodeState(node: LocalNodeStatus, report: NodeReport | null): string {
  if (node.pid === null) return 'stopped';
  if (report === null || !report.reachable) return 'silent';
  return report.ready ? 'ready' : 'catching up';
}

function healingText(healing: HealReport | null): string {
  if (healing === null) return '-';
  const done = healing.registersHealed + healing.shardsHealed;
  const parts: string[] = [];
  if (healing.pending > 0) parts.push(`${healing.pending} to heal`);
  else if (!healing.comparedSinceMapChange) parts.push('comparing');
  if (done > 0) parts.push(`${done} healed`);
  if (healing.failures.length > 0) parts.push(`${healing.failures.length} failed: ${healing.failures.at(-1)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function driveRows(node: LocalNodeStatus, report: NodeReport | null): string[][] {
  return node.drives.map(({ slot, condition }) => {
    const drive = report?.drives.find((candidate) => candidate.slot === slot) ?? null;
    if (node.pid === null || drive === null) {
      return [slot, condition === 'present' ? 'away' : condition, '-', '-', '-', ''];
    }
    const state = condition === 'present' ? drive.state : condition;
    return [
      slot,
      state,
      String(drive.shardCount),
      bytesText(drive.shardBytes),
      bytesText(drive.freeBytes),
      remark(drive),
    ];
  });
}

function remark(drive: DriveReport): string {
  return drive.reason ?? '';
}
