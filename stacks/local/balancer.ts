// The one endpoint in front of the nodes of a local cluster: every client connection is forwarded, byte for byte, to a node
// that says it is ready. The loss of a node costs a client no more than the connections that it had to that node. Why TCP
// and not HTTP: docs/decisions/0020-the-local-balancer-forwards-tcp.md.
import { createServer, type Server, type Socket } from 'node:net';
import { type ProbeProps, type ReadyListener, Target } from './balancer-target.ts';
import type { NodeAddress } from './node-client.ts';
import { refuse, splice } from './splice.ts';

export interface BalancerProps {
  readonly listen: NodeAddress;
  readonly nodes: readonly { readonly name: string; readonly address: NodeAddress }[];
  /** Told when a node starts or stops being ready. */
  readonly onChange?: ReadyListener;
  readonly probe?: ProbeProps;
}

export interface Balancer {
  /** The one that the kernel gave when port 0 was asked for. */
  readonly port: number;
  /** Takes no new connections, waits for those there are, and cuts what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** Cutting is for nodes that hang, not for slow ones: with all of a cluster on two cores, seconds without an answer happen. */
const PROBE: ProbeProps = { intervalMs: 500, timeoutMs: 2_000, cutAfter: 5 };

/** Rejects when the port cannot be listened on. Every node has been asked once before the first connection is taken. */
export async function startBalancer(props: BalancerProps): Promise<Balancer> {
  const clients = new Set<Socket>();
  const onChange = props.onChange ?? (() => {});
  const targets = props.nodes.map(({ name, address }) => new Target(name, address, props.probe ?? PROBE, onChange));
  let given = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => {});
    void forward(client, targets, () => ++given);
  });
  const stop = () => {
    for (const target of targets) target.stop();
  };
  try {
    await Promise.all(targets.map((target) => target.watch()));
    await listen(server, props.listen);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    port: (server.address() as { port: number }).port,
    close: (deadlineMs) => {
      stop();
      return close(server, clients, deadlineMs);
    },
  };
}

export interface Candidate {
  readonly ready: boolean;
  readonly connections: number;
  /** Larger is later. */
  readonly lastGiven: number;
}

/**
 * In which order a new connection tries the nodes: ready ones first, among them the one with the fewest connections, among
 * equals the one that has waited longest. The others come last but do come, because an answer from half a second ago may be
 * out of date, and a node that is not ready explains itself better than this balancer can.
 */
export function preference<T extends Candidate>(nodes: readonly T[]): T[] {
  return [...nodes].sort(
    (a, b) => Number(b.ready) - Number(a.ready) || a.connections - b.connections || a.lastGiven - b.lastGiven,
  );
}

async function forward(client: Socket, targets: readonly Target[], nextTurn: () => number): Promise<void> {
  for (const target of preference(targets)) {
    target.lastGiven = nextTurn();
    const upstream = await target.connect();
    if (client.destroyed) {
      upstream?.destroy();
      return;
    }
    if (upstream !== null) {
      splice(client, upstream);
      return;
    }
  }
  refuse(client);
}

function listen(server: Server, { host, port }: NodeAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(server: Server, clients: ReadonlySet<Socket>, deadlineMs: number): Promise<void> {
  const timer = setTimeout(() => {
    for (const client of clients) client.resetAndDestroy();
  }, deadlineMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(timer);
}
