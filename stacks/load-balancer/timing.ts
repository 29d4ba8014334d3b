// The times that both balancers keep, with the reason of each. Where a node has a limit of its own (node/s3/server.ts, node/s3/wire.ts),
// the balancer's stands in the relation to it that its comment names.

/** A node on the same network answers a connection in milliseconds, or not at all. */
export const CONNECT_S = 2;
/** Without a byte from a client that is to send, or one taken by a client that is to receive; the node's own limit is the same. */
export const CLIENT_SILENCE_S = 60;
/** Until the answer begins: completing an upload and copying 5 GiB are answered when they are done. */
export const ANSWER_S = 600;
/** Of a connection between two requests of a client; as long as the node's. */
export const CLIENT_IDLE_S = 75;
/** Of a connection to a node that waits for a request; less than the node's 75 s, so that a node never closes one just being used. */
export const NODE_IDLE_S = 60;
/** Requests under way after a reload or a stop in order; a slow upload that takes longer is cut, and its client sends it again. */
export const DRAIN_S = 600;
