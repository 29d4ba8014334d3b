// Clients at work while nodes are killed, revived and stopped in order, and while the balancer reloads: nobody whose SDK tries again
// notices, and everything acknowledged is read back.
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningBalancer } from './program.ts';
import { BUCKET, type Site } from './site.ts';
import { Traffic, tallyText } from './traffic.ts';

const CONCURRENCY = 8;
const HEAL_TIMEOUT_MS = 300_000;

export async function faults(site: Site, balancer: RunningBalancer): Promise<void> {
  const { faulty, say, ci } = site;
  const { credentials, region } = faulty.cluster;
  const traffic = new Traffic({
    endpoint: balancer.endpoint,
    credentials,
    region,
    bucket: BUCKET,
    concurrency: CONCURRENCY,
  });
  const phase = async (name: string, run: () => Promise<unknown>, seconds: number) => {
    await run();
    await delay(seconds * (ci ? 300 : 1_000));
    say(`${balancer.kind}, ${name}: ${tallyText(traffic.tally())}`);
  };
  try {
    await phase('all nodes up', async () => {}, 10);
    for (const node of ci ? ['c1'] : ['c1', 'a1', 'd1']) {
      // Two zones away at once is more than this cluster promises.
      if (!ci) await phase('the cluster is whole', () => faulty.cluster.waitHealthy({ timeoutMs: HEAL_TIMEOUT_MS }), 0);
      await phase(`${node} killed`, () => faulty.kill([node]), 15);
      await phase(`${node} revived`, () => faulty.revive([node]), 5);
      await phase(`${node} stopped in order`, () => stopInOrder(site, node), 15);
      await phase(`${node} revived`, () => faulty.revive([node]), 5);
    }
    await phase('the balancer reloaded', () => balancer.reload(), 10);
  } finally {
    await traffic.end();
  }
  const objects = await traffic.readAll();
  if (traffic.broken.length > 0) {
    throw new Error(`${balancer.kind}: ${traffic.broken.length} promises broken, the first: ${traffic.broken[0]}`);
  }
  say(`${balancer.kind}: ${objects} acknowledged objects read back right; no SDK operation failed`);
}

/** SIGTERM, as every target stops a node. */
async function stopInOrder({ faulty }: Site, node: string): Promise<void> {
  process.kill(faulty.pids().get(node)!, 'SIGTERM');
  while (faulty.pids().has(node)) await delay(50);
}
