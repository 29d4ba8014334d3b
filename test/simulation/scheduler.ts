// Virtual time and the one queue of events of a simulated world. Everything that happens later in the world, happens as
// an event here; between two events all promise reactions run out. Promises: equal seeds give equal runs, to the byte.
//
// How async code becomes deterministic: the loop never lets Node's event loop turn. It waits between events with
// process.nextTick, whose queue runs only when the microtask queue is empty and before any timer, file or socket. So all
// ready promise reactions run in the order in which they became ready (which ECMAScript fixes), and nothing real can ever
// complete during a run. Code that waits for something real is therefore stuck at once and in every run, not flaky:
// runUntil then fails with StuckError, which names the real resources that are open. Real clocks, timers and randomness
// are closed off for the same time (real-world.ts).
import { closeOffRealWorld } from './real-world.ts';
import { Trace } from './trace.ts';

export interface Scheduled {
  cancel(): void;
}

/** Where simulated devices put their completions: the scheduler itself, or a host on it that can be paused and killed. */
export interface Timeline {
  after(delayMs: number, label: string, run: () => void): Scheduled;
}

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  readonly label: string;
  run: (() => void) | null;
}

/** The world has nothing left to do, or has used up its time, and what was waited for has not happened. */
export class StuckError extends Error {
  override readonly name = 'StuckError';
}

/** So many events without virtual time moving on are a loop, not work. */
const EVENTS_AT_ONE_MOMENT_MAX = 1_000_000;

export class Scheduler implements Timeline {
  readonly trace: Trace;
  #nowMs = 0;
  #sequence = 0;
  #eventCount = 0;
  #heap: Event[] = [];
  #failure: { error: unknown } | null = null;
  #running = false;
  readonly #openAtBirth = countOf(process.getActiveResourcesInfo());

  constructor(trace = new Trace()) {
    this.trace = trace;
  }

  /** Virtual milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Runs the callback delayMs (≥ 0) from now, after everything else that was scheduled for that moment before. */
  after(delayMs: number, label: string, run: () => void): Scheduled {
    if (!(delayMs >= 0)) throw new RangeError(`cannot schedule "${label}" ${delayMs} ms from now`);
    const event: Event = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, label, run };
    push(this.#heap, event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  /** Resolves delayMs from now. */
  sleep(delayMs: number, label = 'sleep'): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, label, resolve));
  }

  /** Ends the run with this error: for checks that find a promise broken. The first error wins. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  note(text: string): void {
    this.trace.add(this.#nowMs, text);
  }

  /** Runs events until the condition holds. Rejects with StuckError when it does not hold by limitMs from now. */
  async runUntil(what: string, condition: () => boolean, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    const end = await this.#loop(condition, endMs);
    if (end === 'condition') return;
    const message =
      end === 'idle'
        ? `nothing is left to happen, but ${what} has not`
        : `${what} has not happened within ${limitMs} virtual ms`;
    throw new StuckError(message + this.#realResources());
  }

  /** Runs events until the work is settled; gives its result or its error. */
  async runToEnd<T>(what: string, work: Promise<T>, limitMs = Number.POSITIVE_INFINITY): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    work.then(mark, mark);
    await this.runUntil(what, () => settled, limitMs);
    return work;
  }

  /** Runs all events of the next durationMs and leaves the clock at their end. */
  async runFor(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await this.#loop(() => false, endMs);
    this.#nowMs = endMs;
  }

  /** Runs until no event is left. */
  async runUntilIdle(): Promise<void> {
    await this.#loop(() => false, Number.POSITIVE_INFINITY);
  }

  async #loop(condition: () => boolean, endMs: number): Promise<'condition' | 'idle' | 'time'> {
    if (this.#running) throw new Error('the scheduler runs already');
    this.#running = true;
    const openRealWorld = closeOffRealWorld((error) => this.fail(error));
    try {
      // microtasksDone needs to be called from a promise reaction.
      await null;
      let atOneMoment = 0;
      for (;;) {
        await microtasksDone();
        if (this.#failure !== null) throw this.#failure.error;
        if (condition()) return 'condition';
        const event = this.#next();
        if (event === null) return 'idle';
        if (event.atMs > endMs) {
          push(this.#heap, event);
          this.#nowMs = endMs;
          return 'time';
        }
        atOneMoment = event.atMs > this.#nowMs ? 0 : atOneMoment + 1;
        if (atOneMoment > EVENTS_AT_ONE_MOMENT_MAX) throw new StuckError(`time stands still at "${event.label}"`);
        this.#nowMs = event.atMs;
        this.#eventCount++;
        const { run } = event;
        // A cancel from within has nothing left to do, and the closure is free to go.
        event.run = null;
        run?.();
      }
    } finally {
      openRealWorld();
      this.#running = false;
    }
  }

  /** What was opened since the world began and is open still: nothing of the kind can have ended in between. */
  #realResources(): string {
    const before = new Map(this.#openAtBirth);
    const opened = process.getActiveResourcesInfo().filter((kind) => {
      const left = before.get(kind) ?? 0;
      before.set(kind, left - 1);
      return REAL_IO.has(kind) && left <= 0;
    });
    if (opened.length === 0) return '';
    const kinds = [...new Set(opened)].sort().join(', ');
    return ` (real resources are open, which a simulated world must not wait for: ${kinds})`;
  }

  #next(): Event | null {
    for (;;) {
      const event = pop(this.#heap);
      if (event === undefined) return null;
      if (event.run !== null) return event;
    }
  }
}

/**
 * Resolves when no promise reaction is left to run. It must be called from a promise reaction itself (any async function
 * after its first await): then Node runs the whole microtask queue before it looks at the queue of ticks again.
 */
export function microtasksDone(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** What Node calls the resources behind files, timers, sockets and worker threads. */
const REAL_IO = new Set([
  'FSReqCallback',
  'FSReqPromise',
  'Timeout',
  'Immediate',
  'TCPSocketWrap',
  'GetAddrInfoReqWrap',
]);

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
