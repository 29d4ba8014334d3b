// Requests and answers over the Network port. Adds request ids, timeouts, typed errors and backpressure; promises that a
// call settles: with the answer, with the error the other side gave, or with RpcError 'no-answer', after which the
// request may or may not have been carried out.
import { type Format, FormatError } from '../format/codec.ts';
import { MESSAGE_HEADER_BYTES, messageHeader, NO_CLUSTER } from '../format/rpc-formats.ts';
import type { Clock } from '../io/clock.ts';
import type { Network, NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';

export const RPC_ERRORS = [
  'no-answer', // nothing came back in time, or the connection broke: the outcome is unknown
  'refused', // the other side understood and did nothing: see the message
  'not-leader', // ask the partition's proposer instead; nothing was done
  'stale', // a higher ballot or epoch is known there; nothing was done
  'unavailable', // no quorum; the outcome is unknown
  'unknown-drive', // the drive is not on that node, or not usable
  'corrupt', // stored bytes failed their checksum
  'no-space',
  'internal',
  'other-cluster', // the two nodes belong to different clusters; nothing was done
] as const;
export type RpcErrorCode = (typeof RPC_ERRORS)[number];

export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcErrorCode;
  constructor(code: RpcErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One kind of request. Ids are part of the wire format: never reused. */
export interface Method<Q, A> {
  readonly id: number;
  readonly name: string;
  readonly request: Format<Q>;
  readonly response: Format<A>;
}

export function method<Q, A>(id: number, name: string, request: Format<Q>, response: Format<A>): Method<Q, A> {
  return { id, name, request, response };
}

export interface CallOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const CLUSTER_DIGITS = NO_CLUSTER.length;

type MessageHeader = ReturnType<typeof messageHeader.decode>;
type RequestHeader = Pick<MessageHeader, 'method' | 'id' | 'life'>;

interface Waiting {
  to: NodeName;
  settle(kind: MessageHeader['kind'], body: Buffer): void;
  fail(error: RpcError): void;
}

// biome-ignore lint/suspicious/noExplicitAny: the table holds handlers of every method; each is typed where it is registered
type AnyHandler = { method: Method<any, any>; run: (request: any, from: NodeName) => Promise<any> };

export class Rpc {
  readonly self: NodeName;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  readonly #handlers = new Map<number, AnyHandler>();
  readonly #brokenListeners: ((node: NodeName) => void)[] = [];
  /** Drawn at the start: an answer to the process that had this name before must not be taken for one of ours. */
  readonly #life: number;
  #cluster = NO_CLUSTER;
  #nextId = 1;

  constructor(network: Network, clock: Clock, random: Random) {
    this.self = network.self;
    this.#network = network;
    this.#clock = clock;
    this.#life = random.bytes(4).readUInt32LE(0);
    network.onFrame((from, frame) => this.#receive(from, frame));
    network.onBroken((node) => {
      this.#failAll(node);
      for (const listener of this.#brokenListeners) listener(node);
    });
  }

  /** Tells when the transport loses its connection to a node. */
  onBroken(listener: (node: NodeName) => void): void {
    this.#brokenListeners.push(listener);
  }

  /** From now on, nodes of other clusters are refused, and refuse this one. clusterId: 32 hexadecimal digits. */
  belongTo(clusterId: string): void {
    this.#cluster = clusterId.slice(0, CLUSTER_DIGITS);
  }

  handle<Q, A>(kind: Method<Q, A>, run: (request: Q, from: NodeName) => Promise<A>): void {
    if (this.#handlers.has(kind.id)) throw new Error(`method ${kind.id} (${kind.name}) has a handler already`);
    this.#handlers.set(kind.id, { method: kind, run });
  }

  /** Rejects with RpcError, or with the signal's reason. A call to this node itself skips the network and the encoding. */
  async call<Q, A>(to: NodeName, kind: Method<Q, A>, request: Q, options: CallOptions = {}): Promise<A> {
    options.signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<A>();
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = this.#clock.setTimer(timeoutMs, () =>
      reject(new RpcError('no-answer', `${to} did not answer ${kind.name} within ${timeoutMs} ms`)),
    );
    const onAbort = () => reject(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const id = this.#nextId++ % 2 ** 32;
    try {
      if (to === this.self) {
        // A drive of this node may hang like any other, so the deadline holds here too.
        this.#callSelf(kind, request).then(resolve, reject);
      } else {
        const header = this.#header('request', { method: kind.id, id, life: this.#life });
        this.#waiting.set(id, {
          to,
          fail: reject,
          settle: (answer, body) => {
            try {
              if (answer === 'error') reject(decodeError(body, to, kind.name));
              else resolve(kind.response.decode(body));
            } catch (error) {
              reject(
                new RpcError('no-answer', `${to} answered ${kind.name} with bytes that are no answer`, {
                  cause: error,
                }),
              );
            }
          },
        });
        this.#network.send(to, [header, ...kind.request.pieces(request)]);
      }
      return await promise;
    } finally {
      this.#waiting.delete(id);
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  async #callSelf<Q, A>(kind: Method<Q, A>, request: Q): Promise<A> {
    const handler = this.#handlers.get(kind.id);
    if (handler === undefined) throw new RpcError('refused', `this node does not know method ${kind.name}`);
    try {
      return (await handler.run(request, this.self)) as A;
    } catch (error) {
      throw asRpcError(error);
    }
  }

  #receive(from: NodeName, frame: Buffer): void {
    let header: MessageHeader;
    try {
      header = messageHeader.decode(frame.subarray(0, MESSAGE_HEADER_BYTES));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // From a program that speaks otherwise: it waits in vain, as for a node that is not there.
      return;
    }
    const body = frame.subarray(MESSAGE_HEADER_BYTES);
    if (header.kind === 'request') {
      void this.#serve(from, header, body);
      return;
    }
    const waiting = header.life === this.#life ? this.#waiting.get(header.id) : undefined;
    // Late, duplicated, meant for an earlier process, or from somebody who was not asked: nobody is waiting for it.
    if (waiting === undefined || waiting.to !== from) return;
    waiting.settle(header.kind, body);
  }

  async #serve(from: NodeName, request: MessageHeader, body: Buffer): Promise<void> {
    const { method: methodId, cluster } = request;
    const handler = this.#handlers.get(methodId);
    let pieces: Uint8Array[];
    let kind: MessageHeader['kind'] = 'answer';
    try {
      this.#requireSameCluster(from, cluster);
      if (handler === undefined) throw new RpcError('refused', `method ${methodId} is not known here`);
      const answer = await handler.run(handler.method.request.decode(body), from);
      pieces = handler.method.response.pieces(answer);
    } catch (error) {
      kind = 'error';
      pieces = encodeError(asRpcError(error));
    }
    this.#network.send(from, [this.#header(kind, request), ...pieces]);
  }

  /** One secret for two clusters is a mistake, and so is a drive in the wrong node; neither may mix what the clusters hold. */
  #requireSameCluster(from: NodeName, cluster: string): void {
    if (cluster === this.#cluster || cluster === NO_CLUSTER || this.#cluster === NO_CLUSTER) return;
    throw new RpcError(
      'other-cluster',
      `${this.self} belongs to cluster ${this.#cluster}…, and ${from} to ${cluster}…: one of them has the drives of another cluster`,
    );
  }

  #header(kind: MessageHeader['kind'], { method: methodId, id, life }: RequestHeader): Buffer {
    return messageHeader.encode({ kind, method: methodId, id, life, cluster: this.#cluster });
  }

  #failAll(node: NodeName): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.to === node) waiting.fail(new RpcError('no-answer', `the connection to ${node} broke`));
    }
  }
}

function asRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof FormatError) return new RpcError('refused', error.message, { cause: error });
  return new RpcError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}

function encodeError(error: RpcError): Uint8Array[] {
  return [Buffer.from([RPC_ERRORS.indexOf(error.code)]), Buffer.from(error.message, 'utf8')];
}

function decodeError(body: Buffer, from: NodeName, methodName: string): RpcError {
  const code = RPC_ERRORS[body[0] ?? 0] ?? 'internal';
  return new RpcError(code, `${from}, ${methodName}: ${body.subarray(1).toString('utf8')}`);
}
