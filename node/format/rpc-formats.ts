// The head of every message between nodes after the handshake. What follows it is the request or answer of the method, or an
// error (docs/wire-protocol.md).
import { choice, format, hex, u16, u32 } from './codec.ts';

export const MESSAGE_HEADER_BYTES = 20;
/** Of a node that does not belong to a cluster yet. */
export const NO_CLUSTER = '0'.repeat(16);

export const messageHeader = format('message header', 1, {
  kind: [choice(['request', 'answer', 'error']), 'an error is an answer, too'],
  method: [u16, 'what is asked; the answer repeats it'],
  id: [u32, 'of the request, counted by the asking process; the answer repeats it'],
  life: [u32, 'drawn by the asking process when it started: an answer to the process before it is nobody’s'],
  cluster: [
    hex(8),
    'the first half of the cluster id that the sender belongs to, zeros while to none: a request from another cluster is refused, even if it knows the secret',
  ],
});
