// A balancer of zone c: its nodes answer alone while enough of them are ready, the others when they are not, and they again
// afterwards. Which node answered is in the answer (x-amz-id-2).
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { check, type Kind, RunningBalancer, render } from './program.ts';
import { BUCKET, connectionTo, type Site } from './site.ts';

const REQUESTS = 40;
const SWITCH_DEADLINE_MS = 60_000;

export async function zoneAffinity(site: Site, kind: Kind): Promise<void> {
  const { faulty, say } = site;
  const rendered = await render(kind, join(site.directory, `${kind}-zone`), site.specFile, ['--zone', 'c']);
  await check(rendered);
  await using balancer = await RunningBalancer.start(rendered);
  await until('only c1 answers', async () => (await answering(site, balancer)).join() === 'c1');
  await faulty.kill(['c1']);
  const others = await answering(site, balancer);
  if (others.includes('c1')) throw new Error(`${kind}: c1 answered after it was killed`);
  await faulty.revive(['c1']);
  await until('c1 alone answers again', async () => (await answering(site, balancer)).join() === 'c1');
  say(
    `${kind}: of zone c, c1 answers alone; while it is dead ${others.join(', ')} do, and all requests succeed; then c1 again`,
  );
}

/** Names of the nodes that answered some requests. Reads, which every balancer may repeat. */
export async function answering(site: Site, { kind, endpoint }: RunningBalancer): Promise<string[]> {
  const s3 = connectionTo(site, endpoint);
  const names = new Set<string>();
  for (let number = 0; number < REQUESTS; number++) {
    const answer = await s3.call({ method: 'GET', path: `/${BUCKET}`, query: { 'list-type': '2', 'max-keys': '1' } });
    if (answer.status !== 200) throw new Error(`${kind}: a listing was answered with ${answer.status} ${answer.body}`);
    names.add(String(answer.headers['x-amz-id-2']));
  }
  s3.close();
  return [...names].sort();
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + SWITCH_DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`it never came about that ${what}`);
    await delay(200);
  }
}
