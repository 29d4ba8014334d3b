// A small replicated register on the simulated network (Attiya, Bar-Noy & Dolev, 1995), to test the harness itself: the
// right version must pass every check, and each of its known mistakes must be caught.
import { method, Rpc, RpcError } from '../../node/cluster/rpc.ts';
import { format, optional, text, u53 } from '../../node/format/codec.ts';
import { History } from './checkers/history.ts';
import { UNCONDITIONAL } from './checkers/object-model.ts';
import { Scheduler } from './scheduler.ts';
import { SimClock } from './sim-clock.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

export type Mistake = 'none' | 'read without write-back' | 'acknowledge at one replica' | 'read from one replica';

interface Tagged {
  readonly time: number;
  readonly writer: string;
  readonly value: string | null;
}

const tagged = {
  time: [u53, 'logical time'],
  writer: [text, 'breaks ties'],
  value: [optional(text), 'null: none'],
} as const;
const nothing = format('Nothing', 1, {});
const taggedFormat = format('Tagged', 1, tagged);
const QUERY = method(1, 'query', nothing, taggedFormat);
const STORE = method(2, 'store', taggedFormat, nothing);

const REPLICAS = ['r1', 'r2', 'r3'];
const OBJECT = 'the register';

export interface ToyResult {
  readonly history: History;
  readonly digest: string;
  readonly trace: string[];
}

export async function runToyRegister(seed: number, mistake: Mistake): Promise<ToyResult> {
  const random = new SimRandom(seed);
  const scheduler = new Scheduler();
  const network = new SimNetwork({ scheduler, random: random.split('network') });
  Object.assign(network.quality, {
    dropChance: 0.05,
    duplicateChance: 0.05,
    meanMs: 5,
    strayChance: 0.1,
    strayMs: 200,
  });
  const start = (name: string) => {
    const host = new SimHost(name, scheduler);
    return new Rpc(network.attach(host), new SimClock(host), random.split(`rpc of ${name}`));
  };
  for (const name of REPLICAS) startReplica(start(name));
  const history = new History();
  const clients = ['c1', 'c2', 'c3'].map((name) => {
    const client = new ToyClient(start(name), mistake);
    return work(client, history, scheduler, random.split(name));
  });
  await scheduler.runToEnd('the work of all clients', Promise.all(clients), 600_000);
  return { history, digest: scheduler.trace.digest(), trace: scheduler.trace.tail() };
}

function startReplica(rpc: Rpc): void {
  let stored: Tagged = { time: 0, writer: '', value: null };
  rpc.handle(QUERY, async () => stored);
  rpc.handle(STORE, async (offered) => {
    if (isNewer(offered, stored)) stored = offered;
    return {};
  });
}

async function work(client: ToyClient, history: History, scheduler: Scheduler, random: SimRandom): Promise<void> {
  for (let i = 0; i < 25; i++) {
    const value = `${client.name}-${i}`;
    const isRead = random.chance(0.6);
    const open = history.call(
      client.name,
      OBJECT,
      isRead ? { kind: 'get', answer: null } : { kind: 'put', value, condition: UNCONDITIONAL, answer: 'done' },
    );
    try {
      if (isRead) {
        open.returned({ kind: 'get', answer: await client.read() });
      } else {
        await client.write(value);
        open.returned({ kind: 'put', value, condition: UNCONDITIONAL, answer: 'done' });
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      open.outcomeUnknown();
    }
    await scheduler.sleep(random.between(0, 20));
  }
}

class ToyClient {
  readonly name: string;
  readonly #rpc: Rpc;
  readonly #mistake: Mistake;

  constructor(rpc: Rpc, mistake: Mistake) {
    this.name = rpc.self;
    this.#rpc = rpc;
    this.#mistake = mistake;
  }

  async read(): Promise<string | null> {
    const newest = await this.#newest(this.#mistake === 'read from one replica' ? 1 : 2);
    if (this.#mistake !== 'read without write-back') await this.#store(newest);
    return newest.value;
  }

  async write(value: string): Promise<void> {
    const { time } = await this.#newest(2);
    await this.#store({ time: time + 1, writer: this.name, value });
  }

  async #newest(answersMin: number): Promise<Tagged> {
    const answers = await firstAnswers(
      REPLICAS.map((replica) => this.#rpc.call(replica, QUERY, {}, { timeoutMs: 400 })),
      answersMin,
    );
    return answers.reduce((a, b) => (isNewer(b, a) ? b : a));
  }

  async #store(newest: Tagged): Promise<void> {
    await firstAnswers(
      REPLICAS.map((replica) => this.#rpc.call(replica, STORE, newest, { timeoutMs: 400 })),
      this.#mistake === 'acknowledge at one replica' ? 1 : 2,
    );
  }
}

function isNewer(a: Tagged, b: Tagged): boolean {
  return a.time !== b.time ? a.time > b.time : a.writer > b.writer;
}

/** The first so many answers; rejects when so many can no longer come. */
function firstAnswers<T>(calls: readonly Promise<T>[], countMin: number): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const answers: T[] = [];
    let failures = 0;
    for (const call of calls) {
      call.then(
        (answer) => {
          answers.push(answer);
          if (answers.length === countMin) resolve([...answers]);
        },
        (error) => {
          failures++;
          if (calls.length - failures < countMin) reject(error);
        },
      );
    }
  });
}
