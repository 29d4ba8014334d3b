// One storage node as a running server: HTTP for clients and operators, the same port for the other nodes, the drives behind
// it. Put together here from its parts; nothing else in node/ chooses a real clock, disk or network.
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { admin, type HealthAnswer } from './admin/admin.ts';
import { asLog } from './admin/log.ts';
import { createMetrics } from './admin/metrics.ts';
import { StorageNode } from './cluster/node.ts';
import { UnavailableError } from './cluster/registers.ts';
import type { ServerConfig } from './config.ts';
import { schemeText } from './core/cluster-map.ts';
import { deferredStore } from './deferred-store.ts';
import { type RequestsUnderWay, watchRequests } from './drain.ts';
import { helloFormat } from './format/membership-formats.ts';
import { sleep, systemClock } from './io/clock.ts';
import { createPeerNetwork, type PeerNetwork } from './io/network-real.ts';
import { systemRandom } from './io/random.ts';
import { openLocalDrives } from './open-drives.ts';
import { addressOf, findOwnEndpoints } from './own-endpoints.ts';
import { s3, s3ServerOptions } from './s3/server.ts';
import { metricsSnapshot } from './snapshot.ts';

export interface RunningServer {
  /** Rejects with what makes it pointless to go on: StartRefusedError, or an error nobody foresaw. */
  readonly joined: Promise<void>;
  /**
   * Is no longer ready but serves on for the time that was set; then takes no new requests, lets those under way finish for a
   * while, and closes the drives.
   */
  stop(): Promise<void>;
}

/** Listens at once; joins the cluster in its own time. Rejects when it cannot listen. */
export async function startServer(config: ServerConfig, logger: Logger): Promise<RunningServer> {
  const log = asLog(logger);
  const clock = systemClock();
  const random = systemRandom();
  const addresses = new Map<string, string>();
  let name = config.name ?? '';
  let node: StorageNode | null = null;
  let isStopping = false;
  const joined = Promise.withResolvers<void>();
  const network = createPeerNetwork({
    self: () => name,
    clock,
    random,
    clusterSecret: config.clusterSecret,
    resolve: (peer) => addresses.get(peer) ?? addressInMap(node, peer),
    hello: () => helloFormat.encode(node?.hello() ?? helloBeforeDrives(config)),
    log,
  });
  const metrics = createMetrics({
    node: config.name ?? `${config.listen.host}:${config.listen.port}`,
    zone: config.zone,
    snapshot: async () => (node === null ? null : metricsSnapshot(node, network)),
  });
  const app: FastifyInstance = Fastify({
    ...s3ServerOptions(config.domains),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
  });
  const joinedOnly = () => {
    const serving = node?.serving ?? null;
    if (serving === null) throw new UnavailableError('this node has not joined its cluster yet');
    return serving;
  };
  await app.register(admin, {
    clusterSecret: config.clusterSecret,
    live: () => OK,
    ready: () => (isStopping ? STOPPING : readiness(node)),
    spare: async (target) => joinedOnly().status.spare(target),
    status: async () => (await node?.serving?.status.whole()) ?? null,
    replaceDrive: async (slot) => {
      joinedOnly();
      await node?.member.replaceDrive(slot);
    },
    startScrub: async () => joinedOnly().status.startScrub(),
    metrics,
  });
  await app.register(s3, {
    store: deferredStore({ current: () => node?.serving?.store ?? null, joined: joined.promise, clock }),
    credentials: {
      lookup: (accessKeyId) =>
        accessKeyId === config.rootUser ? { secretAccessKey: config.rootPassword, principal: 'root' } : null,
    },
    clock,
    random,
    region: config.region,
    domains: config.domains,
    nodeName: () => name,
    observe: (observation) => metrics.observe(observation),
  });
  const requests = watchRequests(app.server, clock);
  app.server.on('upgrade', (request, socket, head) => network.handleUpgrade(request, socket, head));
  await listen(app, config);
  const join = async () => {
    const own = await findOwnEndpoints({
      endpoints: config.endpoints,
      name: config.name,
      listen: config.listen,
      isSelf: async (address) => (await network.probe(address)).processId === network.processId,
      clock,
      log,
    });
    name = own.name;
    const directories = own.endpoints.map(({ driveName, path }) => ({
      slot: `${name}/${driveName}`,
      path,
      walPath: config.walPath,
    }));
    const drives = await openLocalDrives(directories, { clock, random, log });
    node = new StorageNode({
      name,
      zone: config.zone,
      scheme: schemeText(config.scheme),
      endpoints: config.endpoints.map((endpoint) => endpoint.url),
      addresses: [...new Set(config.endpoints.map(addressOf))],
      drives,
      network,
      introductions: {
        probe: async (address) => {
          const probed = await network.probe(address);
          addresses.set(probed.name, address);
          return probed;
        },
      },
      clock,
      random,
      log: log.with({ node: name }),
      rssBytes: () => process.memoryUsage.rss(),
      limits: { scrubBytesPerSecond: config.scrubBytesPerSecond },
    });
    await node.start();
    log.info('this node belongs to its cluster', { node: name });
  };
  join().then(joined.resolve, joined.reject);
  return {
    joined: joined.promise,
    stop: async () => {
      isStopping = true;
      if (config.drainSeconds > 0) await sleep(clock, config.drainSeconds * 1_000);
      await stop(app, requests, network, node);
    },
  };
}

function addressInMap(node: StorageNode | null, peer: string): string | null {
  if (!node?.member.joined) return null;
  const { nodes } = node.member.running.topology.current().map;
  return nodes.find(({ name }) => name === peer)?.address ?? null;
}

/** A large body on a slow line takes longer; its client must try again elsewhere. */
const DRAIN_DEADLINE_MS = 10_000;

const OK: HealthAnswer = { ok: true, reasons: [] };
const STOPPING: HealthAnswer = { ok: false, reasons: ['the node was told to stop'] };

function readiness(node: StorageNode | null): HealthAnswer {
  if (node?.ready()) return OK;
  const reason =
    node?.serving == null ? 'the node has not joined its cluster yet' : 'the node is still catching up with the others';
  return { ok: false, reasons: [reason] };
}

function helloBeforeDrives(config: ServerConfig) {
  return {
    zone: config.zone,
    scheme: schemeText(config.scheme),
    endpoints: config.endpoints.map((endpoint) => endpoint.url),
    drives: null,
    clusterId: null,
    founded: false,
    map: null,
  };
}

async function listen(app: FastifyInstance, { listen: { host, port } }: ServerConfig): Promise<void> {
  await app.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port });
}

/** Other nodes' connections keep the server from ending, so they are closed between the last answer and its end. */
async function stop(
  app: FastifyInstance,
  requests: RequestsUnderWay,
  network: PeerNetwork,
  node: StorageNode | null,
): Promise<void> {
  const ended = app.close();
  await requests.done(DRAIN_DEADLINE_MS);
  await node?.stop();
  network.close();
  app.server.closeAllConnections();
  await ended;
}
