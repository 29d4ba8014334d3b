// Starts object-client.ts where the clients of a testbed are, and talks to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ObjectClientAnswer, ObjectClientOrder, ObjectClientRequest } from './object-client.ts';

export class ObjectClientProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<ObjectClientAnswer>>();
  #nextId = 0;

  /** enter: in front of a command, makes it run where the clients are. */
  constructor([program, ...enter]: readonly string[], order: ObjectClientOrder) {
    const script = join(import.meta.dirname, 'object-client.ts');
    this.#child = spawn(program!, [...enter, process.execPath, script, JSON.stringify(order)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, answer }: { id: number; answer: ObjectClientAnswer }) => {
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    const end = (why: string) => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error(`the client in the testbed ended: ${why}`));
      this.#waiting.clear();
    };
    this.#child.once('error', (error) => end(error.message));
    this.#child.once('exit', (code) => end(`exit code ${code}`));
  }

  /** Rejects with what went wrong in there. */
  async ask(request: ObjectClientRequest): Promise<ObjectClientAnswer> {
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<ObjectClientAnswer>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, request }, (error) => {
      if (error !== null) waiting.reject(error);
    });
    const answer = await waiting.promise;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
