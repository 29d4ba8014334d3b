// Shares reads between requests that need an answer from after their own beginning: at most one read of a thing is under way,
// and one more waits that serves everybody who came meanwhile. However many writes a bucket gets, its register is read by a
// node no more often than one read after the other.

export class FreshReads<T> {
  readonly #read: (name: string) => Promise<T>;
  readonly #running = new Map<string, Promise<T>>();
  readonly #waiting = new Map<string, Promise<T>>();

  constructor(read: (name: string) => Promise<T>) {
    this.#read = read;
  }

  /** The result of a read that began after this call. */
  read(name: string): Promise<T> {
    const running = this.#running.get(name);
    if (running === undefined) return this.#start(name);
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) return waiting;
    const start = () => {
      this.#waiting.delete(name);
      return this.#start(name);
    };
    const next = running.then(start, start);
    this.#waiting.set(name, next);
    return next;
  }

  #start(name: string): Promise<T> {
    const read = this.#read(name);
    this.#running.set(name, read);
    const forget = () => {
      if (this.#running.get(name) === read) this.#running.delete(name);
    };
    read.then(forget, forget);
    return read;
  }
}
