// Storage processes are killed (SIGKILL) again and again on real disks under load: one, several, all at once, and while they
// recover from the kill before. What was acknowledged is recorded outside, and every object is read after each restart.
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultyCluster } from '../faulty-cluster.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { judge, type RecordedOperation } from '../traffic/recorded-history.ts';
import { S3Connection } from '../traffic/s3-connection.ts';
import { TrafficClient } from '../traffic/traffic-client.ts';

const BUCKET = 'sigkill';
const CLIENTS = 10;
const OBJECTS_PER_SEASON = 24;
/** After so many kills the clients move on to fresh objects, so that the old ones must keep what they have. */
const KILLS_PER_SEASON = 20;
const REQUEST_TIMEOUT_MS = 10_000;
/** How long an object may be unreadable once its whole cluster is ready again. */
const READ_DEADLINE_MS = 30_000;

export const sigkill: Suite = {
  name: 'sigkill',
  summary: 'nodes are killed 200 times under load, also all at once; no acknowledged write is lost, no byte is wrong',
  packages: [],
  run: async (context) => {
    await using faulty = await FaultyCluster.start({ zones: 4, drives: 2, erasure: '4+2' });
    const run = new KillingRun(faulty, context);
    try {
      await run.run(context.ci ? 10 : 200);
    } catch (error) {
      await faulty.keepLogs(context.directory);
      throw error;
    } finally {
      run.close();
    }
  },
};

type Accident =
  | 'one node'
  | 'one node, longer'
  | 'two nodes'
  | 'all nodes'
  | 'a node, again while it starts'
  | 'all, again';

/** How often each happens in 20 kills. "again" ones are two kills. */
const ACCIDENTS: readonly (readonly [Accident, number])[] = [
  ['one node', 8],
  ['one node, longer', 1],
  ['two nodes', 3],
  ['all nodes', 4],
  ['a node, again while it starts', 3],
  ['all, again', 1],
];

class KillingRun {
  readonly #faulty: FaultyCluster;
  readonly #context: SuiteContext;
  readonly #operations: RecordedOperation[] = [];
  readonly #clients: readonly TrafficClient[];
  /** Reads everything after each restart, past the balancer. */
  readonly #verifier: TrafficClient;
  readonly #live: number[] = [];
  readonly #ready: number[] = [];
  #kills = 0;
  #processesKilled = 0;
  #verified = 0;

  constructor(faulty: FaultyCluster, context: SuiteContext) {
    this.#faulty = faulty;
    this.#context = context;
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => this.#client(`c${index + 1}`));
    this.#verifier = this.#client('verifier');
  }

