// What happened in a simulated world: a ring of the last lines, printed when a run fails, and a running digest of all of
// them, so that two runs can be compared without keeping either.
import { createHash } from 'node:crypto';

export class Trace {
  readonly #lines: string[] = [];
  readonly #linesMax: number;
  readonly #hash = createHash('sha256');
  #count = 0;

  constructor(linesMax = 5_000) {
    this.#linesMax = linesMax;
  }

  /** Lines added in all, kept or not. */
  get count(): number {
    return this.#count;
  }

  add(atMs: number, text: string): void {
    const line = `${atMs.toFixed(3).padStart(12)}  ${text}`;
    this.#hash.update(line).update('\n');
    if (this.#lines.length < this.#linesMax) this.#lines.push(line);
    else this.#lines[this.#count % this.#linesMax] = line;
    this.#count++;
  }

  /** The lines kept, oldest first; at most the newest linesMax. */
  tail(linesMax = this.#linesMax): string[] {
    const start = this.#count <= this.#linesMax ? 0 : this.#count % this.#linesMax;
    const inOrder = [...this.#lines.slice(start), ...this.#lines.slice(0, start)];
    return inOrder.slice(-linesMax);
  }

  /** Equal for two runs only when every line was equal. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
