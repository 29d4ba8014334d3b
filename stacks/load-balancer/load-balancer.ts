// What a load balancer in front of a cluster must know, as a value: made from the plan and from what only the place where it
// runs can say (ports, certificate, zone, how nodes are named there). The renderers turn it into files; nothing is decided there
// that is not the same for every balancer. Pure.
import { isIP } from 'node:net';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import type { Engine } from '../../spec/cluster-spec.ts';
import { ADDRESS_PATTERN, splitAddress } from '../../spec/quantities.ts';

export interface LoadBalancerProps {
  /** Where clients come in; host null: every address of the machine. null: every address, on the port of the spec's endpoint. */
  readonly listen: SocketAddress | null;
  readonly tls: Tls;
  /** The zone that the balancer is in, whose nodes it prefers; null: all nodes alike. */
  readonly zone: string | null;
  /** Where statistics are served; they are open to whoever reaches that port. */
  readonly stats: SocketAddress;
  /** HOST[:PORT] of a node with {node}, {zone} and {host} in it, instead of the addresses of the plan; null: those of the plan. */
  readonly nodeAddress: string | null;
  /** DNS servers that names of nodes are asked of, again and again; empty: those of the machine. */
  readonly nameServers: readonly SocketAddress[];
}

export interface SocketAddress {
  readonly host: string | null;
  readonly port: number;
}

export type Tls =
  | { readonly kind: 'none' }
  /** One PEM file on the balancer's machine: the certificate, its chain, its key. */
  | { readonly kind: 'terminate'; readonly certificatePath: string }
  /** Bytes are passed as they are; what answers at the nodes' addresses must speak TLS. */
  | { readonly kind: 'passthrough' };

export interface LoadBalancer {
  readonly cluster: string;
  readonly listen: SocketAddress;
  readonly tls: Tls;
  readonly stats: SocketAddress;
  readonly nodes: readonly BalancedNode[];
  /** null: all nodes alike. Otherwise the zone's nodes alone serve as long as so many of them are ready. */
  readonly near: { readonly zone: string; readonly readyMin: number } | null;
  /** Whether a node has a name that may come to mean another address. */
  readonly hasNames: boolean;
  readonly nameServers: readonly SocketAddress[];
  /** Under these, lower case, the first label of a host name is a bucket. */
  readonly domains: readonly string[];
  /** Answers 200 when the node can serve clients. */
  readonly readyPath: string;
  /** What is the nodes' own and not for clients; null: the engine has its own way to protect it. */
  readonly reserved: { readonly prefix: string; readonly openPrefix: string; readonly metricsPath: string } | null;
}

export interface BalancedNode {
  readonly name: string;
  readonly zone: string;
  readonly host: string;
  readonly port: number;
}

/** Says everything that stands against it. */
export class LoadBalancerError extends Error {
  override readonly name = 'LoadBalancerError';
  readonly kind = 'input';
}

const NODE_PORT = 9000;
const HTTP_PORT = 9000;
const HTTPS_PORT = 443;

/** Without the characters that a configuration file or a shell would take apart. */
const FILE_PATH = /^(?:\/[A-Za-z0-9._@+-]+)+$/;

const READY_PATHS: Readonly<Record<Engine, string>> = {
  ashlar: '/_ashlar/health/ready',
  rustfs: '/health/ready',
  minio: '/minio/health/ready',
};

/** Throws LoadBalancerError. */
export function loadBalancerOf(plan: Plan, props: LoadBalancerProps): LoadBalancer {
  const problems: string[] = [];
  if (!plan.verdict.safe) {
    problems.push(...plan.verdict.reasons.map((reason) => `the plan is not safe: ${reason} ("ashlar plan" says more)`));
  }
  const nodes = plan.nodes.flatMap((node) => balancedNode(node, props.nodeAddress, problems));
  refuseSameAddress(nodes, problems);
  const listen = props.listen ?? {
    host: null,
    port: plan.endpoint.port ?? (props.tls.kind === 'none' ? HTTP_PORT : HTTPS_PORT),
  };
  if (listen.port === props.stats.port && sharesHost(listen, props.stats)) {
    problems.push(`clients and statistics cannot both have port ${listen.port}; give one of them another`);
  }
  if (props.tls.kind === 'terminate' && !FILE_PATH.test(props.tls.certificatePath)) {
    problems.push(
      `the certificate ${props.tls.certificatePath} is not an absolute path of letters, digits and . _ @ + - ` +
        '(it is read on the machine that the balancer runs on)',
    );
  }
  const hasNames = nodes.some(({ host }) => isName(host));
  if (props.nameServers.length > 0 && nodes.length > 0 && !hasNames) {
    problems.push('all nodes have numeric addresses, so there is nothing to ask a name server for');
  }
  const near = nearOf(plan, props.zone, problems);
  if (problems.length > 0) throw new LoadBalancerError(problemText(plan.name, problems));
  return {
    cluster: plan.name,
    listen,
    tls: props.tls,
    stats: props.stats,
    nodes,
    near,
    hasNames,
    nameServers: props.nameServers,
    domains: plan.domains,
    readyPath: READY_PATHS[plan.engine],
    reserved:
      plan.engine === 'ashlar'
        ? { prefix: '/_ashlar/', openPrefix: '/_ashlar/health/', metricsPath: '/metrics' }
        : null,
  };
}

