// How a connection to a peer comes about, up to the point where both sides have proven themselves: the TCP connection, the
// HTTP upgrade and the handshake, under one deadline. Both sides of it are here.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  FRAME_MAX_BYTES,
  HANDSHAKE_FRAME_MAX_BYTES,
  HELLO_MAX_BYTES,
  PEER_PATH,
  PEER_PROTOCOL,
} from '../format/peer-formats.ts';
import type { Clock } from './clock.ts';
import { FrameSocket } from './frame-socket.ts';
import { PeerError } from './peer-error.ts';
import type { Handshake, ProvenPeer } from './peer-handshake.ts';

export interface Outcome {
  /** Called at once when the last handshake frame is in: frames may follow in the same chunk. */
  onProven(peer: ProvenPeer, socket: FrameSocket): void;
  onFailed(error: PeerError): void;
}

export interface Attempt {
  /** Nothing is called any more. */
  cancel(): void;
}

const DEADLINE_MS = 3_000;

/** Exactly one of the outcome's functions is called, later, unless the attempt is cancelled before. Throws PeerError for a bad address. */
export function dialPeer(address: string, handshake: Handshake, clock: Clock, outcome: Outcome): Attempt {
  const { host, port } = parsePeerAddress(address);
  const headers = { connection: 'Upgrade', upgrade: PEER_PROTOCOL };
  const request = httpRequest({ host, port, path: PEER_PATH, headers, agent: false });
  let settled = false;
  let socket: FrameSocket | null = null;
  const settle = () => {
    settled = true;
    timer.cancel();
  };
  const fail = (error: PeerError) => {
    if (settled) return;
    settle();
    if (socket === null) request.destroy();
    else socket.end(error);
    outcome.onFailed(error);
  };
  const timer = clock.setTimer(DEADLINE_MS, () =>
    fail(new PeerError('unreachable', `no answer within ${DEADLINE_MS} ms`)),
  );
  // Listens to the end: destroying the request makes it report an error once more.
  request.on('error', (error) => fail(new PeerError('unreachable', error.message, { cause: error })));
  request.on('response', (response) => fail(notAshlar(response)));
  request.on('upgrade', (response, stream, head) => {
    if (settled || response.headers.upgrade !== PEER_PROTOCOL) {
      stream.destroy();
      fail(notAshlar(response));
      return;
    }
    const upgraded = new FrameSocket(stream as Socket, head, HELLO_MAX_BYTES + HANDSHAKE_FRAME_MAX_BYTES);
    socket = upgraded;
    shakeHands(upgraded, handshake, {
      onProven: (peer) => {
        settle();
        outcome.onProven(peer, upgraded);
      },
      onFailed: fail,
    });
  });
  request.end();
  return {
    cancel: () => {
      settle();
      request.destroy();
    },
  };
}

/**
 * The other side of dialPeer: takes over the socket of a request that asksForPeer has let through. Exactly one of the
 * outcome's functions is called, later, unless the attempt is cancelled before.
 */
export function acceptPeer(
  stream: Socket,
  head: Buffer,
  handshake: Handshake,
  clock: Clock,
  outcome: Outcome,
): Attempt {
  stream.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PEER_PROTOCOL}\r\n\r\n`);
  const socket = new FrameSocket(stream, head, HANDSHAKE_FRAME_MAX_BYTES);
  const timer = clock.setTimer(DEADLINE_MS, () =>
    socket.end(new PeerError('silent', `no handshake within ${DEADLINE_MS} ms`)),
  );
  shakeHands(socket, handshake, {
    onProven: (peer) => {
      timer.cancel();
      outcome.onProven(peer, socket);
    },
    onFailed: (error) => {
      timer.cancel();
      outcome.onFailed(error);
    },
  });
  return {
    cancel: () => {
      timer.cancel();
      socket.onEnd = () => {};
      stream.destroy();
    },
  };
}

/** What a request to upgrade asks for: this protocol, another version of it, or something that is none of ours. */
export function upgradeWanted(request: IncomingMessage): 'peer' | 'other-version' | 'other' {
  const wanted = request.headers.upgrade ?? '';
  if (request.url !== PEER_PATH || !wanted.startsWith('ashlar/')) return 'other';
  return wanted === PEER_PROTOCOL ? 'peer' : 'other-version';
}

/** Answers a request to upgrade with a refusal that HTTP clients understand, and hangs up. */
export function refuseUpgrade(stream: Socket, wanted: 'other-version' | 'other'): void {
  const status = wanted === 'other' ? '404 Not Found' : `426 Upgrade Required\r\nUpgrade: ${PEER_PROTOCOL}`;
  stream.on('error', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => stream.destroy());
}

/** Throws PeerError. */
export function parsePeerAddress(address: string): { host: string; port: number } {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol === 'https:') {
    throw new PeerError(
      'bad-address',
      `${address}: traffic between nodes does not speak TLS yet; use an http:// address`,
    );
  }
  if (url?.protocol !== 'http:') {
    throw new PeerError('bad-address', `"${address}" is no address; write http://HOST:PORT`);
  }
  // A URL puts brackets around an IPv6 address, and a socket wants it without.
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 80 : Number(url.port) };
}

function shakeHands(socket: FrameSocket, handshake: Handshake, outcome: Outcome): void {
  socket.onEnd = (reason) => outcome.onFailed(reason);
  socket.onFrame = (frame) => {
    const step = handshake.receive(frame);
    switch (step.kind) {
      case 'go-on':
        socket.send([step.send]);
        return;
      case 'failed':
        if (step.send !== null) socket.send([step.send]);
        socket.finish(step.error);
        return;
      case 'done':
        if (step.send !== null) socket.send([step.send]);
        socket.frameLimitBytes = FRAME_MAX_BYTES;
        socket.onFrame = () => {};
        socket.onEnd = () => {};
        outcome.onProven(step.peer, socket);
        return;
    }
  };
  if (handshake.first !== null) socket.send([handshake.first]);
}

function notAshlar(response: IncomingMessage): PeerError {
  if (response.statusCode === 426) {
    const spoken = response.headers.upgrade ?? 'an unknown protocol';
    return new PeerError('not-ashlar', `the node there speaks ${spoken}, this one ${PEER_PROTOCOL}`);
  }
  return new PeerError('not-ashlar', `what answers there is no Ashlar node (HTTP ${response.statusCode})`);
}
