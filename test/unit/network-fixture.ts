// Nodes with real sockets on loopback for the tests of the real network, and a wire between them that a test can disturb.
import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import type { NodeName } from '../../node/io/network.ts';
import { createPeerNetwork, type PeerNetwork } from '../../node/io/network-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryLog } from '../support/memory-log.ts';

export interface TestNode {
  readonly name: NodeName;
  readonly network: PeerNetwork;
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly address: string;
  readonly port: number;
  readonly received: { readonly from: NodeName; readonly frame: Buffer }[];
  readonly broken: NodeName[];
  /** Connections that have asked for the upgrade. */
  upgrades: number;
  stop(): Promise<void>;
}

export interface TestNodeOptions {
  readonly secret?: string;
  readonly hello?: string;
  readonly self?: () => NodeName;
  readonly port?: number;
}

/** Everything that a test starts, to be stopped after it. */
export class Lab {
  /** Where nodes look for each other; a test changes it to lead them through a wire or astray. */
  readonly addresses = new Map<NodeName, string>();
  readonly #stops: (() => Promise<void>)[] = [];

  async node(name: NodeName, options: TestNodeOptions = {}): Promise<TestNode> {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const network = createPeerNetwork({
      self: options.self ?? (() => name),
      clock,
      random: systemRandom(),
      clusterSecret: options.secret ?? 'the secret of the cluster',
      resolve: (peer) => this.addresses.get(peer) ?? null,
      hello: () => Buffer.from(options.hello ?? `hello from ${name}`),
      log,
    });
    const server = createServer((_, response) => response.writeHead(404).end());
    await listen(server, options.port ?? 0);
    const { port } = server.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}`;
    const stop = async () => {
      network.close();
      await closeServer(server);
    };
    const node: TestNode = { name, network, clock, log, address, port, received: [], broken: [], upgrades: 0, stop };
    server.on('upgrade', (request, socket, head) => {
      node.upgrades++;
      network.handleUpgrade(request, socket, head);
    });
    network.onFrame((from, frame) => node.received.push({ from, frame }));
    network.onBroken((peer) => node.broken.push(peer));
    this.addresses.set(name, address);
    this.#stops.push(stop);
    return node;
  }

  /** Puts a wire before the node: others reach it through the wire from now on. */
  async wire(node: TestNode): Promise<Wire> {
    const wire = new Wire(node.port);
    await wire.listen();
    this.addresses.set(node.name, `http://127.0.0.1:${wire.port}`);
    this.#stops.push(() => wire.close());
    return wire;
  }

  onEnd(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async end(): Promise<void> {
    await Promise.all(this.#stops.splice(0).map((stop) => stop()));
  }
}

/** Carries bytes between two ports; may hold them back or change them. */
export class Wire {
  /** What becomes of the bytes towards the node; null holds them back, and the connection open. */
  transform: (chunk: Buffer) => Buffer | null = (chunk) => chunk;
  /** Chunks that have arrived from either side. */
  readonly chunks = { there: 0, back: 0 };
  readonly #target: number;
  readonly #server: TcpServer;
  readonly #sockets = new Set<Socket>();

  constructor(target: number) {
    this.#target = target;
    this.#server = createTcpServer((near) => this.#carry(near));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(): Promise<void> {
    return listen(this.#server, 0);
  }

  /** Takes no more bytes from the sender: its queue grows. */
  jam(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return closeServer(this.#server);
  }

  #carry(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk: Buffer) => {
      this.chunks.there++;
      const carried = this.transform(chunk);
      if (carried !== null) far.write(carried);
    });
    far.on('data', (chunk) => {
      this.chunks.back++;
      near.write(chunk);
    });
  }
}

function listen(server: Server | TcpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

function closeServer(server: Server | TcpServer): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) resolve();
    else server.close(() => resolve());
  });
}
