// How a local cluster is: what its processes and files say, and what its nodes say of themselves and of each other.
import type { StatusReport } from '../../node/admin/status.ts';
import { allSlots, nodeOf } from './addressing.ts';
import { endpointUrl, nodeAddress, runningProcess } from './cluster-processes.ts';
import { BALANCER, type LocalCluster } from './data-directory.ts';
import { type DriveCondition, driveCondition } from './drives.ts';
import { fetchStatus } from './node-client.ts';

export interface LocalStatus {
  readonly name: string;
  /** "4+2" */
  readonly scheme: string;
  readonly directory: string;
  readonly endpoint: string;
  /** null when it does not run. */
  readonly endpointPid: number | null;
  readonly nodes: readonly LocalNodeStatus[];
  /** What the nodes say; null when none answers. */
  readonly report: StatusReport | null;
  /** Everything runs, and the cluster says that it is healthy. */
  readonly healthy: boolean;
}

export interface LocalNodeStatus {
  readonly name: string;
  readonly zone: string;
  readonly url: string;
  readonly pid: number | null;
  readonly drives: readonly { readonly slot: string; readonly condition: DriveCondition }[];
}

const STATUS_TIMEOUT_MS = 5_000;

export async function localStatus(cluster: LocalCluster): Promise<LocalStatus> {
  const { spec } = cluster.state;
  const nodes = spec.nodes.map(({ name, zone }) => ({
    name,
    zone,
    url: `http://${nodeAddress(cluster, name).host}:${nodeAddress(cluster, name).port}`,
    pid: runningProcess(cluster, name)?.pid ?? null,
    drives: allSlots(cluster)
      .filter((slot) => nodeOf(slot) === name)
      .map((slot) => ({ slot, condition: driveCondition(cluster, slot) })),
  }));
  const endpointPid = runningProcess(cluster, BALANCER)?.pid ?? null;
  const report = await clusterReport(
    cluster,
    nodes.filter((node) => node.pid !== null).map((node) => node.name),
  );
  const runs = endpointPid !== null && nodes.every((node) => node.pid !== null);
  return {
    name: spec.name,
    scheme: `${spec.erasure.k}+${spec.erasure.m}`,
    directory: cluster.directory,
    endpoint: endpointUrl(cluster),
    endpointPid,
    nodes,
    report,
    healthy: runs && report?.health === 'healthy',
  };
}

/** Nothing of the cluster runs. */
export function isStopped(status: LocalStatus): boolean {
  return status.endpointPid === null && status.nodes.every((node) => node.pid === null);
}

/**
 * One view out of those of all nodes: of the newest map, and among equals the worst health, because a node that knows of a
 * trouble is right and one that does not has not heard of it yet. null when there is none.
 */
export function worstReport(reports: readonly StatusReport[]): StatusReport | null {
  const [first] = reports.toSorted(
    (a, b) => b.epoch - a.epoch || HEALTH_WORST_FIRST.indexOf(a.health) - HEALTH_WORST_FIRST.indexOf(b.health),
  );
  return first ?? null;
}

const HEALTH_WORST_FIRST: readonly StatusReport['health'][] = ['unavailable', 'degraded', 'healing', 'healthy'];

async function clusterReport(cluster: LocalCluster, nodes: readonly string[]): Promise<StatusReport | null> {
  const reports = await Promise.all(
    nodes.map((name) => fetchStatus(nodeAddress(cluster, name), cluster.clusterSecret, STATUS_TIMEOUT_MS)),
  );
  return worstReport(reports.filter((report) => report !== null));
}
