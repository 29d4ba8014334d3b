// The bytes with which two nodes meet and then talk: the frame around everything, and the messages of the handshake
// (docs/wire-protocol.md). What is inside the frames after the handshake belongs to cluster/rpc.ts.
import { bytes, choice, type Format, FormatError, format, hex, struct, text, u32 } from './codec.ts';

export const PEER_PATH = '/_ashlar/peer';
/** Names the whole protocol, frames and handshake: a change that older nodes cannot follow gets a new number. */
export const PEER_PROTOCOL = 'ashlar/1';

export const FRAME_HEADER_BYTES = 8;
/** Larger frames are refused before memory is taken for them. */
export const FRAME_MAX_BYTES = 8 * 1024 * 1024;
/** Before the other side has shown that it knows the secret, it gets no more memory than this. */
export const HANDSHAKE_FRAME_MAX_BYTES = 1024;
/** A hello holds a cluster map, some 80 bytes for each drive. */
export const HELLO_MAX_BYTES = 1024 * 1024;

export const frameHeader = struct('frame', {
  lengthBytes: [u32, 'of the payload; 0 is a sign of life, sent when there is nothing else to say for a second'],
  crc32: [u32, 'CRC-32 (IEEE) of the payload: catches what TCP and memory let through; a mismatch ends the connection'],
});

export const PURPOSES = ['messages', 'bulk', 'probe'] as const;
/** What a connection is for. Small frames go over 'messages' and large ones over 'bulk', so that neither waits for the other. */
export type Purpose = (typeof PURPOSES)[number];

export const greeting = format('greeting', 1, {
  purpose: [choice(PURPOSES), 'small frames, large frames, or only to learn who is there'],
  name: [text, 'of the node that connects; empty while it does not know its name'],
  processId: [
    hex(16),
    'drawn when the process started: tells a restarted node from the one before, and a node from itself',
  ],
  nonce: [hex(32), 'drawn for this connection: no proof is good twice'],
});

export const answer = format('answer', 1, {
  name: [text, 'of the node that was reached; empty while it does not know its name'],
  processId: [hex(16), 'as in the greeting'],
  nonce: [hex(32), 'drawn for this connection'],
  proof: [hex(32), 'HMAC-SHA256 of greeting and answer, as the accepting side'],
});

export const proof = format('proof', 1, {
  proof: [hex(32), 'HMAC-SHA256 of greeting and answer, as the connecting side'],
});

export const welcome = format('welcome', 1, {
  hello: [bytes, 'what the node tells those who probe it, at most 1 MiB; empty on other connections'],
  mac: [hex(32), 'HMAC-SHA256 of hello under the session key'],
});

export const REFUSALS = ['wrong-secret', 'wrong-node', 'starting', 'malformed'] as const;
export type RefusalReason = (typeof REFUSALS)[number];

export const refusal = format('refusal', 1, {
  reason: [choice(REFUSALS), 'for the program'],
  message: [text, 'for the operator'],
});

/** In a handshake frame one byte says which message follows. Numbers are never used again for something else. */
export const HANDSHAKE_MESSAGES = { greeting: 1, answer: 2, proof: 3, welcome: 4, refusal: 5 } as const;
export type HandshakeMessage = keyof typeof HANDSHAKE_MESSAGES;

const FORMATS = { greeting, answer, proof, welcome, refusal };
type Messages = { [K in HandshakeMessage]: (typeof FORMATS)[K] extends Format<infer T> ? T : never };
/** The messages as a union that a `switch` over kind takes apart. */
export type AnyHandshakeMessage = {
  [K in HandshakeMessage]: { readonly kind: K; readonly value: Messages[K] };
}[HandshakeMessage];

export function encodeHandshake<K extends HandshakeMessage>(kind: K, value: Messages[K]): Buffer {
  return Buffer.concat([Buffer.of(HANDSHAKE_MESSAGES[kind]), (FORMATS[kind] as Format<Messages[K]>).encode(value)]);
}

/** Throws FormatError. */
export function decodeHandshake(frame: Buffer): AnyHandshakeMessage {
  const kinds = Object.keys(HANDSHAKE_MESSAGES) as HandshakeMessage[];
  const kind = kinds.find((name) => HANDSHAKE_MESSAGES[name] === frame[0]);
  if (kind === undefined) throw new FormatError(`${frame[0] ?? 'nothing'} is no message of the handshake`);
  return { kind, value: FORMATS[kind].decode(frame.subarray(1)) } as AnyHandshakeMessage;
}
