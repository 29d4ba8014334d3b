// Everything that stands against running a plan on Kubernetes with these settings, a sentence each. Pure.
import { isIP } from 'node:net';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import { unsafeReasons } from '../../plan/verdict.ts';
import { disruptionBudget } from './disruption.ts';
import { containerPath, engineParts, peersOf } from './engine.ts';
import { problemsWithExposure } from './exposure-problems.ts';
import {
  balancerName,
  claimTemplateName,
  clientServiceName,
  nodesOfZone,
  nodesServiceName,
  statefulSetName,
} from './names.ts';
import { volumeHosts } from './services.ts';
import { type KubernetesSettings, MEMORY_LIMIT_MIN_BYTES, zoneValue } from './settings.ts';
import { driveBytes, hostOf } from './volumes.ts';

/** Of a StatefulSet: its pods have a label with its name and a digest of eleven letters, and labels hold 63. */
const STATEFUL_SET_NAME_MAX = 52;
const SERVICE_NAME = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const VOLUME_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** After the drain, what is under way may take ten seconds, and closing the drives some more. */
const STOP_SECONDS = 15;

export function problemsWith(plan: Plan, settings: KubernetesSettings, hasSecrets: boolean): string[] {
  if (!plan.verdict.safe) return unsafeReasons(plan.verdict);
  return [
    ...problemsWithNames(plan, settings),
    ...plan.zones.flatMap((zone) => problemsWithZone(plan, zone)),
    ...problemsWithZones(plan, settings),
    ...problemsWithVolumes(plan, settings),
    ...problemsWithSets(plan),
    ...problemsWithPods(plan, settings),
    ...problemsWithExposure(plan, settings),
    ...(hasSecrets || settings.secrets.kind === 'external'
      ? []
      : [`${plan.name} has no secrets yet; "ashlar kubernetes secrets" makes them, once`]),
  ];
}

function problemsWithNames(plan: Plan, settings: KubernetesSettings): string[] {
  const names = plan.nodes.map(({ name }) => name);
  const hosts = settings.volumes.kind === 'local' ? Object.keys(settings.volumes.hosts) : [];
  const given: [where: string, what: string, name: string, known: readonly string[]][] = [
    ...(settings.founders ?? []).map((name): [string, string, string, string[]] => ['founders', 'node', name, names]),
    ...hosts.map((name): [string, string, string, string[]] => ['volumes.hosts', 'node', name, names]),
    ...Object.keys(settings.zones).map((name): [string, string, string, readonly string[]] => [
      'zones',
      'zone',
      name,
      plan.zones,
    ]),
  ];
  const long = [nodesServiceName(plan), clientServiceName(plan), balancerName(plan)].filter((name) => name.length > 63);
  return [
    ...given
      .filter(([, , name, known]) => !known.includes(name))
      .map(([where, what, name]) => `${where} names ${name}, and the spec has no such ${what}`),
    ...(/^[a-z]/.test(plan.name)
      ? []
      : [`the name ${plan.name} does not begin with a letter, as services of Kubernetes must; rename the cluster`]),
    ...long.map((name) => `the service ${name} would have ${name.length} letters in its name, and 63 are allowed`),
    ...plan.zones
      .map((zone) => statefulSetName(plan, zone))
      .filter((name) => name.length > STATEFUL_SET_NAME_MAX)
      .map(
        (name) =>
          `the StatefulSet ${name} would have ${name.length} letters in its name, and ${STATEFUL_SET_NAME_MAX} are allowed; shorten the cluster's name or the zone's`,
      ),
  ];
}

/** The pods of a StatefulSet are alike. */
function problemsWithZone(plan: Plan, zone: string): string[] {
  const [first, ...rest] = nodesOfZone(plan, zone);
  const drivesOf = (node: PlanNode) => node.drives.map((drive) => containerPath(plan, drive)).join(', ');
  const other = rest.find((node) => drivesOf(node) !== drivesOf(first!));
  const otherWal = rest.find((node) => (node.wal === null) !== (first!.wal === null));
  return [
    ...(other === undefined
      ? []
      : [
          `zone ${zone}: the pods of a zone are alike, and ${first!.name} has drives ${drivesOf(first!)}, but ${other.name} has ${drivesOf(other)}; ` +
            'give all nodes of a zone the same drives, or make two zones of it',
        ]),
    ...(otherWal === undefined
      ? []
      : [
          `zone ${zone}: of ${first!.name} and ${otherWal.name} only one has a write-ahead log of its own; give it to all`,
        ]),
  ];
}

function problemsWithZones(plan: Plan, settings: KubernetesSettings): string[] {
  if (settings.zoneLabel === null) {
    return plan.zones.length === 1
      ? []
      : ['zoneLabel is null, and then nothing keeps the zones of the plan apart; write topology.kubernetes.io/zone'];
  }
  const values = plan.zones.map((zone) => zoneValue(settings, zone));
  return plan.zones
    .filter((_, index) => values.indexOf(values[index]!) !== index)
    .map((zone) => {
      const value = zoneValue(settings, zone);
      return `zones: ${plan.zones[values.indexOf(value)]} and ${zone} are both ${value} on Kubernetes, and would be lost together`;
    });
}

