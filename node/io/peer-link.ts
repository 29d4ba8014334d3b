// Everything between this node and one peer: its connections, the frames that wait for one, and when to try again after a
// failure. Connections are made when there is something to send and stay; small and large frames have connections of their
// own; a connection that the peer made is as good as one of ours.
import type { Purpose } from '../format/peer-formats.ts';
import type { Clock } from './clock.ts';
import type { FrameSocket } from './frame-socket.ts';
import type { Log } from './log.ts';
import type { NodeName } from './network.ts';
import type { Attempt, Outcome } from './peer-dial.ts';
import { backoffMs, PeerError } from './peer-error.ts';
import type { ProvenPeer } from './peer-handshake.ts';
import { fraction, type Random } from './random.ts';

/** Frames from this size on go over the bulk connection. */
const BULK_MIN_BYTES = 16 * 1024;
/** More than this is not queued for one peer: it does not keep up, and the memory is everybody's. */
export const QUEUE_MAX_BYTES = 64 * 1024 * 1024;

export interface PeerLinkOptions {
  readonly name: NodeName;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Calls back later, never at once. */
  dial(purpose: Purpose, outcome: Outcome): Attempt;
  onFrame(frame: Buffer): void;
  /** Frames may have been lost. */
  onBroken(): void;
}

interface Lane {
  readonly purpose: Purpose;
  readonly sockets: FrameSocket[];
  /** Under way to a connection of our own. */
  attempt: Attempt | null;
  /** Frames that wait for the first connection. */
  waiting: { readonly pieces: readonly Uint8Array[]; readonly lengthBytes: number }[];
  waitingBytes: number;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #messages = newLane('messages');
  readonly #bulk = newLane('bulk');
  /** Of the peer's process that we are connected to, or were last. */
  #processId: string | null = null;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #lastComplaint = '';
  #brokenScheduled = false;
  #closed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#messages.sockets.length + this.#bulk.sockets.length;
  }

  get queuedBytes(): number {
    let queued = 0;
    for (const lane of [this.#messages, this.#bulk]) {
      queued += lane.waitingBytes;
      for (const socket of lane.sockets) queued += socket.queuedBytes;
    }
    return queued;
  }

  send(pieces: readonly Uint8Array[], lengthBytes: number): void {
    if (this.#closed) return;
    if (this.queuedBytes + lengthBytes > QUEUE_MAX_BYTES) {
      this.#dropAll(new PeerError('overloaded', `more than ${QUEUE_MAX_BYTES >> 20} MiB are queued for the peer`));
      return;
    }
    const lane = lengthBytes < BULK_MIN_BYTES ? this.#messages : this.#bulk;
    const mayDial = lane.attempt !== null || this.#options.clock.monotonicMs() >= this.#retryAtMs;
    // While this lane must wait before it tries again, the other one is better than nothing.
    const socket = lane.sockets[0] ?? (mayDial ? undefined : this.#otherLane(lane).sockets[0]);
    if (socket !== undefined) {
      socket.send(pieces, lengthBytes);
    } else if (mayDial) {
      lane.waiting.push({ pieces, lengthBytes });
      lane.waitingBytes += lengthBytes;
      if (lane.attempt === null) this.#dial(lane);
    } else {
      this.#announceBroken();
    }
  }

  /** A proven connection, whoever made it. */
  adopt(peer: ProvenPeer, socket: FrameSocket): void {
    if (this.#closed) {
      socket.end(new PeerError('broken', 'this node is closing its connections'));
      return;
    }
    if (this.#processId !== peer.processId) this.#replaceProcess(peer.processId);
    const lane = peer.purpose === 'bulk' ? this.#bulk : this.#messages;
    lane.sockets.push(socket);
    socket.onFrame = (frame) => this.#options.onFrame(frame);
    socket.onEnd = (reason) => this.#lost(lane, socket, reason);
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    this.#lastComplaint = '';
    for (const { pieces, lengthBytes } of takeWaiting(lane)) socket.send(pieces, lengthBytes);
    this.#options.log.debug('connected', { peer: this.#options.name, purpose: peer.purpose });
  }

  /** Once a second. */
  tick(): void {
    for (const lane of [this.#messages, this.#bulk]) for (const socket of [...lane.sockets]) socket.tick();
  }

  close(): void {
    this.#closed = true;
    this.#dropAll(new PeerError('broken', 'this node closes its connections'));
    for (const lane of [this.#messages, this.#bulk]) lane.attempt?.cancel();
  }

  #otherLane(lane: Lane): Lane {
    return lane === this.#messages ? this.#bulk : this.#messages;
  }

  #dial(lane: Lane): void {
    lane.attempt = this.#options.dial(lane.purpose, {
      onProven: (peer, socket) => {
        lane.attempt = null;
        this.adopt(peer, socket);
      },
      onFailed: (error) => {
        lane.attempt = null;
        this.#failed(lane, error);
      },
    });
  }

  #failed(lane: Lane, error: PeerError): void {
    const { clock, random } = this.#options;
    this.#failures++;
    this.#retryAtMs = clock.monotonicMs() + backoffMs(error, this.#failures, fraction(random));
    this.#complain(error);
    const other = this.#otherLane(lane).sockets[0];
    const waiting = takeWaiting(lane);
    if (other === undefined) this.#announceBroken();
    else for (const { pieces, lengthBytes } of waiting) other.send(pieces, lengthBytes);
  }

  #lost(lane: Lane, socket: FrameSocket, reason: PeerError): void {
    lane.sockets.splice(lane.sockets.indexOf(socket), 1);
    if (this.#closed) return;
    this.#complain(reason);
    this.#announceBroken();
  }

  /** The next frame begins anew. */
  #dropAll(reason: PeerError): void {
    for (const lane of [this.#messages, this.#bulk]) takeWaiting(lane);
    this.#endSockets(reason);
    this.#announceBroken();
  }

  #endSockets(reason: PeerError): void {
    for (const lane of [this.#messages, this.#bulk]) for (const socket of [...lane.sockets]) socket.end(reason);
  }

  /** A node that starts again leaves nothing that its former connections are good for. */
  #replaceProcess(processId: string): void {
    const isKnown = this.#processId !== null;
    this.#processId = processId;
    if (!isKnown) return;
    if (this.connectionCount > 0) {
      // Usually the host vanished without a word and is back. Seen again and again, two nodes share a name.
      this.#options.log.warn(
        'another process with the name of the peer has connected; its former connections are dropped',
        {
          peer: this.#options.name,
        },
      );
    }
    this.#endSockets(new PeerError('broken', 'the peer has started again'));
  }

  /** Never inside send, and once for however many frames were dropped in this turn. */
  #announceBroken(): void {
    if (this.#brokenScheduled) return;
    this.#brokenScheduled = true;
    setImmediate(() => {
      this.#brokenScheduled = false;
      if (!this.#closed) this.#options.onBroken();
    });
  }

  /** The same trouble is told once, until the peer has been there again. */
  #complain(error: PeerError): void {
    if (this.#lastComplaint === error.message) return;
    this.#lastComplaint = error.message;
    const { log, name } = this.#options;
    const fields = { peer: name, code: error.code, reason: error.message };
    if (error.needsOperator) log.error('cannot talk to the peer', fields);
    else log.warn('lost the peer', fields);
  }
}

function newLane(purpose: Purpose): Lane {
  return { purpose, sockets: [], attempt: null, waiting: [], waitingBytes: 0 };
}

function takeWaiting(lane: Lane): Lane['waiting'] {
  const taken = lane.waiting;
  lane.waiting = [];
  lane.waitingBytes = 0;
  return taken;
}
