// Which host of a Swarm runs which node, as labels: the host's zone, and the name of the node. Pure.
import type { Plan, PlanNode } from '../../plan/plan.ts';
import { nodeLabelKey, type SwarmSettings } from './settings.ts';
import type { SwarmHost } from './swarm-facts.ts';

export interface LabelChange {
  readonly host: SwarmHost;
  readonly node: string;
  /** To be set; empty: they are right already. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface Labelling {
  /** By node, in the order of the plan. */
  readonly changes: readonly LabelChange[];
  /** Why a node has no host, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * A host that has a node keeps it. Then by what was asked (host names by node), by the addresses of the spec, and at last the hosts
 * of each zone in the order of their names.
 */
export function assignHosts(
  plan: Plan,
  settings: SwarmSettings,
  hosts: readonly SwarmHost[],
  asked: ReadonlyMap<string, string>,
): Labelling {
  const zoneKey = settings.labels.zone;
  const nodeKey = nodeLabelKey(settings, plan.name);
  const problems: string[] = [];
  const chosen = new Map<string, SwarmHost>();
  const isFree = (host: SwarmHost) => ![...chosen.values()].includes(host);
  const choose = (node: PlanNode, host: SwarmHost) => {
    const has = host.labels[nodeKey];
    if (has !== undefined && has !== node.name)
      problems.push(`host ${host.hostname} has node ${has} already and cannot have ${node.name}, too`);
    else if (!isFree(host)) problems.push(`host ${host.hostname} was given to two nodes, one of them ${node.name}`);
    else chosen.set(node.name, host);
  };
  for (const name of asked.keys()) {
    if (!plan.nodes.some((node) => node.name === name)) problems.push(`the spec has no node ${name}`);
  }
  for (const node of plan.nodes) {
    const name = asked.get(node.name);
    const host =
      name === undefined
        ? hosts.find(({ labels }) => labels[nodeKey] === node.name)
        : hosts.find(({ hostname }) => hostname === name);
    if (host !== undefined) choose(node, host);
    else if (name !== undefined)
      problems.push(`the Swarm has no host ${name}; it has ${hosts.map(({ hostname }) => hostname).join(', ')}`);
  }
  for (const node of plan.nodes) {
    if (chosen.has(node.name) || asked.has(node.name) || node.host === null) continue;
    const host = hosts.find(({ hostname, address }) => node.host === address || node.host === hostname);
    if (host !== undefined) choose(node, host);
  }
  for (const node of plan.nodes) {
    if (chosen.has(node.name) || asked.has(node.name)) continue;
    const host = hosts.find(
      (candidate) =>
        candidate.labels[zoneKey] === node.zone && candidate.labels[nodeKey] === undefined && isFree(candidate),
    );
    if (host !== undefined) choose(node, host);
    else problems.push(noHost(node, plan, zoneKey, hosts));
  }
  const changes = plan.nodes.flatMap((node) => {
    const host = chosen.get(node.name);
    if (host === undefined) return [];
    const wanted = { [zoneKey]: node.zone, [nodeKey]: node.name };
    const labels = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => host.labels[key] !== value));
    return [{ host, node: node.name, labels }];
  });
  return { changes, problems };
}

function noHost(node: PlanNode, plan: Plan, zoneKey: string, hosts: readonly SwarmHost[]): string {
  const has = hosts.filter(({ labels }) => labels[zoneKey] === node.zone).length;
  const needs = plan.nodes.filter(({ zone }) => zone === node.zone).length;
  return (
    `node ${node.name} has no host: zone ${node.zone} needs ${needs}, and ${has} of the Swarm's ${hosts.length} have the label ${zoneKey}=${node.zone}; ` +
    `say where it is to run with --host ${node.name}=HOST`
  );
}
