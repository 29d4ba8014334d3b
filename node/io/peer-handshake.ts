// The two sides of the handshake as pure state machines: a frame in, what to do next out. No socket, no clock.
//
//   connecting side            accepting side
//     greeting  ─────────────▶
//               ◀─────────────  answer, with the accepting side's proof
//     proof     ─────────────▶
//               ◀─────────────  welcome
//
// Either side may send a refusal instead, which says why, and close.
import { FormatError } from '../format/codec.ts';
import {
  type AnyHandshakeMessage,
  answer as answerFormat,
  decodeHandshake,
  encodeHandshake,
  HELLO_MAX_BYTES,
  type Purpose,
  type RefusalReason,
} from '../format/peer-formats.ts';
import type { NodeName } from './network.ts';
import { handshakeProof, helloMac, proofsEqual, sessionKey, type Transcript } from './peer-auth.ts';
import { PeerError } from './peer-error.ts';

/** What one side brings to the handshake. */
export interface Identity {
  /** '' while the node does not know it. */
  readonly name: NodeName;
  readonly processId: string;
  /** 64 hexadecimal digits, fresh for this handshake. */
  readonly nonce: string;
  readonly secret: string;
}

/** The other side, proven to know the secret. */
export interface ProvenPeer {
  readonly name: NodeName;
  readonly processId: string;
  readonly purpose: Purpose;
  /** Empty unless this side probed. */
  readonly hello: Buffer;
}

export type HandshakeStep =
  | { readonly kind: 'go-on'; readonly send: Buffer }
  | { readonly kind: 'done'; readonly send: Buffer | null; readonly peer: ProvenPeer }
  | { readonly kind: 'failed'; readonly send: Buffer | null; readonly error: PeerError };

export interface Handshake {
  /** The frame to begin with; null on the side that waits. */
  readonly first: Buffer | null;
  /** Whatever comes from the other side, there is a step for it. */
  receive(frame: Buffer): HandshakeStep;
}

export interface ConnectOptions extends Identity {
  readonly purpose: Purpose;
  /** Who must answer; whoever does when probing. */
  readonly expects: NodeName;
}

export function connectingHandshake(options: ConnectOptions): Handshake {
  const { purpose, name, expects, processId, nonce, secret } = options;
  const first = encodeHandshake('greeting', { purpose, name, processId, nonce });
  let proven: { name: NodeName; processId: string; key: string } | null = null;
  return {
    first,
    receive: guarded((message) => {
      if (message.kind === 'answer' && proven === null) {
        const answer = message.value;
        const transcript = transcriptOf(first, answer);
        if (!proofsEqual(answer.proof, handshakeProof(secret, 'accepting', transcript))) {
          return refuse('wrong-secret', 'the cluster secrets of the two nodes differ');
        }
        if (purpose !== 'probe' && answer.name !== expects) return notExpected(answer.name, expects);
        proven = { name: answer.name, processId: answer.processId, key: sessionKey(secret, transcript) };
        return {
          kind: 'go-on',
          send: encodeHandshake('proof', { proof: handshakeProof(secret, 'connecting', transcript) }),
        };
      }
      if (message.kind === 'welcome' && proven !== null) {
        const { hello, mac } = message.value;
        if (!proofsEqual(mac, helloMac(proven.key, hello)))
          return refuse('malformed', 'the hello was changed on its way');
        const peer = { name: proven.name, processId: proven.processId, purpose, hello: Buffer.from(hello) };
        return { kind: 'done', send: null, peer };
      }
      return unexpected(message);
    }),
  };
}

export interface AcceptOptions extends Identity {
  /** At most 1 MiB. Asked when a probe has proven itself. */
  readonly hello: () => Uint8Array;
}

export function acceptingHandshake(options: AcceptOptions): Handshake {
  const { name, processId, nonce, secret } = options;
  let met: { greeting: Greeting; transcript: Transcript } | null = null;
  return {
    first: null,
    receive: guarded((message, frame) => {
      if (message.kind === 'greeting' && met === null) {
        const transcript = transcriptOf(frame, { name, processId, nonce });
        met = { greeting: message.value, transcript };
        const proof = handshakeProof(secret, 'accepting', transcript);
        return { kind: 'go-on', send: encodeHandshake('answer', { name, processId, nonce, proof }) };
      }
      if (message.kind === 'proof' && met !== null) {
        if (!proofsEqual(message.value.proof, handshakeProof(secret, 'connecting', met.transcript))) {
          return refuse('wrong-secret', 'the cluster secrets of the two nodes differ');
        }
        return admit(options, met.greeting, met.transcript);
      }
      return unexpected(message);
    }),
  };
}

/** The other side knows the secret. What is left is whether it is who it can be. */
function admit(options: AcceptOptions, greeting: Greeting, transcript: Transcript): HandshakeStep {
  const { name, secret } = options;
  const { purpose } = greeting;
  if (purpose !== 'probe' && (greeting.name === '' || greeting.name === name)) {
    return refuse('malformed', `a node cannot send as "${greeting.name}" to "${name}"`);
  }
  const hello = purpose === 'probe' ? options.hello() : new Uint8Array(0);
  // A mistake of this program: nobody would accept it, and nobody would know why.
  if (hello.length > HELLO_MAX_BYTES)
    throw new Error(`a hello of ${hello.length} bytes is longer than ${HELLO_MAX_BYTES}`);
  const mac = helloMac(sessionKey(secret, transcript), hello);
  const peer = { name: greeting.name, processId: greeting.processId, purpose, hello: Buffer.alloc(0) };
  return { kind: 'done', send: encodeHandshake('welcome', { hello, mac }), peer };
}

type Greeting = Extract<AnyHandshakeMessage, { kind: 'greeting' }>['value'];

const NO_PROOF = '0'.repeat(64);

function transcriptOf(greeting: Buffer, claims: { name: NodeName; processId: string; nonce: string }): Transcript {
  const { name, processId, nonce } = claims;
  return { greeting, answer: answerFormat.encode({ name, processId, nonce, proof: NO_PROOF }) };
}

/** Bytes that are no message end the handshake, and so does a refusal, which is never answered. */
function guarded(
  step: (message: AnyHandshakeMessage, frame: Buffer) => HandshakeStep,
): (frame: Buffer) => HandshakeStep {
  return (frame) => {
    let message: AnyHandshakeMessage;
    try {
      message = decodeHandshake(frame);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return refuse('malformed', error.message);
    }
    if (message.kind !== 'refusal') return step(message, frame);
    const { reason, message: said } = message.value;
    return { kind: 'failed', send: null, error: new PeerError(reason, said) };
  };
}

function notExpected(found: NodeName, expects: NodeName): HandshakeStep {
  if (found === '') return refuse('starting', 'the node there does not know its own name yet');
  return refuse('wrong-node', `${found} answers where ${expects} was expected`);
}

function unexpected(message: AnyHandshakeMessage): HandshakeStep {
  return refuse('malformed', `a ${message.kind} is out of turn`);
}

function refuse(reason: RefusalReason, message: string): HandshakeStep {
  return {
    kind: 'failed',
    send: encodeHandshake('refusal', { reason, message }),
    error: new PeerError(reason, message),
  };
}
