// The Network port over TCP, on the port that also serves HTTP: mutually authenticated, persistent connections between nodes
// (docs/wire-protocol.md). Owns every peer connection of the process. Connections are authenticated when they are made; they
// are not encrypted, so addresses with https are refused rather than served less than they promise.
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FRAME_MAX_BYTES, type Purpose } from '../format/peer-formats.ts';
import type { Clock, Timer } from './clock.ts';
import { lengthOf } from './frames.ts';
import type { Log } from './log.ts';
import type { Network, NodeName } from './network.ts';
import { type Attempt, acceptPeer, dialPeer, type Outcome, refuseUpgrade, upgradeWanted } from './peer-dial.ts';
import { backoffMs, PeerError } from './peer-error.ts';
import { acceptingHandshake, connectingHandshake, type Identity } from './peer-handshake.ts';
import { PeerLink } from './peer-link.ts';
import { fraction, type Random } from './random.ts';

export interface PeerNetworkOptions {
  /** This node's name; '' as long as it does not know it, and then it can only probe and be probed. */
  readonly self: () => NodeName;
  readonly clock: Clock;
  readonly random: Random;
  readonly clusterSecret: string;
  /** "http://host:port" of a node, or null when it is not known (now). */
  readonly resolve: (name: NodeName) => string | null;
  /** What those who probe this node are told, at most 1 MiB. */
  readonly hello: () => Uint8Array;
  readonly log: Log;
}

export interface Probed {
  /** '' only when this node has probed itself before it knew its name. */
  readonly name: NodeName;
  readonly processId: string;
  readonly hello: Buffer;
}

export interface PeerNetwork extends Network {
  /** Drawn when this network was made. A probe that finds it has found this very process. */
  readonly processId: string;
  /** For the HTTP server's 'upgrade' event: takes the socket over, and refuses what is no peer. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Who is at the address? Rejects with PeerError. */
  probe(address: string): Promise<Probed>;
  /** Whether a proven connection to the node is open now. */
  isConnected(name: NodeName): boolean;
  /** Ends all connections, and takes and makes no new ones. */
  close(): void;
}

export function createPeerNetwork(options: PeerNetworkOptions): PeerNetwork {
  return new RealNetwork(options);
}

const TICK_MS = 1_000;
/** So many connections may be in the handshake; strangers cannot make it more. */
const ACCEPTING_MAX = 256;
/** The same trouble with the same address is logged once in this time. */
const COMPLAINT_INTERVAL_MS = 60_000;
const COMPLAINTS_MAX = 1_000;

class RealNetwork implements PeerNetwork {
  readonly processId: string;
  readonly #options: PeerNetworkOptions;
  readonly #links = new Map<NodeName, PeerLink>();
  readonly #accepting = new Set<Attempt>();
  /** Each ends one probe that is under way. */
  readonly #probing = new Set<(error: PeerError) => void>();
  /** Addresses whose probe failed for something that does not mend itself, and when to try again. */
  readonly #probeFailures = new Map<string, { error: PeerError; failures: number; retryAtMs: number }>();
  readonly #complaints = new Map<string, number>();
  readonly #onBroken: ((node: NodeName) => void)[] = [];
  #onFrame: (from: NodeName, frame: Buffer) => void = () => {};
  #ticker: Timer;
  #closed = false;

