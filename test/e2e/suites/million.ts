// A million objects of 4 KiB in one bucket of a local cluster: how fast they go in, whether listing them stays linear in pages, how
// long a cluster that was killed needs to serve them again, and what each costs in memory and on disk. Prints, and asserts what
// does not depend on the speed of the machine.
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultyCluster } from '../faulty-cluster.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { S3Connection } from '../traffic/s3-connection.ts';
import { objectBody, objectName, type PutOrder, type PutProgress } from '../traffic/small-objects.ts';

const BUCKET = 'million';
const OBJECT_BYTES = 4_096;
const PAGE_KEYS = 1_000;
const CLIENT_PROCESSES = 2;
const CONCURRENCY_PER_PROCESS = 48;
const SAMPLE = 2_000;
/** Of a restart, until ready, and again until healthy. */
const TIMEOUT_MS = 1_800_000;
/** The last pages may cost this many times the first before listing no longer counts as linear. */
const PAGE_COST_RATIO_MAX = 3;
/** What Linux counts processor time in, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;
const CLIENT_PROGRAM = join(import.meta.dirname, '..', 'traffic', 'small-objects.ts');

export const million: Suite = {
  name: 'million',
  summary: 'a million objects of 4 KiB in one bucket: ingest, listing, cold restart, memory and bytes on disk',
  packages: [],
  run: async (context) => {
    await using faulty = await FaultyCluster.start({ zones: 4, drives: 2, erasure: '4+2', timeoutMs: TIMEOUT_MS });
    const bucket = new CrowdedBucket(faulty, context, context.objectCount ?? (context.ci ? 20_000 : 1_000_000));
    try {
      await bucket.fill();
      await bucket.list();
      await bucket.reportCost();
      await bucket.restart();
      await bucket.verifySample();
      await bucket.list();
    } catch (error) {
      await faulty.keepLogs(context.directory);
      throw error;
    } finally {
      bucket.close();
    }
  },
};

class CrowdedBucket {
  readonly #faulty: FaultyCluster;
  readonly #say: SuiteContext['say'];
  readonly #count: number;
  readonly #client: S3Connection;

  constructor(faulty: FaultyCluster, { say }: SuiteContext, count: number) {
    const { credentials, region } = faulty.cluster;
    this.#faulty = faulty;
    this.#say = say;
    this.#count = count;
    this.#client = new S3Connection(faulty.endpoints[0]!, credentials, region, 120_000);
  }

  async fill(): Promise<void> {
    await this.#client.call({ method: 'PUT', path: `/${BUCKET}` });
    const share = Math.ceil(this.#count / CLIENT_PROCESSES);
    const startedAt = performance.now();
    const ingest = new Ingest(this.#count, startedAt, this.#say);
    await Promise.all(
      Array.from({ length: CLIENT_PROCESSES }, (_, index) =>
        this.#put(index * share, Math.min(this.#count, (index + 1) * share), (progress) => ingest.add(progress)),
      ),
    );
    const { acknowledged } = ingest;
    if (acknowledged !== this.#count) throw new Error(`${acknowledged} of ${this.#count} puts were acknowledged`);
    ingest.report();
  }

  /** Every key, in order, none twice. */
  async list(): Promise<void> {
    const pagesMs: number[] = [];
    const startedAt = performance.now();
    let number = 0;
    for (let token: string | null = null; ; ) {
      const pageStartedAt = performance.now();
      const query = { 'list-type': '2', 'max-keys': String(PAGE_KEYS), ...(token && { 'continuation-token': token }) };
      const { status, body } = await this.#client.call({ method: 'GET', path: `/${BUCKET}`, query });
      const text = body.toString();
      if (status !== 200) throw new Error(`page ${pagesMs.length + 1} of the listing: HTTP ${status} ${text}`);
      pagesMs.push(performance.now() - pageStartedAt);
      for (const [, key] of text.matchAll(/<Key>([^<]+)<\/Key>/g)) {
        if (key !== objectName(number)) throw new Error(`the listing has ${key} where ${objectName(number)} must be`);
        number++;
      }
      token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1] ?? null;
      if (token === null) break;
    }
    if (number !== this.#count) throw new Error(`the listing has ${number} objects, ${this.#count} were put`);
    this.#reportPages(pagesMs, (performance.now() - startedAt) / 1000);
  }

  async reportCost(): Promise<void> {
    await this.#reportMemory('after ingest and listing');
    const { stdout } = await run('du', ['-s', '--block-size=1', join(this.#faulty.cluster.directory, 'data')]);
    const bytes = Number(stdout.split('\t')[0]) / this.#count;
    const replicas = 5;
    this.#say(
      `on disk: ${bytes.toFixed(0)} bytes an object, with ${replicas} replicas of 4,096 bytes: ${(bytes / replicas - OBJECT_BYTES).toFixed(0)} more than the body for each`,
    );
  }

  /** Everything is killed, the page cache emptied where that is allowed, and everything started. */
  async restart(): Promise<void> {
    await this.#faulty.kill(this.#faulty.nodes);
    await run('sync', []);
    const isCold = await writeFile('/proc/sys/vm/drop_caches', '3').then(
      () => true,
      () => false,
    );
    const startedAt = performance.now();
    const { liveSeconds, readySeconds } = await this.#faulty.revive(this.#faulty.nodes);
    await this.#faulty.cluster.waitHealthy({ timeoutMs: TIMEOUT_MS });
    const healthySeconds = (performance.now() - startedAt) / 1000;
    const cpuSeconds = await Promise.all([...this.#faulty.pids().values()].map(processorSeconds));
    const cpuAll = cpuSeconds.reduce((sum, seconds) => sum + seconds, 0);
    this.#say(
      `restart of all nodes after SIGKILL, ${isCold ? 'page cache emptied' : 'page cache warm (not root)'}: live after ${liveSeconds.toFixed(1)} s, ready after ${readySeconds.toFixed(1)} s, healthy after ${healthySeconds.toFixed(1)} s, for which the nodes used ${cpuAll.toFixed(1)} s of processor time in all`,
    );
    await this.#reportMemory('after the restart');
  }

  async verifySample(): Promise<void> {
    const startedAt = performance.now();
    for (let i = 0; i < SAMPLE; i++) {
      const number = randomInt(this.#count);
      const { status, body } = await this.#client.call({ method: 'GET', path: `/${BUCKET}/${objectName(number)}` });
      if (status !== 200) throw new Error(`GET ${objectName(number)}: HTTP ${status} ${body}`);
      if (!body.equals(objectBody(number, OBJECT_BYTES))) throw new Error(`${objectName(number)} has wrong bytes`);
    }
    const ms = (performance.now() - startedAt) / SAMPLE;
    this.#say(`${SAMPLE} objects read at random, one after the other, every byte right: ${ms.toFixed(1)} ms each`);
  }

  close(): void {
    this.#client.close();
  }

  async #put(from: number, to: number, add: (progress: PutProgress) => void): Promise<void> {
    const { credentials, region } = this.#faulty.cluster;
    const order: PutOrder = {
      endpoints: this.#faulty.endpoints,
      credentials,
      region,
      bucket: BUCKET,
      from,
      to,
      sizeBytes: OBJECT_BYTES,
      concurrency: CONCURRENCY_PER_PROCESS,
    };
    const child = fork(CLIENT_PROGRAM, [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.on('message', add);
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`a client process ended with exit code ${code}`);
  }

  #reportPages(pagesMs: readonly number[], seconds: number): void {
    const decile = Math.max(1, Math.floor(pagesMs.length / 10));
    const [first, last] = [mean(pagesMs.slice(0, decile)), mean(pagesMs.slice(-decile))];
    const rate = (this.#count / seconds).toFixed(0);
    this.#say(
      `listed ${this.#count} keys in ${pagesMs.length} pages in ${seconds.toFixed(1)} s (${rate} keys/s); a page took ${first.toFixed(1)} ms in the first tenth, ${last.toFixed(1)} ms in the last`,
    );
    // With a page or two in a tenth a single pause of the machine would decide.
    if (decile >= 10 && last > first * PAGE_COST_RATIO_MAX) throw new Error('listing is not linear in pages');
  }

  async #reportMemory(when: string): Promise<void> {
    const nodes = await Promise.all(
      [...this.#faulty.pids()].map(async ([name, pid]) => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8');
        const mib = (field: string) =>
          (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024).toFixed(0);
        return `${name} ${mib('VmRSS')} MiB (peak ${mib('VmHWM')}, without files ${mib('RssAnon')})`;
      }),
    );
    this.#say(`resident memory ${when}: ${nodes.join(', ')}`);
  }
}

