// Clients that put, get, delete and list objects through whichever node answers, and record what they asked and were told.
// They speak to a Target, which hides whether a whole node or only its registers are behind it.
import type { History, OpenOperation } from './checkers/history.ts';
import { type Condition, type ObjectCall, UNCONDITIONAL, type WriteAnswer } from './checkers/object-model.ts';
import type { Machine, Program, SimCluster } from './cluster.ts';
import type { SimHost } from './sim-host.ts';
import type { SimRandom } from './sim-random.ts';

/** What one node offers to a client. Values are labels; the target makes bytes of them and checks that they come back. */
export interface Target {
  /** Once, in a cluster that is whole: what must exist before the first object. */
  prepare(): Promise<void>;
  get(key: string): Promise<string | null>;
  put(key: string, value: string, condition: Condition): Promise<WriteAnswer>;
  remove(key: string, condition: Condition): Promise<WriteAnswer>;
  /** Labels by key of all objects. */
  list(): Promise<Map<string, string>>;
}

/** The node could not say what happened (503, or it died): the operation may have taken effect, or may yet. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

export interface WorkloadOptions {
  readonly clientCount: number;
  readonly keys: readonly string[];
  /** Between two operations of a client. */
  readonly thinkMeanMs: number;
  /** After this a client gives up and does not know. */
  readonly patienceMs: number;
  /** Shares of the operations; the rest are gets. */
  readonly putShare: number;
  readonly deleteShare: number;
  readonly listShare: number;
  readonly conditionalShare: number;
}

export class Workload<P extends Program & { readonly target: Target }> {
  readonly #cluster: SimCluster<P>;
  readonly #history: History;
  readonly #options: WorkloadOptions;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();
  #nextLabel = 0;

  constructor(cluster: SimCluster<P>, history: History, options: WorkloadOptions) {
    this.#cluster = cluster;
    this.#history = history;
    this.#options = options;
  }

  start(): void {
    const clients = Array.from({ length: this.#options.clientCount }, (_, index) => this.#client(`c${index + 1}`));
    this.#running = Promise.all(clients);
    this.#running.catch((error) => this.#cluster.scheduler.fail(error));
  }

  /** Resolves when every client has ended its last operation. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Reads every key through one node, as an ordinary part of the history. Rejects when one cannot be read. */
  async readAll(machine: Machine<P>, client: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const key of this.#options.keys) {
      const open = this.#history.call(client, key, { kind: 'get', answer: null });
      const answer = await this.#through(machine, (target) => target.get(key));
      open.returned({ kind: 'get', answer });
      if (answer !== null) found.set(key, answer);
    }
    return found;
  }

  async #client(name: string): Promise<void> {
    const random = this.#cluster.random.split(`client ${name}`);
    const { scheduler } = this.#cluster;
    /** What this client saw last, to build conditions on. */
    const seen = new Map<string, string>();
    while (!this.#stopped) {
      await scheduler.sleep(random.longTailed(0, this.#options.thinkMeanMs), `${name} thinks`);
      const serving = this.#cluster.machines.filter(({ program }) => program?.serves() === true);
      if (serving.length > 0 && !this.#stopped) await this.#operate(name, random.pick(serving), seen, random);
    }
  }

  async #operate(client: string, machine: Machine<P>, seen: Map<string, string>, random: SimRandom): Promise<void> {
    const { keys, putShare, deleteShare, listShare } = this.#options;
    const key = random.pick(keys);
    const fate = random.fraction();
    if (fate < putShare) await this.#write(client, machine, key, 'put', seen, random);
    else if (fate < putShare + deleteShare) await this.#write(client, machine, key, 'delete', seen, random);
    else if (fate < putShare + deleteShare + listShare) await this.#list(client, machine);
    else await this.#get(client, machine, key, seen);
  }

  async #get(client: string, machine: Machine<P>, key: string, seen: Map<string, string>): Promise<void> {
    const open = this.#call(client, machine, key, { kind: 'get', answer: null });
    await settling(open, async () => {
      const answer = await this.#through(machine, (target) => target.get(key));
      if (answer === null) seen.delete(key);
      else seen.set(key, answer);
      this.#answer(client, `get ${key} -> ${answer ?? 'absent'}`);
      return { kind: 'get', answer };
    });
  }

  async #write(
    client: string,
    machine: Machine<P>,
    key: string,
    kind: 'put' | 'delete',
    seen: Map<string, string>,
    random: SimRandom,
  ): Promise<void> {
    const condition = random.chance(this.#options.conditionalShare) ? conditionFor(kind, seen.get(key)) : UNCONDITIONAL;
    const value = `v${++this.#nextLabel}`;
    const call: ObjectCall =
      kind === 'put' ? { kind, value, condition, answer: 'done' } : { kind, condition, answer: 'done' };
    const open = this.#call(client, machine, key, call);
    await settling(open, async () => {
      const answer = await this.#through(machine, (target) =>
        kind === 'put' ? target.put(key, value, condition) : target.remove(key, condition),
      );
      if (answer === 'done' && kind === 'put') seen.set(key, value);
      this.#answer(client, `${kind} ${key} -> ${answer}`);
      return { ...call, answer };
    });
  }

  async #list(client: string, machine: Machine<P>): Promise<void> {
    const calledAt = this.#history.mark();
    try {
      const listed = await this.#through(machine, (target) => target.list());
      for (const key of this.#options.keys) this.#history.observed(client, key, calledAt, listed.get(key) ?? null);
      this.#answer(client, `list -> ${listed.size} objects`);
    } catch (error) {
      if (!(error instanceof OutcomeUnknown)) throw error;
    }
  }

  #call(client: string, machine: Machine<P>, key: string, call: ObjectCall): OpenOperation {
    const what = call.kind === 'put' ? `put ${call.value}` : call.kind;
    this.#cluster.scheduler.note(`${client}   ${what} ${key} through ${machine.name}`);
    return this.#history.call(client, key, call);
  }

  #answer(client: string, text: string): void {
    this.#cluster.scheduler.note(`${client}   ${text}`);
  }

  /** The call, given up when the node dies under it or the client's patience ends. */
  async #through<T>(machine: Machine<P>, run: (target: Target) => Promise<T>): Promise<T> {
    const { host, program } = machine;
    if (host === null || program === null || !program.serves())
      throw new OutcomeUnknown(`${machine.name} does not serve`);
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = this.#cluster.scheduler.after(this.#options.patienceMs, 'patience ends', () =>
      reject(new OutcomeUnknown('patience ended')),
    );
    onDeath(host, () => reject(new OutcomeUnknown(`${machine.name} died`)));
    try {
      return await Promise.race([run(program.target), promise]);
    } finally {
      giveUp.cancel();
    }
  }
}

function onDeath(host: SimHost, listener: () => void): void {
  host.onKill(listener);
}

function conditionFor(kind: 'put' | 'delete', seen: string | undefined): Condition {
  if (seen !== undefined) return { kind: 'if-match', value: seen };
  return kind === 'put' ? { kind: 'if-none-match-any' } : UNCONDITIONAL;
}

async function settling(open: OpenOperation, run: () => Promise<ObjectCall>): Promise<void> {
  try {
    open.returned(await run());
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error;
    open.outcomeUnknown();
  }
}
