// Plan and settings in, the whole Swarm stack out: pure, the same value for the same input, and refused with every reason at once
// before anything is touched when it could not work.
import { createHmac } from 'node:crypto';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import { type ClusterSecrets, SECRET_FILES } from '../secret-files.ts';
import { balancerConfig, balancerPort, balancerService } from './balancer-service.ts';
import { refusal } from './errors.ts';
import { rolloutOf } from './rollout.ts';
import { nodeLabelKey, overlayMtu, type SwarmSettings } from './settings.ts';
import { problemsWith } from './stack-problems.ts';
import { portOf, storageService } from './storage-service.ts';
import { gatewayOf } from './subnet.ts';
import type { RunningService } from './swarm-facts.ts';
import type { OverlayNetwork, SwarmConfig, SwarmSecret, SwarmService, SwarmStack } from './swarm-stack.ts';

export interface DescribeProps {
  readonly plan: Plan;
  readonly settings: SwarmSettings;
  /** null with external secrets. */
  readonly secrets: ClusterSecrets | null;
  /** What runs already; null where nobody looked. */
  readonly running: readonly RunningService[] | null;
}

/** Throws SwarmError. */
export function describeSwarm({ plan, settings, secrets: values, running }: DescribeProps): SwarmStack {
  const problems = problemsWith(plan, settings, values !== null);
  if (problems.length > 0) throw refusal(`${plan.name} cannot be deployed on a Swarm like this`, problems);
  const network = networkOf(plan, settings);
  const secrets = secretsOf(plan, settings, values);
  const founders = settings.founders ?? plan.nodes.map(({ name }) => name);
  const storage = plan.nodes.map((node) => storageService(plan, node, peersOf(node, plan, founders), settings));
  const balanced = balancers(plan, settings);
  const parts = { network, secrets, configs: balanced.configs, services: [...storage, ...balanced.services] };
  return {
    cluster: plan.name,
    ...parts,
    ...rolloutOf(plan, settings, parts, running ?? []),
    gateEndpoints: gateEndpointsOf(plan, settings),
    endpoints: endpointsOf(plan, settings),
  };
}

/**
 * A bootstrap list that stays what it was when the node was created: growth adds members through the cluster map, and a changed
 * list would restart every node for nothing.
 */
function peersOf(node: PlanNode, plan: Plan, founders: readonly string[]): readonly PlanNode[] {
  return founders.includes(node.name) ? plan.nodes.filter(({ name }) => founders.includes(name)) : plan.nodes;
}

function networkOf(plan: Plan, { network }: SwarmSettings): OverlayNetwork | null {
  if (network.mode === 'host') return null;
  return {
    name: plan.name,
    subnet: network.subnet,
    // Docker would choose the same and report it, and the provider would take that for a difference and replace the network.
    gateway: gatewayOf(network.subnet),
    mtu: overlayMtu(network.linkMtu),
  };
}

function secretsOf(plan: Plan, settings: SwarmSettings, values: ClusterSecrets | null): SwarmSecret[] {
  const needsClusterSecret = plan.engine === 'ashlar';
  if (settings.secrets.kind === 'external') {
    const { clusterSecret, rootUser, rootPassword } = settings.secrets;
    const external = (file: string, { name, id }: { name: string; id: string }): SwarmSecret => ({
      file,
      name,
      source: { kind: 'external', id },
    });
    return [
      ...(clusterSecret === undefined || !needsClusterSecret
        ? []
        : [external(SECRET_FILES.clusterSecret, clusterSecret)]),
      external(SECRET_FILES.rootPassword, rootPassword),
      external(SECRET_FILES.rootUser, rootUser),
    ];
  }
  if (values === null) return [];
  const managed = (file: string, value: string): SwarmSecret => ({
    file,
    name: `${plan.name}-${file}-${secretDigest(values.clusterSecret, file, value)}`,
    source: { kind: 'managed', value },
  });
  return [
    ...(needsClusterSecret ? [managed(SECRET_FILES.clusterSecret, values.clusterSecret)] : []),
    managed(SECRET_FILES.rootPassword, values.secretAccessKey),
    managed(SECRET_FILES.rootUser, values.accessKeyId),
  ];
}

/**
 * Names of secrets are no secret. Under the random cluster secret as a key, because from a bare hash a weak password could be
 * found by trying.
 */
function secretDigest(key: string, file: string, value: string): string {
  return createHmac('sha256', key).update(`${file}\0${value}`).digest('hex').slice(0, 12);
}

function balancers(plan: Plan, settings: SwarmSettings): { configs: SwarmConfig[]; services: SwarmService[] } {
  const { balancer } = settings;
  if (balancer === null) return { configs: [], services: [] };
  const configs = plan.zones.map((zone) => balancerConfig(plan, zone, settings));
  const services = plan.zones.map((zone, index) =>
    balancerService(plan, zone, configs[index]!, settings, balancer.image),
  );
  return { configs, services };
}

/** On the host network nothing is published, and every node has an address. */
function gateEndpointsOf(plan: Plan, { gate, network }: SwarmSettings): readonly string[] {
  if (gate.endpoints.length > 0 || network.mode === 'overlay') return gate.endpoints;
  return plan.nodes.map((node) => `http://${node.host}:${portOf(node)}`);
}

function endpointsOf(plan: Plan, settings: SwarmSettings): string[] {
  if (plan.endpoint.host !== null)
    return [`http://${plan.endpoint.host}:${plan.endpoint.port ?? balancerPort(plan, settings)}`];
  if (settings.balancer !== null) {
    return plan.zones.map((zone) => `http://<host of zone ${zone}>:${balancerPort(plan, settings)}`);
  }
  if (settings.network.mode === 'overlay' && !settings.publish) {
    return plan.nodes.map((node) => `http://${node.name}:${portOf(node)} (in network ${plan.name})`);
  }
  const label = nodeLabelKey(settings, plan.name);
  return plan.nodes.map((node) => `http://${node.host ?? `<host with ${label}=${node.name}>`}:${portOf(node)}`);
}
