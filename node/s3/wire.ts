// One request and its answer on the socket. Promises: bytes stream both ways no faster than the slower side; an answer that
// cannot be completed is cut so that nobody takes it for whole; after an answer to a request whose body was not read, the
// rest is read and dropped for a while, because closing at once would reset the connection before the client has seen the
// answer; a vanished client ends every iteration.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../io/clock.ts';
import { requestSource } from './body/source.ts';
import type { S3Reply, StreamBody } from './operation.ts';

export interface WireOptions {
  readonly clock: Clock;
  /** The client asked to be told when to send the body (Expect: 100-continue). */
  readonly awaitsContinue: boolean;
}

/** A client that neither reads nor sends for so long is taken for dead. */
const STALL_MS_MAX = 60_000;
/** How long a body that nobody wants is read on, in silence and in all. */
const DRAIN_SILENCE_MS_MAX = 10_000;
const DRAIN_MS_MAX = 120_000;
/** More than this is not worth reading to keep a connection. */
const DRAIN_KEEP_BYTES_MAX = 1024 * 1024;

export class Wire {
  bytesIn = 0;
  bytesOut = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #awaitsContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, { clock, awaitsContinue }: WireOptions) {
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#awaitsContinue = awaitsContinue;
  }

  /** Nobody is there any more to answer to. */
  get gone(): boolean {
    return this.#response.destroyed || this.#request.socket.destroyed;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  /** The body as it comes. A client that waits to be asked is asked when the first byte is wanted. */
  async *source(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      this.#response.writeContinue();
    }
    for await (const piece of requestSource(this.#request, { clock: this.#clock })) {
      this.bytesIn += piece.length;
      yield piece;
    }
  }

  /** Rejects with what the body's stream threw, if that was before anything was sent: then another answer can be given. */
  async send({ status, headers, body }: S3Reply): Promise<void> {
    if (body === null || (typeof body === 'string' && this.#request.method === 'HEAD')) {
      const announced = { ...headers };
      // Without it Node would announce a chunked body, and send an empty one.
      if (!hasNoBodyEver(this.#request.method, status)) announced['Content-Length'] ??= '0';
      await this.#sendWhole(status, announced, null);
    } else if (typeof body === 'string') {
      const bytes = Buffer.from(body, 'utf8');
      await this.#sendWhole(
        status,
        { ...headers, 'Content-Type': 'application/xml', 'Content-Length': String(bytes.length) },
        bytes,
      );
    } else {
      await this.#sendStream(status, { ...headers, 'Content-Length': String(body.sizeBytes) }, body);
    }
  }

  /** Cuts the connection: the client must not take what it has for an answer. */
  destroy(): void {
    this.#response.destroy();
    this.#request.socket.destroy();
  }

  async #sendWhole(status: number, headers: Record<string, string>, bytes: Buffer | null): Promise<void> {
    if (this.gone) return;
    const response = this.#response;
    this.bytesOut += bytes?.length ?? 0;
    const unread = this.#unreadBody();
    if (unread === 'none') {
      response.writeHead(status, headers);
      response.end(bytes ?? undefined);
      return;
    }
    if (unread === 'never-asked' || unread === 'large') headers.Connection = 'close';
    response.writeHead(status, headers);
    if (unread === 'never-asked') {
      response.end(bytes ?? undefined);
      return;
    }
    if (bytes === null) response.flushHeaders();
    else response.write(bytes);
    await this.#drain();
    response.end();
  }

  async #sendStream(status: number, headers: Record<string, string>, body: StreamBody): Promise<void> {
    const iterator = body.stream[Symbol.asyncIterator]();
    try {
      let piece = await iterator.next();
      if (this.gone) return;
      if (this.#unreadBody() !== 'none') headers.Connection = 'close';
      this.#response.writeHead(status, headers);
      let left = body.sizeBytes;
      if (left === 0) this.#response.end();
      while (left > 0 && piece.done !== true) {
        left -= piece.value.length;
        if (left < 0)
          throw new Error(`the body is ${-left} bytes longer than the ${body.sizeBytes} that were announced`);
        await this.#write(piece.value, left === 0);
        if (this.gone) return;
        if (left > 0) piece = await iterator.next();
      }
      if (left > 0) throw new Error(`the body ended ${left} bytes before the ${body.sizeBytes} that were announced`);
    } catch (error) {
      if (this.headSent) this.destroy();
      throw error;
    } finally {
      await iterator.return?.();
    }
  }

  /** Resolves when there is room for more. */
  async #write(piece: Uint8Array, last: boolean): Promise<void> {
    if (this.gone) return;
    this.bytesOut += piece.length;
    if (last) {
      this.#response.end(piece);
    } else if (!this.#response.write(piece)) {
      await this.#room();
    }
  }

  #room(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const settle = () => {
        stalled.cancel();
        response.off('drain', settle).off('close', settle);
        resolve();
      };
      const stalled = this.#clock.setTimer(STALL_MS_MAX, () => {
        this.destroy();
        settle();
      });
      response.on('drain', settle).on('close', settle);
    });
  }

  #unreadBody(): 'none' | 'never-asked' | 'small' | 'large' {
    const request = this.#request;
    if (request.complete) return 'none';
    const length = Number(request.headers['content-length'] ?? 0);
    if (length === 0 && request.headers['transfer-encoding'] === undefined) return 'none';
    if (this.#awaitsContinue) return 'never-asked';
    return length > 0 && length <= DRAIN_KEEP_BYTES_MAX ? 'small' : 'large';
  }

  /** Reads and drops what is left of the body. Resolves at its end, or when the client is gone or cut off. */
  #drain(): Promise<void> {
    const request = this.#request;
    return new Promise((resolve) => {
      const cut = () => this.destroy();
      let silence: Timer = this.#clock.setTimer(DRAIN_SILENCE_MS_MAX, cut);
      const total = this.#clock.setTimer(DRAIN_MS_MAX, cut);
      const onData = () => {
        silence.cancel();
        silence = this.#clock.setTimer(DRAIN_SILENCE_MS_MAX, cut);
      };
      const settle = () => {
        silence.cancel();
        total.cancel();
        request.off('data', onData).off('end', settle).off('close', settle).off('error', settle);
        resolve();
      };
      request.on('data', onData).on('end', settle).on('close', settle).on('error', settle);
      request.resume();
    });
  }
}

function hasNoBodyEver(method: string | undefined, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
