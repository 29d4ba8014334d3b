// Several client processes write, read, delete and list the same few objects with conditions while nodes are killed and paused.
// Their records are merged by the machine's clock and judged by the simulation's linearizability checker.
import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultyCluster } from '../faulty-cluster.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { type ClientLine, type ClientOrder, objectsOf, type Seasons, seasonNow } from '../traffic/client-process.ts';
import { withStaleRead } from '../traffic/doctored-history.ts';
import { judge, nowNs, type RecordedOperation } from '../traffic/recorded-history.ts';
import { S3Connection } from '../traffic/s3-connection.ts';
import { TrafficClient } from '../traffic/traffic-client.ts';

const BUCKET = 'history';
const PROCESSES = 4;
const CLIENTS_PER_PROCESS = 3;
/** Longer than the longest pause, so that a paused node may still answer, and shorter than a client's patience is in life. */
const REQUEST_TIMEOUT_MS = 8_000;
const READ_DEADLINE_MS = 30_000;
const CLIENT_PROGRAM = join(import.meta.dirname, '..', 'traffic', 'client-process.ts');
const MIX = {
  putShare: 0.35,
  deleteShare: 0.12,
  listShare: 0.05,
  conditionalShare: 0.6,
  multipartShare: 0.02,
  bytesMax: [1_000, 8_300, 60_000],
  thinkMsMax: 10,
};

export const history: Suite = {
  name: 'history',
  summary: 'what client processes were told while nodes were killed and paused is linearizable, object by object',
  packages: [],
  run: async (context) => {
    await using faulty = await FaultyCluster.start({ zones: 4, drives: 2, erasure: '4+2' });
    try {
      await observe(faulty, context);
    } catch (error) {
      await faulty.keepLogs(context.directory);
      throw error;
    }
  },
};

async function observe(faulty: FaultyCluster, { ci, directory, say }: SuiteContext): Promise<void> {
  const { credentials, region, endpoint } = faulty.cluster;
  const first = new S3Connection(endpoint, credentials, region, REQUEST_TIMEOUT_MS);
  await first.call({ method: 'PUT', path: `/${BUCKET}` });
  first.close();
  const seasons: Seasons = { startNs: nowNs(), lengthSeconds: 15, objectCount: 6 };
  const order = {
    endpoints: faulty.endpoints,
    credentials,
    region,
    bucket: BUCKET,
    mix: MIX,
    timeoutMs: REQUEST_TIMEOUT_MS,
  };
  const clients = Array.from({ length: PROCESSES }, (_, index) => {
    const client = `p${index + 1}`;
    return startClient({
      ...order,
      client,
      clientCount: CLIENTS_PER_PROCESS,
      seasons,
      file: join(directory, `${client}.jsonl`),
    });
  });
  const seconds = ci ? 20 : 240;
  const { faults, lines } = await injectFaults(faulty, seconds).then(
    async (injected) => ({ faults: injected, lines: (await Promise.all(clients.map(stopClient))).flat() }),
    // The processes must not outlive the suite.
    async (error) => {
      await Promise.allSettled(clients.map(stopClient));
      throw error;
    },
  );

  const operations = lines.flatMap((line) => ('operation' in line ? [line.operation] : []));
  const broken = lines.flatMap((line) => ('brokenPromise' in line ? [line.brokenPromise] : []));
  broken.push(...(await readEverything({ ...order, seasons, operations })));
  const startedAt = performance.now();
  const violations = [...broken, ...judge(operations)];
  if (violations.length > 0) throw new Error(violations.join('\n'));
  const judgedSeconds = (performance.now() - startedAt) / 1000;

  const conditional = operations.filter(
    ({ kind, ...rest }) =>
      kind === 'call' && 'call' in rest && rest.call.kind !== 'get' && rest.call.condition.kind !== 'none',
  );
  const unknown = operations.filter(({ endedNs }) => endedNs === null).length;
  say(
    `${PROCESSES} client processes with ${CLIENTS_PER_PROCESS} clients each for ${seconds} s; ${faults.kills} kills, ${faults.pauses} pauses (SIGSTOP) of up to 6 s`,
  );
  say(
    `${operations.length} operations (${conditional.length} conditional writes, ${unknown} of unknown outcome) on ${(seasonNow(seasons) + 1) * seasons.objectCount} objects: linearizable, judged in ${judgedSeconds.toFixed(1)} s`,
  );
  const doctored = withStaleRead(operations);
  if (doctored === null) throw new Error('the history holds no read that could be falsified; it proves nothing');
  const found = judge(doctored);
  if (found.length !== 1) throw new Error(`one falsified read gave ${found.length} violations`);
  say('the same history with one answer falsified: refused');
}

interface RunningClient {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown[]>;
  readonly file: string;
}

function startClient(order: ClientOrder): RunningClient {
  const child = fork(CLIENT_PROGRAM, [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return { process: child, ended: once(child, 'exit'), file: order.file };
}

async function stopClient({ process, ended, file }: RunningClient): Promise<ClientLine[]> {
  if (process.connected) process.disconnect();
  const [code] = await ended;
  if (code !== 0) throw new Error(`a client process ended with exit code ${code}`);
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Until the time is over; then every node runs and is ready. */
async function injectFaults(faulty: FaultyCluster, seconds: number): Promise<{ kills: number; pauses: number }> {
  const endMs = performance.now() + seconds * 1_000;
  const counts = { kills: 0, pauses: 0 };
  while (performance.now() < endMs) {
    await delay(randomInt(1_500));
    const [victim, other] = faulty.nodes.sort(() => Math.random() - 0.5) as [string, string];
    switch (randomInt(4)) {
      case 0:
        await pausing(faulty, [victim], 200 + randomInt(1_000));
        counts.pauses++;
        break;
      case 1:
        // Long enough that the others take its place: when it goes on, it believes what is no longer so.
        await pausing(faulty, [victim], 3_000 + randomInt(3_000));
        counts.pauses++;
        break;
      case 2:
        await killing(faulty, victim, randomInt(4_000));
        counts.kills++;
        break;
      default:
        await Promise.all([
          pausing(faulty, [other], 500 + randomInt(3_000)),
          killing(faulty, victim, randomInt(1_000)),
        ]);
        counts.kills++;
        counts.pauses++;
    }
  }
  return counts;
}

async function pausing(faulty: FaultyCluster, nodes: readonly string[], durationMs: number): Promise<void> {
  for (const node of nodes) faulty.pause(node);
  await delay(durationMs);
  for (const node of nodes) faulty.resume(node);
}

async function killing(faulty: FaultyCluster, node: string, downMs: number): Promise<void> {
  await faulty.kill([node]);
  await delay(downMs);
  await faulty.revive([node]);
}

/** Adds a read of every object to the history. Answers with the promises that were found broken. */
async function readEverything(
  props: Omit<ClientOrder, 'client' | 'clientCount' | 'file'> & { readonly operations: RecordedOperation[] },
): Promise<readonly string[]> {
  const { seasons, operations, ...order } = props;
  const reader = new TrafficClient({
    ...order,
    client: 'last',
    objects: () => [],
    listPrefix: () => '',
    record: (operation) => operations.push(operation),
  });
  for (let season = seasonNow(seasons); season >= 0; season--)
    for (const object of objectsOf(seasons, season)) await reader.read(object, READ_DEADLINE_MS);
  reader.close();
  return reader.brokenPromises;
}
