// A socket that speaks frames: batches what is sent within one turn of the event loop into one write, verifies what comes,
// and ends, once, with a reason. Knows nothing of names, secrets or peers.
import type { Socket } from 'node:net';
import { FormatError } from '../format/codec.ts';
import { FrameBatch, FrameParser, lengthOf } from './frames.ts';
import { PeerError } from './peer-error.ts';

/** So many ticks without a byte from the other side, and it counts as dead. */
const SILENT_TICKS_MAX = 3;
/** How long what was sent before the end may take to leave. */
const FINISH_MS = 3_000;

export class FrameSocket {
  /** Called for every frame but signs of life. Set it anew at any time; frames that nobody takes are lost. */
  onFrame: (frame: Buffer) => void = () => {};
  /** Called once, after which nothing else is. */
  onEnd: (reason: PeerError) => void = () => {};
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #batch = new FrameBatch();
  #flushScheduled = false;
  #ended = false;
  #heardSinceTick = false;
  #sentSinceTick = false;
  #silentTicks = 0;

  /** head: bytes that came before the socket was handed over. */
  constructor(socket: Socket, head: Buffer, frameLimitBytes: number) {
    this.#socket = socket;
    this.#parser = new FrameParser(frameLimitBytes);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.setTimeout(0);
    if (head.length > 0) socket.unshift(head);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The sockets of an HTTP server stay half open when the other side ends; here that is the end.
    socket.on('end', () => this.end(new PeerError('broken', 'the other side closed the connection')));
    socket.on('error', (error) => this.end(new PeerError('broken', error.message, { cause: error })));
    socket.on('close', () => this.end(new PeerError('broken', 'the connection was closed')));
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /** Not yet taken by the kernel. */
  get queuedBytes(): number {
    return this.#batch.sizeBytes + this.#socket.writableLength;
  }

  set frameLimitBytes(limitBytes: number) {
    this.#parser.limitBytes = limitBytes;
  }

  /** The pieces must not change afterwards. */
  send(pieces: readonly Uint8Array[], lengthBytes = lengthOf(pieces)): void {
    if (this.#ended) return;
    this.#batch.add(pieces, lengthBytes);
    this.#sentSinceTick = true;
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // An immediate runs when all that this turn of the loop has received has been handled: the answers leave together.
    setImmediate(() => this.#flush());
  }

  /**
   * Once a second. Counts ticks, not time: after a long pause of this process one tick passes, and what has come meanwhile is
   * read before the next.
   */
  tick(): void {
    this.#silentTicks = this.#heardSinceTick ? 0 : this.#silentTicks + 1;
    this.#heardSinceTick = false;
    if (this.#silentTicks >= SILENT_TICKS_MAX) {
      this.end(new PeerError('silent', `nothing has come for ${SILENT_TICKS_MAX} seconds`));
      return;
    }
    if (!this.#sentSinceTick) this.send([], 0);
    this.#sentSinceTick = false;
  }

  /** At once: whatever is queued is dropped. */
  end(reason: PeerError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.onEnd(reason);
  }

  /** Like end, but what was sent before still leaves. */
  finish(reason: PeerError): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#socket.setTimeout(FINISH_MS, () => this.#socket.destroy());
    this.#socket.end(() => this.#socket.destroy());
    this.onEnd(reason);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#heardSinceTick = true;
    try {
      this.#parser.push(chunk, (frame) => {
        // A handler may have ended the connection in the middle of a chunk.
        if (frame.length > 0 && !this.#ended) this.onFrame(frame);
      });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.end(new PeerError('malformed', error.message, { cause: error }));
    }
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#ended) return;
    const chunks = this.#batch.take();
    if (chunks.length === 0 || this.#socket.destroyed) return;
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }
}
