// Everything that stands against running a plan on a Swarm with these settings, a sentence each. Pure.
import { isIP } from 'node:net';
import type { Plan } from '../../plan/plan.ts';
import { unsafeReasons } from '../../plan/verdict.ts';
import { balancerPort, balancerServiceName } from './balancer-service.ts';
import { overlayMtu, type ResourceSettings, type SwarmSettings } from './settings.ts';
import { ownVariables, portOf, serviceNameOf } from './storage-service.ts';
import { hostsIn, problemWithSubnet } from './subnet.ts';

/** Docker takes no longer names for services; they are host names. */
const SERVICE_NAME_MAX = 63;
/** Of a secret's name (64) what is left beside "-cluster-secret-" and twelve digits. */
const CLUSTER_NAME_MAX = 36;
/** What IPv6, and with it Docker, asks of a link at the least. */
const OVERLAY_MTU_MIN = 1280;

export function problemsWith(plan: Plan, settings: SwarmSettings, hasSecrets: boolean): string[] {
  if (!plan.verdict.safe) return unsafeReasons(plan.verdict);
  return [
    ...problemsWithNames(plan, settings),
    ...problemsWithNodes(plan, settings),
    ...problemsWithNetwork(plan, settings),
    ...problemsWithSecrets(plan, settings, hasSecrets),
    ...problemsWithGate(plan, settings),
    ...problemsWithResources(settings),
    ...problemsWithEnvironment(plan, settings),
  ];
}

function problemsWithNames(plan: Plan, settings: SwarmSettings): string[] {
  const names = plan.nodes.map(({ name }) => name);
  const given = [
    ...Object.keys(settings.nodes).map((name) => ['nodes', name]),
    ...(settings.founders ?? []).map((name) => ['founders', name]),
  ];
  const services = [
    ...names.map((name) => serviceNameOf(plan.name, name)),
    ...(settings.balancer === null ? [] : plan.zones.map((zone) => balancerServiceName(plan.name, zone))),
  ];
  return [
    ...given
      .filter(([, name]) => !names.includes(name!))
      .map(([where, name]) => `${where} names ${name}, and the spec has no such node`),
    ...(plan.name.length > CLUSTER_NAME_MAX
      ? [`the name ${plan.name} is too long: on a Swarm it may have ${CLUSTER_NAME_MAX} letters`]
      : []),
    ...services
      .filter((name) => name.length > SERVICE_NAME_MAX)
      .map(
        (name) =>
          `the service ${name} would have ${name.length} letters in its name, and Docker allows ${SERVICE_NAME_MAX}; shorten the cluster's name or the node's`,
      ),
    ...services
      .filter((name, index) => services.indexOf(name) !== index)
      .map((name) => `there would be two services ${name}; rename that node`),
  ];
}

function problemsWithNodes(plan: Plan, settings: SwarmSettings): string[] {
  const problems: string[] = [];
  const isOverlay = settings.network.mode === 'overlay';
  const byHost = Map.groupBy(
    plan.nodes.filter(({ host }) => host !== null),
    ({ host }) => host,
  );
  for (const [host, nodes] of byHost) {
    if (nodes.length > 1) {
      problems.push(
        `${nodes.map(({ name }) => name).join(' and ')} have the same address ${host}; a host of the Swarm runs one node of a cluster, so give that one all the drives`,
      );
    }
  }
  for (const node of plan.nodes) {
    if (!isOverlay && node.host === null) {
      problems.push(
        `node ${node.name} has no address, and on the host network its peers know it by that; write nodes.${node.name}.address in the spec`,
      );
    }
    if (plan.engine === 'ashlar') continue;
    if (node.wal !== null) problems.push(`node ${node.name} has a write-ahead log, which ${plan.engine} has not`);
    if (isOverlay && node.host !== null && isIP(node.host) !== 0) {
      problems.push(
        `the volumes of ${plan.engine} name node ${node.name} by its address ${node.host}, which it does not have in an overlay network; use network {mode: host}`,
      );
    }
  }
  return problems;
}