  async run(kills: number): Promise<void> {
    const { credentials, endpoint, region } = this.#faulty.cluster;
    await new S3Connection(endpoint, credentials, region, REQUEST_TIMEOUT_MS).call({
      method: 'PUT',
      path: `/${BUCKET}`,
    });
    const startedAt = performance.now();
    await this.#underLoad(async () => {
      let deck: Accident[] = [];
      while (this.#kills < kills) {
        if (deck.length === 0) deck = shuffled(ACCIDENTS.flatMap(([accident, count]) => Array(count).fill(accident)));
        const season = this.#season;
        await this.#suffer(deck.pop()!);
        await this.#verify(this.#objectsOf(season));
        if (this.#season === season) continue;
        this.#judge();
        this.#context.say(`${this.#kills} kills: nothing lost, nothing wrong`);
      }
    });
    await this.#verify(Array.from({ length: this.#season + 1 }, (_, season) => this.#objectsOf(season)).flat());
    this.#judge();
    this.#report((performance.now() - startedAt) / 1000);
  }

  close(): void {
    for (const client of [...this.#clients, this.#verifier]) client.close();
  }

  /** The clients work meanwhile, and have ended their last operation afterwards, however it ends. */
  async #underLoad(suffer: () => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const working = Promise.all(this.#clients.map((client) => client.run(stop.signal)));
    // What went wrong with the cluster explains more than what then went wrong with a client.
    working.catch(() => {});
    try {
      await suffer();
    } finally {
      stop.abort();
    }
    await working;
  }

  async #suffer(accident: Accident): Promise<void> {
    const nodes = shuffled(this.#faulty.nodes);
    await delay(randomInt(600));
    switch (accident) {
      case 'one node':
        return this.#killAndRevive(nodes.slice(0, 1), randomInt(400));
      case 'one node, longer':
        // Long enough that the others agree that it is down, and go on without it.
        return this.#killAndRevive(nodes.slice(0, 1), 4_000);
      case 'two nodes':
        return this.#killAndRevive(nodes.slice(0, 2), randomInt(400));
      case 'all nodes':
        return this.#killAndRevive(nodes, 0);
      case 'a node, again while it starts':
        return this.#killWhileStarting(nodes.slice(0, 1));
      case 'all, again':
        return this.#killWhileStarting(nodes);
    }
  }

  async #killWhileStarting(nodes: readonly string[]): Promise<void> {
    await this.#kill(nodes);
    this.#faulty.startWithoutWaiting(nodes);
    await delay(200 + randomInt(1_500));
    await this.#killAndRevive(nodes, 0);
  }

  async #killAndRevive(nodes: readonly string[], downMs: number): Promise<void> {
    await this.#kill(nodes);
    await delay(downMs);
    const { liveSeconds, readySeconds } = await this.#faulty.revive(nodes);
    this.#live.push(liveSeconds);
    this.#ready.push(readySeconds);
  }

  async #kill(nodes: readonly string[]): Promise<void> {
    this.#kills++;
    this.#processesKilled += nodes.length;
    await this.#faulty.kill(nodes);
  }

  async #verify(objects: readonly string[]): Promise<void> {
    const left = [...objects];
    const readers = Array.from({ length: 4 }, async () => {
      for (let object = left.pop(); object !== undefined; object = left.pop()) {
        await this.#verifier.read(object, READ_DEADLINE_MS);
        this.#verified++;
      }
    });
    await Promise.all(readers);
  }

  /** Throws with everything that is wrong so far. */
  #judge(): void {
    const broken = [...this.#clients, this.#verifier].flatMap(({ brokenPromises }) => brokenPromises);
    const violations = [...broken, ...judge(this.#operations)];
    if (violations.length > 0) throw new Error(`after ${this.#kills} kills:\n${violations.join('\n')}`);
  }

  #report(seconds: number): void {
    const calls = this.#operations.filter((operation) => operation.kind === 'call');
    const writes = calls.filter(({ call }) => call.kind !== 'get');
    const acknowledged = writes.filter(
      ({ endedNs, call }) => endedNs !== null && call.kind !== 'get' && call.answer === 'done',
    );
    const unknown = writes.filter(({ endedNs }) => endedNs === null).length;
    const { say } = this.#context;
    say(`${this.#kills} kills of ${this.#processesKilled} processes in ${seconds.toFixed(0)} s`);
    say(
      `${this.#operations.length} operations; ${acknowledged.length} writes and deletes acknowledged, of ${unknown} the outcome unknown`,
    );
    say(`${this.#verified} objects read whole and verified after restarts; history linearizable, no wrong byte`);
    say(`restart until live: ${spread(this.#live)}; until ready: ${spread(this.#ready)}`);
  }

  get #season(): number {
    return Math.floor(this.#kills / KILLS_PER_SEASON);
  }

  #objectsOf(season: number): string[] {
    return Array.from({ length: OBJECTS_PER_SEASON }, (_, index) => `season${season}/object${index}`);
  }

  #client(client: string): TrafficClient {
    const { credentials, region } = this.#faulty.cluster;
    return new TrafficClient({
      client,
      endpoints: this.#faulty.endpoints,
      credentials,
      region,
      bucket: BUCKET,
      objects: () => this.#objectsOf(this.#season),
      listPrefix: () => `season${this.#season}/`,
      mix: {
        putShare: 0.45,
        deleteShare: 0.1,
        listShare: 0.03,
        conditionalShare: 0.3,
        multipartShare: 0.06,
        bytesMax: [1_000, 8_192, 8_300, 70_000, 400_000, 2_000_000],
        thinkMsMax: 20,
      },
      timeoutMs: REQUEST_TIMEOUT_MS,
      record: (operation) => this.#operations.push(operation),
    });
  }
}

function spread(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);
  return `median ${at(0.5)} s, 95% ${at(0.95)} s, longest ${at(1)} s`;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value);
}
