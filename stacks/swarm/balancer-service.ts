// The load balancers of a cluster on a Swarm: one HAProxy for each zone, which prefers that zone's nodes. Its configuration is what
// `ashlar render load-balancer` writes, with the names that nodes have in the overlay network. Pure.
import { createHash } from 'node:crypto';
import type { Plan } from '../../plan/plan.ts';
import { loadBalancerOf } from '../load-balancer/load-balancer.ts';
import { renderHaproxy } from '../load-balancer/render-haproxy.ts';
import type { SwarmSettings } from './settings.ts';
import { familiarImage, sorted } from './storage-service.ts';
import type { SwarmConfig, SwarmService } from './swarm-stack.ts';

const CONFIG_FILE = '/usr/local/etc/haproxy/haproxy.cfg';
const DEFAULT_PORT = 8080;
const STATS_PORT = 8404;
/** Docker's own name server, as every container sees it. */
const DOCKER_NAME_SERVER = { host: '127.0.0.11', port: 53 };

export function balancerPort(plan: Plan, settings: SwarmSettings): number {
  return settings.balancer?.port ?? plan.endpoint.port ?? DEFAULT_PORT;
}

export function balancerServiceName(cluster: string, zone: string): string {
  return `${cluster}-balancer-${zone}`;
}

/** Throws LoadBalancerError. */
export function balancerConfig(plan: Plan, zone: string, settings: SwarmSettings): SwarmConfig {
  const isOverlay = settings.network.mode === 'overlay';
  const text = renderHaproxy(
    loadBalancerOf(plan, {
      listen: { host: null, port: balancerPort(plan, settings) },
      tls: { kind: 'none' },
      zone,
      // Seen by the other services only, and on the host network by the host alone.
      stats: { host: isOverlay ? null : '127.0.0.1', port: STATS_PORT },
      nodeAddress: isOverlay ? '{node}' : null,
      nameServers: isOverlay ? [DOCKER_NAME_SERVER] : [],
    }),
  );
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { name: `${balancerServiceName(plan.name, zone)}-${digest}`, text };
}

export function balancerService(
  plan: Plan,
  zone: string,
  config: SwarmConfig,
  settings: SwarmSettings,
  image: string,
): SwarmService {
  const isOverlay = settings.network.mode === 'overlay';
  const port = balancerPort(plan, settings);
  return {
    name: balancerServiceName(plan.name, zone),
    image: familiarImage(image),
    hostname: `balancer-${zone}`,
    aliases: isOverlay ? [`balancer-${zone}`] : [],
    // -W: a master process, which passes the stop signal on; -db: in the foreground.
    args: ['haproxy', '-W', '-db', '-f', CONFIG_FILE],
    environment: {},
    user: null,
    readOnly: true,
    dropsCapabilities: false,
    mounts: [{ kind: 'tmpfs', target: '/tmp' }],
    secrets: [],
    secretsOwner: { uid: '0', gid: '0' },
    configs: [{ name: config.name, target: CONFIG_FILE }],
    constraints: [`node.labels.${settings.labels.zone} == ${zone}`],
    ports: isOverlay ? [{ target: port, published: port }] : [],
    health: { kind: 'none' },
    // Soft: it finishes the requests under way.
    stopSignal: 'SIGUSR1',
    stopGracePeriod: settings.stopGracePeriod,
    resources: { memoryLimitBytes: null, memoryReservationBytes: null, cpuLimit: null, cpuReservation: null },
    logging: { driver: settings.logging.driver, options: sorted(settings.logging.options) },
    labels: { 'ashlar.balancer': zone, 'ashlar.cluster': plan.name },
    convergeTimeout: settings.convergeTimeout,
  };
}