function problemsWithNetwork(plan: Plan, settings: SwarmSettings): string[] {
  const problems: string[] = [];
  const { network, balancer } = settings;
  if (network.mode === 'overlay') {
    const wrong = problemWithSubnet(network.subnet);
    // Every task has an address, and every host one more for the network itself.
    const needed = 2 * (plan.nodes.length + (balancer === null ? 0 : plan.zones.length));
    if (wrong !== null) problems.push(`network.subnet: ${wrong}`);
    else if (hostsIn(network.subnet) < needed)
      problems.push(
        `network.subnet: ${network.subnet} has ${hostsIn(network.subnet)} addresses, and ${needed} may be needed; write a larger one (it cannot be changed later)`,
      );
    if (overlayMtu(network.linkMtu) < OVERLAY_MTU_MIN)
      problems.push(
        `network.linkMtu: ${network.linkMtu} leaves ${overlayMtu(network.linkMtu)} bytes for the overlay; ${OVERLAY_MTU_MIN} are the least`,
      );
  }
  if (balancer !== null && (network.mode === 'host' || settings.publish)) {
    const port = balancerPort(plan, settings);
    const [taken] = plan.nodes.filter((node) => portOf(node) === port);
    if (taken !== undefined)
      problems.push(
        `clients cannot come in on port ${port}: node ${taken.name} has it on its host; write another balancer.port`,
      );
  }
  return problems;
}

/** Without an address to ask at, every deploy but the first would stop at its first zone. */
function problemsWithGate(plan: Plan, { network, publish, gate }: SwarmSettings): string[] {
  const isReachable = network.mode === 'host' || publish || gate.endpoints.length > 0;
  return plan.engine !== 'ashlar' || isReachable
    ? []
    : [
        'gate.endpoints is missing: nothing is published, so say where the cluster can be asked, for instance at a load balancer',
      ];
}

function problemsWithSecrets(plan: Plan, { secrets, gate }: SwarmSettings, hasSecrets: boolean): string[] {
  if (secrets.kind === 'managed')
    return hasSecrets ? [] : [`${plan.name} has no secrets yet; "ashlar swarm secrets" makes them, once`];
  if (plan.engine !== 'ashlar') return [];
  return [
    ...(secrets.clusterSecret === undefined ? ['secrets.clusterSecret is missing: nodes know each other by it'] : []),
    ...(gate.secretFile === null
      ? [
          'gate.secretFile is missing: with external secrets, say where the machine of the deploy has the cluster secret',
        ]
      : []),
  ];
}

function problemsWithResources(settings: SwarmSettings): string[] {
  const all: [string, ResourceSettings | undefined][] = [
    ['resources', settings.resources],
    ...Object.entries(settings.nodes).map(([name, node]): [string, ResourceSettings | undefined] => [
      `nodes.${name}.resources`,
      node.resources,
    ]),
  ];
  return all.flatMap(([where, resources]) => {
    const { memoryLimit, memoryReservation, cpuLimit, cpuReservation } = resources ?? settings.resources;
    return [
      ...(memoryLimit !== null && memoryReservation !== null && memoryReservation > memoryLimit
        ? [`${where}: more memory is reserved than the limit allows`]
        : []),
      ...(cpuLimit !== null && cpuReservation !== null && cpuReservation > cpuLimit
        ? [`${where}: more processors are reserved than the limit allows`]
        : []),
    ];
  });
}

function problemsWithEnvironment(plan: Plan, settings: SwarmSettings): string[] {
  const own = ownVariables(plan);
  const given = [
    settings.environment,
    ...Object.values(settings.nodes).map(({ environment }) => environment ?? {}),
  ].flatMap(Object.keys);
  return [...new Set(given)]
    .filter((name) => own.includes(name))
    .map((name) => `environment: ${name} is set by the stack itself; say it in the spec`);
}
