// What must be true of a Swarm before Terraform starts, judged from facts: everything that is wrong at once, a sentence each. Pure.
import type { Plan } from '../../plan/plan.ts';
import type { HostProbe } from './host-probe.ts';
import { nodeLabelKey, overlayMtu, type SwarmSettings } from './settings.ts';
import type { ExistingNetwork, SwarmHost } from './swarm-facts.ts';

export interface SwarmFacts {
  readonly hosts: readonly SwarmHost[];
  /** Of the cluster's name; null: not there yet. */
  readonly network: ExistingNetwork | null;
  /** By name of the node; null: nobody looked at the hosts themselves. */
  readonly probes: ReadonlyMap<string, HostProbe> | null;
}

export interface Preconditions {
  readonly problems: readonly string[];
  /** What is worth knowing and stops nothing. */
  readonly remarks: readonly string[];
}

/** replicated jobs, and capabilities of services. */
const ENGINE_VERSION_MIN = [20, 10] as const;
/** Signatures of S3 allow 15 minutes; more than this is a clock that nobody keeps right. */
const CLOCK_SKEW_MS_MAX = 5_000;

export function judgeSwarm(plan: Plan, settings: SwarmSettings, facts: SwarmFacts): Preconditions {
  return {
    problems: [
      ...problemsWithHosts(plan, settings, facts.hosts),
      ...problemsWithNetwork(plan, settings, facts.network),
      ...(facts.probes === null ? [] : problemsWithProbes(plan, settings, facts.hosts, facts.probes)),
    ],
    remarks: remarksOnManagers(plan, settings, facts.hosts),
  };
}

/** The host of a node; undefined unless it is exactly one. */
export function hostOf(
  plan: Plan,
  settings: SwarmSettings,
  hosts: readonly SwarmHost[],
  node: string,
): SwarmHost | undefined {
  const found = hosts.filter(({ labels }) => labels[nodeLabelKey(settings, plan.name)] === node);
  return found.length === 1 ? found[0] : undefined;
}

function problemsWithHosts(plan: Plan, settings: SwarmSettings, hosts: readonly SwarmHost[]): string[] {
  const nodeKey = nodeLabelKey(settings, plan.name);
  const zoneKey = settings.labels.zone;
  const labelled = hosts.filter(({ labels }) => labels[nodeKey] !== undefined);
  const problems: string[] = [];
  if (labelled.length < plan.nodes.length) {
    problems.push(
      `the spec has ${plan.nodes.length} nodes, and ${labelled.length} of the Swarm's ${hosts.length} hosts have the label ${nodeKey}; "ashlar swarm label" gives it`,
    );
  }
  for (const node of plan.nodes) {
    const own = labelled.filter(({ labels }) => labels[nodeKey] === node.name);
    if (own.length === 0) problems.push(`no host has the label ${nodeKey}=${node.name}`);
    if (own.length > 1)
      problems.push(
        `${own.map(({ hostname }) => hostname).join(' and ')} have the same label ${nodeKey}=${node.name}: two hosts would take turns in running it`,
      );
    for (const host of own) {
      const zone = host.labels[zoneKey];
      if (zone !== node.zone)
        problems.push(
          `host ${host.hostname} of node ${node.name} has the label ${zoneKey}=${zone ?? ''}, and the spec says zone ${node.zone}`,
        );
      if (host.state !== 'ready') problems.push(`host ${host.hostname} of node ${node.name} is ${host.state}`);
      if (host.availability !== 'active')
        problems.push(
          `host ${host.hostname} of node ${node.name} takes no tasks (availability ${host.availability}); docker node update --availability active ${host.hostname}`,
        );
      if (isOlder(host.engineVersion))
        problems.push(
          `host ${host.hostname} has engine ${host.engineVersion}; ${ENGINE_VERSION_MIN.join('.')} is the least`,
        );
    }
  }
  return problems;
}

function problemsWithNetwork(
  plan: Plan,
  { network: wanted }: SwarmSettings,
  network: ExistingNetwork | null,
): string[] {
  if (wanted.mode === 'host' || network === null) return [];
  const remedy =
    'a network cannot be changed: change the setting back, or destroy the cluster (its data stays) and deploy it anew';
  const mtu = overlayMtu(wanted.linkMtu);
  return [
    ...(network.driver === 'overlay'
      ? []
      : [`there is a network ${plan.name} already, and its driver is ${network.driver}`]),
    ...(network.mtu === mtu || network.driver !== 'overlay'
      ? []
      : [`network ${plan.name} has MTU ${network.mtu ?? 'by default'}, and the settings say ${mtu}; ${remedy}`]),
    ...(network.subnets.includes(wanted.subnet) || network.driver !== 'overlay'
      ? []
      : [
          `network ${plan.name} has subnet ${network.subnets.join(', ')}, and the settings say ${wanted.subnet}; ${remedy}`,
        ]),
  ];
}

function problemsWithProbes(
  plan: Plan,
  settings: SwarmSettings,
  hosts: readonly SwarmHost[],
  probes: ReadonlyMap<string, HostProbe>,
): string[] {
  const problems: string[] = [];
  for (const node of plan.nodes) {
    const host = hostOf(plan, settings, hosts, node.name);
    const probe = probes.get(node.name);
    if (host === undefined || probe === undefined) continue;
    if (probe.kind === 'failed') {
      problems.push(`host ${host.hostname}: ${probe.reason}`);
      continue;
    }
    for (const { path, isMountPoint, isWritable } of probe.directories) {
      if (!isMountPoint && settings.mountPoints === 'required')
        problems.push(
          `host ${host.hostname}: nothing is mounted at ${path}, so its data would go to the disk of the system; mount the drive, or write mountPoints: "optional"`,
        );
      if (!isWritable)
        problems.push(
          `host ${host.hostname}: ${path} cannot be written by the storage node; chown ${probe.uid}:${probe.uid} ${path}`,
        );
    }
    if (Math.abs(probe.clockSkewMs) > CLOCK_SKEW_MS_MAX)
      problems.push(
        `host ${host.hostname}: its clock is ${(probe.clockSkewMs / 1_000).toFixed(0)} s off; let it follow a time server`,
      );
    const linkMtu = settings.network.mode === 'overlay' ? settings.network.linkMtu : 0;
    if (probe.linkMtu !== null && probe.linkMtu < linkMtu)
      problems.push(
        `host ${host.hostname}: the link of ${host.address} has MTU ${probe.linkMtu}, and the settings say network.linkMtu ${linkMtu}`,
      );
  }
  return problems;
}

function remarksOnManagers(plan: Plan, { labels }: SwarmSettings, hosts: readonly SwarmHost[]): string[] {
  const managers = hosts.filter(({ isManager }) => isManager);
  if (managers.length < 3) {
    return [
      `the Swarm has ${managers.length === 1 ? 'one manager' : `${managers.length} managers`}: without it the cluster runs on, and nothing is restarted or deployed; three in three zones survive one`,
    ];
  }
  const majority = Math.floor(managers.length / 2) + 1;
  const crowded = plan.zones.find(
    (zone) => managers.filter((host) => host.labels[labels.zone] === zone).length > managers.length - majority,
  );
  return crowded === undefined ? [] : [`zone ${crowded} has so many managers that the Swarm stands still without it`];
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return major < ENGINE_VERSION_MIN[0] || (major === ENGINE_VERSION_MIN[0] && minor < ENGINE_VERSION_MIN[1]);
}
