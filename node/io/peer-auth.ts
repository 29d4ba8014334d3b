// How two nodes prove to each other that they know the cluster secret without saying it. Pure. Every proof covers both
// nonces and everything both sides claimed, and names the side that proves: a proof can be neither replayed on another
// connection nor sent back to its author, and no claim can be changed on the way.
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Side = 'connecting' | 'accepting';

/** What both sides claimed, in order, without ambiguity. */
export interface Transcript {
  /** The whole greeting as it was sent. */
  readonly greeting: Uint8Array;
  /** The answer with its proof field all zero, as that proof cannot cover itself. */
  readonly answer: Uint8Array;
}

/** 64 hexadecimal digits. */
export function handshakeProof(secret: string, side: Side, transcript: Transcript): string {
  return mac(secret, `ashlar peer 1 ${side}`, transcript.greeting, transcript.answer);
}

/**
 * 64 hexadecimal digits that only the two sides know and that no other connection has. It authenticates the hello; keys for
 * encrypting frames would be derived from it (docs/wire-protocol.md).
 */
export function sessionKey(secret: string, transcript: Transcript): string {
  return mac(secret, 'ashlar peer 1 session', transcript.greeting, transcript.answer);
}

export function helloMac(key: string, hello: Uint8Array): string {
  return mac(key, 'ashlar peer 1 hello', hello);
}

/** Takes the same time wherever the difference is. */
export function proofsEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

function mac(key: string, label: string, ...parts: Uint8Array[]): string {
  const hash = createHmac('sha256', key).update(label).update('\0');
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(part.length);
    hash.update(length).update(part);
  }
  return hash.digest('hex');
}
