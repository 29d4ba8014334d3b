// The monitor of a running QEMU (QMP): one command at a time, its answer or its error.
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

export class Monitor {
  readonly #socket: Socket;
  readonly #answers: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** path: of QEMU's socket. Rejects when nobody listens there. */
  static async open(path: string): Promise<Monitor> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const monitor = new Monitor(socket);
    await monitor.ask('qmp_capabilities');
    return monitor;
  }

  /** Rejects with what QEMU says is wrong. */
  async ask(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    for (;;) {
      const line = await this.#answers.next();
      if (line.done === true) throw new Error(`QEMU ended before it answered ${command}`);
      // Between them come its greeting and its events.
      const answer = JSON.parse(line.value) as Answer;
      if (answer.error !== undefined) throw new Error(`QEMU refuses ${command}: ${answer.error.desc}`);
      if ('return' in answer) return answer.return;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