  constructor(options: PeerNetworkOptions) {
    this.#options = options;
    this.processId = options.random.bytes(16).toString('hex');
    const tick = () => {
      for (const link of this.#links.values()) link.tick();
      this.#ticker = options.clock.setTimer(TICK_MS, tick);
    };
    this.#ticker = options.clock.setTimer(TICK_MS, tick);
  }

  get self(): NodeName {
    return this.#options.self();
  }

  onFrame(handler: (from: NodeName, frame: Buffer) => void): void {
    this.#onFrame = handler;
  }

  onBroken(handler: (node: NodeName) => void): void {
    this.#onBroken.push(handler);
  }

  send(to: NodeName, pieces: Uint8Array[]): void {
    if (this.#closed) return;
    const lengthBytes = lengthOf(pieces);
    if (lengthBytes === 0 || lengthBytes > FRAME_MAX_BYTES) {
      this.#options.log.error('a frame of this size cannot be sent; it was dropped', { peer: to, lengthBytes });
    } else if (to === this.self) {
      const frame = Buffer.concat(pieces, lengthBytes);
      setImmediate(() => {
        if (!this.#closed) this.#onFrame(to, frame);
      });
    } else {
      this.#link(to).send(pieces, lengthBytes);
    }
  }

  queuedBytes(to: NodeName): number {
    return this.#links.get(to)?.queuedBytes ?? 0;
  }

  isConnected(name: NodeName): boolean {
    return (this.#links.get(name)?.connectionCount ?? 0) > 0;
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { clock, hello } = this.#options;
    if (!(socket instanceof Socket) || this.#closed || this.#accepting.size >= ACCEPTING_MAX) {
      socket.destroy();
      return;
    }
    const from = socket.remoteAddress ?? 'unknown';
    const wanted = upgradeWanted(request);
    if (wanted !== 'peer') {
      refuseUpgrade(socket, wanted);
      if (wanted === 'other-version') this.#refused(from, new PeerError('not-ashlar', 'it speaks another version'));
      return;
    }
    const handshake = acceptingHandshake({ ...this.#identity(), hello });
    const attempt = acceptPeer(socket, head, handshake, clock, {
      onProven: (peer, proven) => {
        this.#accepting.delete(attempt);
        if (peer.purpose === 'probe') proven.finish(new PeerError('broken', 'the probe is over'));
        else this.#link(peer.name).adopt(peer, proven);
      },
      onFailed: (error) => {
        this.#accepting.delete(attempt);
        this.#refused(from, error);
      },
    });
    this.#accepting.add(attempt);
  }

  probe(address: string): Promise<Probed> {
    const failure = this.#probeFailures.get(address);
    if (failure !== undefined && this.#options.clock.monotonicMs() < failure.retryAtMs) {
      return Promise.reject(failure.error);
    }
    return new Promise((resolve, reject) => {
      const abort = (error: PeerError) => {
        attempt.cancel();
        reject(error);
      };
      const fail = (error: PeerError) => {
        this.#probing.delete(abort);
        this.#probeFailed(address, error);
        reject(error);
      };
      const attempt = this.#dial(address, 'probe', '', {
        onProven: (peer, socket) => {
          socket.end(new PeerError('broken', 'the probe is over'));
          if (peer.name === '' && peer.processId !== this.processId) {
            fail(new PeerError('starting', 'the node there does not know its own name yet'));
            return;
          }
          this.#probing.delete(abort);
          this.#probeFailures.delete(address);
          resolve({ name: peer.name, processId: peer.processId, hello: peer.hello });
        },
        onFailed: fail,
      });
      this.#probing.add(abort);
    });
  }

  close(): void {
    this.#closed = true;
    this.#ticker.cancel();
    for (const attempt of this.#accepting) attempt.cancel();
    for (const abort of this.#probing) abort(new PeerError('broken', 'this node closes its connections'));
    for (const link of this.#links.values()) link.close();
  }

  #identity(): Identity {
    const { self, random, clusterSecret } = this.#options;
    const nonce = random.bytes(32).toString('hex');
    return { name: self(), processId: this.processId, nonce, secret: clusterSecret };
  }

  #link(name: NodeName): PeerLink {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const { clock, random, log, resolve } = this.#options;
    const link = new PeerLink({
      name,
      clock,
      random,
      log,
      dial: (purpose, outcome) => this.#dial(resolve(name), purpose, name, outcome),
      onFrame: (frame) => this.#onFrame(name, frame),
      onBroken: () => {
        for (const handler of this.#onBroken) handler(name);
      },
    });
    this.#links.set(name, link);
    return link;
  }

  /** Like dialPeer, and what can be told at once is told later too. */
  #dial(address: string | null, purpose: Purpose, expects: NodeName, outcome: Outcome): Attempt {
    try {
      if (this.#closed) throw new PeerError('broken', 'this node has closed its connections');
      if (address === null) throw new PeerError('unreachable', `no address is known of node ${expects}`);
      const handshake = connectingHandshake({ ...this.#identity(), purpose, expects });
      return dialPeer(address, handshake, this.#options.clock, outcome);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      const immediate = setImmediate(() => outcome.onFailed(error));
      return { cancel: () => clearImmediate(immediate) };
    }
  }

  /** What only an operator can mend is not tried again at every call: the caller's loop may be a fast one. */
  #probeFailed(address: string, error: PeerError): void {
    const { clock, random, log } = this.#options;
    const failures = (this.#probeFailures.get(address)?.failures ?? 0) + 1;
    const waitMs = error.needsOperator ? backoffMs(error, failures, fraction(random)) : 0;
    this.#probeFailures.set(address, { error, failures, retryAtMs: clock.monotonicMs() + waitMs });
    const fields = { address, code: error.code, reason: error.message };
    if (!this.#isNews(`${address} ${error.code}`)) return;
    if (error.needsOperator) log.error('cannot talk to the node at the address', fields);
    else log.info('no node answers at the address yet', fields);
  }

  #refused(from: string, error: PeerError): void {
    const fields = { from, code: error.code, reason: error.message };
    if (!this.#isNews(`${from} ${error.code}`)) return;
    if (error.needsOperator) this.#options.log.error('a node could not connect to this one', fields);
    else this.#options.log.debug('a connection ended before the handshake did', fields);
  }

  /** The same trouble is told once a minute. */
  #isNews(complaint: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < (this.#complaints.get(complaint) ?? Number.NEGATIVE_INFINITY) + COMPLAINT_INTERVAL_MS) return false;
    if (this.#complaints.size >= COMPLAINTS_MAX) this.#complaints.clear();
    this.#complaints.set(complaint, nowMs);
    return true;
  }
}
