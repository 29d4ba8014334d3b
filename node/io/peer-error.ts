// Why there is no connection to a peer: one table of reasons, with how soon it is worth trying again.
import type { RefusalReason } from '../format/peer-formats.ts';

interface Reason {
  /** Somebody must change something first, so it is tried seldom and logged as an error. */
  readonly needsOperator: boolean;
  readonly meaning: string;
}

export const PEER_ERRORS = {
  unreachable: { needsOperator: false, meaning: 'nobody answers at the address' },
  silent: { needsOperator: false, meaning: 'the connection stands but nothing has come for three seconds' },
  broken: { needsOperator: false, meaning: 'the connection was closed or reset' },
  starting: { needsOperator: false, meaning: 'the node does not know its own name yet' },
  overloaded: {
    needsOperator: false,
    meaning: 'more is queued for the peer than it takes, or too many strangers knock',
  },
  'not-ashlar': { needsOperator: true, meaning: 'something else answers at the address, or another protocol version' },
  'bad-address': { needsOperator: true, meaning: 'the address cannot be used for peers' },
  'wrong-secret': { needsOperator: true, meaning: 'the cluster secrets of the two nodes differ' },
  'wrong-node': { needsOperator: true, meaning: 'another node than the expected one answers at the address' },
  malformed: { needsOperator: true, meaning: 'bytes that are not the protocol' },
} as const satisfies Record<string, Reason> & Record<RefusalReason, Reason>;
export type PeerErrorCode = keyof typeof PEER_ERRORS;

export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly code: PeerErrorCode;
  constructor(code: PeerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get needsOperator(): boolean {
    return PEER_ERRORS[this.code].needsOperator;
  }
}

const QUICK = { firstMs: 50, maxMs: 1_000 };
const SLOW = { firstMs: 2_000, maxMs: 30_000 };

/**
 * How long to leave a peer alone after so many failures in a row (≥ 1): doubling up to a limit, less up to half of it by
 * chance (0 ≤ draw < 1), so that nodes that failed together do not come back together.
 */
export function backoffMs(error: PeerError, failures: number, draw: number): number {
  const { firstMs, maxMs } = error.needsOperator ? SLOW : QUICK;
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 16));
  return fullMs * (1 - draw / 2);
}