function problemsWithVolumes(plan: Plan, settings: KubernetesSettings): string[] {
  const { volumes } = settings;
  const problems: string[] = [];
  const drives = plan.nodes.flatMap((node) => node.drives.map((drive) => ({ node, drive })));
  for (const name of new Set(drives.map(({ drive }) => drive.name))) {
    if (!VOLUME_NAME.test(`data-${name}`))
      problems.push(
        `drive ${name}: volumes of Kubernetes have names of lower-case letters, digits and hyphens; name its directory so`,
      );
  }
  const unsized = drives.find(({ drive }) => driveBytes(drive, settings) === null);
  if (unsized !== undefined)
    problems.push(
      `nothing says how large drive ${unsized.drive.slot} is; write volumes.size, or a capacity in the spec`,
    );
  const grownFrom = volumes.kind === 'class' ? volumes.grownFrom : null;
  const shrunk = drives.find(({ drive }) => grownFrom !== null && (driveBytes(drive, settings) ?? 0) < grownFrom);
  if (shrunk !== undefined)
    problems.push(`volumes.grownFrom is more than drive ${shrunk.drive.slot} is to have; volumes never shrink`);
  const withWal = plan.nodes.find(({ wal }) => wal !== null);
  if (plan.engine !== 'ashlar') {
    if (withWal !== undefined || (volumes.kind === 'class' && volumes.wal !== null))
      problems.push(`${plan.engine} has no write-ahead log; take it out of the spec and the settings`);
  } else if (volumes.kind === 'class' && volumes.wal === null && withWal !== undefined) {
    problems.push(
      `node ${withWal.name} has a write-ahead log of its own, and its volume needs a size; write volumes.wal: {size: 16GiB}`,
    );
  }
  if (volumes.kind === 'class') return [...problems, ...unequalCapacities(plan)];
  const byHost = Map.groupBy(plan.nodes, (node) => hostOf(settings, node));
  for (const [host, nodes] of byHost) {
    if (nodes.length > 1)
      problems.push(
        `${nodes.map(({ name }) => name).join(' and ')} would be on the same host ${host}; a host runs one node of a cluster, so give that one all the drives`,
      );
  }
  return problems;
}

/** One claim template makes the volumes of all pods of a zone. */
function unequalCapacities(plan: Plan): string[] {
  return plan.zones.flatMap((zone) => {
    const byName = Map.groupBy(
      nodesOfZone(plan, zone).flatMap(({ drives }) => drives),
      claimTemplateName,
    );
    return [...byName.values()].flatMap(([first, ...rest]) => {
      const other = rest.find(({ capacityBytes }) => capacityBytes !== first!.capacityBytes);
      return other === undefined
        ? []
        : [
            `zone ${zone}: ${first!.slot} and ${other.slot} have different capacities, and a storage class makes the same volumes for all pods of a zone`,
          ];
    });
  });
}

/** Hosts in the volume arguments of RustFS and MinIO become services. */
function problemsWithSets(plan: Plan): string[] {
  if (plan.layout?.kind !== 'sets') return [];
  const plain = plan.layout.volumes.find((volume) => !volume.startsWith('http://'));
  if (plain !== undefined)
    return [`the volume argument ${plain} does not begin with http://, as it must with several nodes`];
  const own = [nodesServiceName(plan), clientServiceName(plan)];
  return [...volumeHosts(plan)].flatMap(([host, node]) => {
    if (own.includes(host)) return [`node ${node.name} and a service of the cluster would both be called ${host}`];
    if (SERVICE_NAME.test(host)) return [];
    const what = isIP(host) === 0 ? 'is no name of a service' : 'is an address, and pods have others each time';
    return [
      `the volumes of ${plan.engine} name node ${node.name} by ${host}, which ${what}; they need short names that begin with a letter`,
    ];
  });
}

function problemsWithPods(plan: Plan, settings: KubernetesSettings): string[] {
  const { resources, drainSeconds, stopGraceSeconds, maxUnavailable, environment } = settings;
  const ports = new Set(plan.nodes.map(({ port }) => port));
  const budget = disruptionBudget(plan);
  const [zone] = plan.zones;
  const own = engineParts(plan, zone!, peersOf(plan, zone!, null), { hasWal: false, drainSeconds }).environment;
  return [
    ...(ports.size > 1 ? ['nodes have different ports; pods have addresses of their own, so give all the same'] : []),
    ...(resources.memoryRequest > resources.memoryLimit
      ? ['resources: memoryRequest is more than memoryLimit allows']
      : []),
    ...(resources.cpuRequest > resources.cpuLimit ? ['resources: cpuRequest is more than cpuLimit allows'] : []),
    ...(resources.memoryLimit < MEMORY_LIMIT_MIN_BYTES
      ? ['resources: memoryLimit is less than 256MiB, which a node needs to start']
      : []),
    ...(drainSeconds + STOP_SECONDS > stopGraceSeconds
      ? [
          `stopGraceSeconds: ${stopGraceSeconds} is less than the ${drainSeconds + STOP_SECONDS} that a node may take to stop`,
        ]
      : []),
    ...(maxUnavailable !== null && maxUnavailable > budget
      ? [`maxUnavailable: ${maxUnavailable} is more than the plan survives: ${budget}`]
      : []),
    ...Object.keys(environment)
      .filter((name) => own.some((variable) => variable.name === name))
      .map((name) => `environment: ${name} is set by the stack itself; say it in the spec or the settings`),
  ];
}