/** Nodes of the balancer's own zone, and the others; without a zone of its own all are near. */
export function byDistance({ nodes, near }: LoadBalancer): {
  near: readonly BalancedNode[];
  far: readonly BalancedNode[];
} {
  if (near === null) return { near: nodes, far: [] };
  return {
    near: nodes.filter(({ zone }) => zone === near.zone),
    far: nodes.filter(({ zone }) => zone !== near.zone),
  };
}

export function addressText({ host, port }: SocketAddress): string {
  return `${host ?? ''}:${port}`;
}

function balancedNode(node: PlanNode, template: string | null, problems: string[]): BalancedNode[] {
  const address = template === null ? plannedAddress(node, problems) : templateAddress(node, template, problems);
  if (address === null) return [];
  return [{ name: node.name, zone: node.zone, host: address.host, port: address.port ?? NODE_PORT }];
}

function plannedAddress({ host, port }: PlanNode, problems: string[]): { host: string; port: number | null } | null {
  if (host !== null) return { host, port };
  // A spec gives addresses to all nodes or to none.
  reportOnce(
    'the spec gives the nodes no addresses; give every node one (nodes: {a1: {zone: a, address: 10.0.0.1:9000, …}, …}), or say what ' +
      'they are called where the balancer runs, for instance --node-address {node}',
    problems,
  );
  return null;
}

function reportOnce(problem: string, problems: string[]): null {
  if (!problems.includes(problem)) problems.push(problem);
  return null;
}

function templateAddress(
  node: PlanNode,
  template: string,
  problems: string[],
): { host: string; port: number | null } | null {
  // What is wrong with the pattern is wrong for every node.
  const report = (problem: string) => reportOnce(problem, problems);
  const unknown = [...template.matchAll(/\{([^}]*)\}/g)].find(([, name]) => !['node', 'zone', 'host'].includes(name!));
  if (unknown !== undefined)
    return report(`${unknown[0]} means nothing in --node-address; use {node}, {zone} or {host}`);
  if (template.includes('{host}') && node.host === null) {
    return report('--node-address speaks of {host}, and the spec gives the nodes no addresses; use {node}');
  }
  const text = template
    .replaceAll('{node}', node.name)
    .replaceAll('{zone}', node.zone)
    .replaceAll('{host}', node.host ?? '');
  if (!ADDRESS_PATTERN.test(text)) {
    return report(`--node-address ${template} gives "${text}", which is not HOST or HOST:PORT`);
  }
  const address = splitAddress(text);
  if (address.port !== null && (address.port < 1 || address.port > 65_535)) {
    return report(`--node-address ${template}: ${address.port} is not a port`);
  }
  return address;
}

function refuseSameAddress(nodes: readonly BalancedNode[], problems: string[]): void {
  const seen = new Map<string, string>();
  for (const node of nodes) {
    const address = addressText(node);
    const other = seen.get(address);
    if (other !== undefined) {
      problems.push(
        `nodes ${other} and ${node.name} would both be at ${address}; every node needs an address of its own`,
      );
      return;
    }
    seen.set(address, node.name);
  }
}

/** Half of the zone, rounded up: with less, its last nodes would carry more than twice their share. */
function nearOf(plan: Plan, zone: string | null, problems: string[]): LoadBalancer['near'] {
  if (zone === null) return null;
  const count = plan.nodes.filter((node) => node.zone === zone).length;
  if (count > 0) return count === plan.nodes.length ? null : { zone, readyMin: Math.ceil(count / 2) };
  problems.push(`there is no zone ${zone}; the zones are ${plan.zones.join(', ')}`);
  return null;
}

function sharesHost(a: SocketAddress, b: SocketAddress): boolean {
  const everywhere = [null, '0.0.0.0', '[::]'];
  return a.host === b.host || everywhere.includes(a.host) || everywhere.includes(b.host);
}

function isName(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) === 0;
}

function problemText(cluster: string, problems: readonly string[]): string {
  if (problems.length === 1) return `no load balancer can be rendered for ${cluster}: ${problems[0]}`;
  return [`no load balancer can be rendered for ${cluster}:`, ...problems.map((problem) => `  - ${problem}`)].join(
    '\n',
  );
}
