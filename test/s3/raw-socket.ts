// A client on a bare socket: sends what a test says, byte by byte if need be, and keeps what came back.
import { connect, type Socket } from 'node:net';
import { type RawOptions, signedHeaders } from './conformance/raw-request.ts';
import type { Target } from './conformance/target.ts';

export class RawSocket {
  readonly socket: Socket;
  /** Everything received so far, as code units 0-255. */
  received = '';
  error: Error | null = null;
  ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  /** Resolves when the condition holds; fails when the connection ends before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.destroyed || this.error !== null) {
        throw new Error(`the connection ended before: ${this.error?.message ?? ''} ${JSON.stringify(this.received)}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the other side has closed. */
  async untilClosed(): Promise<void> {
    while (!this.ended && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the bytes are with the kernel. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, () => resolve());
    });
  }
}

/** allowHalfOpen: the client goes on sending after the server has said that it is done, as a busy uploader does. */
export function openSocket(target: Target): Promise<RawSocket> {
  const { hostname, port } = new URL(target.endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new RawSocket(socket));
    });
  });
}

/** The head of a request with a signature, ready to be sent. */
export function signedHead(target: Target, method: string, path: string, options: RawOptions = {}): string {
  const headers = Object.entries(signedHeaders(target, method, path, options)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`${method} ${path} HTTP/1.1`, ...headers, '', ''].join('\r\n');
}

/** The whole of one answer that says its length. */
export function isComplete(received: string): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: ([0-9]+)/i.exec(received.slice(0, end));
  return received.length >= end + 4 + Number(length?.[1] ?? 0);
}
