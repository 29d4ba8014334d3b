// The network between nodes as a port: whole frames to a named node, with no promise that they arrive, arrive once or
// arrive in order. Requests, answers, timeouts and retries are built on top (cluster/rpc.ts), so that a simulation may
// drop, duplicate, delay and reorder at this seam. The real adapter (authenticated TCP) lives in network-real.ts.

/** A node's name in the cluster map, for instance "a1". */
export type NodeName = string;

export interface Network {
  /** The name that other nodes see as the sender. */
  readonly self: NodeName;
  /**
   * Queues the pieces as one frame. Never throws and never waits: an unreachable node is silence. The pieces must not
   * change afterwards. Sending to self is allowed and delivers asynchronously.
   */
  send(to: NodeName, pieces: Uint8Array[]): void;
  /** The one receiver of frames. A frame is the receiver's own memory. */
  onFrame(handler: (from: NodeName, frame: Buffer) => void): void;
  /** Tells when a connection to a node breaks, so that callers need not wait for a timeout. A hint, not a promise. */
  onBroken(handler: (node: NodeName) => void): void;
  /** Bytes queued to that node and not yet taken by the transport: for backpressure. */
  queuedBytes(to: NodeName): number;
}