/** Adds up what the client processes tell. */
class Ingest {
  acknowledged = 0;
  readonly #count: number;
  readonly #startedAt: number;
  readonly #say: SuiteContext['say'];
  #repeated = 0;
  #latenciesMs: number[] = [];
  #tenth = 1;
  #tenthStartedAt: number;

  constructor(count: number, startedAt: number, say: SuiteContext['say']) {
    this.#count = count;
    this.#startedAt = startedAt;
    this.#tenthStartedAt = startedAt;
    this.#say = say;
  }

  add({ acknowledged, repeated, latenciesMs }: PutProgress): void {
    this.acknowledged += acknowledged;
    this.#repeated += repeated;
    for (const latency of latenciesMs) this.#latenciesMs.push(latency);
    if (this.acknowledged < (this.#count * this.#tenth) / 10) return;
    const seconds = (performance.now() - this.#tenthStartedAt) / 1000;
    this.#say(`  ${this.acknowledged} objects; ${(this.#count / 10 / seconds).toFixed(0)} a second in this tenth`);
    this.#tenthStartedAt = performance.now();
    this.#tenth = Math.floor((this.acknowledged * 10) / this.#count) + 1;
  }

  report(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(0);
    this.#say(
      `${this.acknowledged} PUTs of 4 KiB in ${seconds.toFixed(0)} s: ${(this.acknowledged / seconds).toFixed(0)} a second with ${CLIENT_PROCESSES * CONCURRENCY_PER_PROCESS} at a time; median ${at(0.5)} ms, 99% ${at(0.99)} ms; ${this.#repeated} asked again`,
    );
  }
}

/** Since the process started: what a loaded machine does not change. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) / TICKS_PER_SECOND;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
