// One large body through the balancer in each direction, made and checked while it streams, and how much memory the balancer held
// meanwhile.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { RssWatch } from '../rss-watch.ts';
import type { RunningBalancer } from './program.ts';
import { presigned } from './requests.ts';
import { persistently, type Site } from './site.ts';

const MIB = 1024 * 1024;
/** Buffers for two streams, and what a process allocates at its first use. */
const GROWTH_MAX_BYTES = 16 * MIB;

export async function largeBody(site: Site, balancer: RunningBalancer): Promise<void> {
  const { ci, say } = site;
  const { kind, endpoint } = balancer;
  const sizeMib = ci ? 64 : 1024;
  const before = await rssBytes(await balancer.pids());
  const watch = new RssWatch(() => balancer.pids());
  const key = `${kind}-large`;
  const put = await persistently(async () => upload(await presigned(site, endpoint, 'PUT', key), sizeMib));
  const get = await persistently(async () => download(await presigned(site, endpoint, 'GET', key)));
  const peaks = watch.stop();
  if (get.digest !== put.digest)
    throw new Error(`${kind}: the ${sizeMib} MiB that came back are not those that were sent`);
  const growth = [...peaks].map(([name, peak]) => ({ name, peak, grown: peak - (before.get(name) ?? 0) }));
  const rss = growth.map(({ name, peak, grown }) => `${name} ${mib(peak)} (+${mib(grown)})`).join(', ');
  const speed = ({ seconds }: { seconds: number }) => `${(sizeMib / seconds).toFixed(0)} MiB/s`;
  say(`${kind}: ${sizeMib} MiB streamed, PUT ${speed(put)}, GET ${speed(get)}; peak resident memory: ${rss}`);
  const fat = growth.find(({ grown }) => grown > GROWTH_MAX_BYTES);
  if (fat !== undefined) throw new Error(`${kind}: the memory of ${fat.name} grew by ${mib(fat.grown)}`);
}

interface Moved {
  readonly digest: string;
  readonly seconds: number;
}

async function upload(url: URL, sizeMib: number): Promise<Moved> {
  const startedAt = performance.now();
  const hash = createHash('sha1');
  const outgoing = request(url, {
    method: 'PUT',
    headers: { 'content-length': sizeMib * MIB, expect: '100-continue' },
  });
  const answered = once(outgoing, 'response');
  let isAnswered = false;
  outgoing.once('response', () => {
    isAnswered = true;
  });
  outgoing.flushHeaders();
  await Promise.race([once(outgoing, 'continue'), answered]);
  // An answer before the end is a refusal.
  for (let index = 0; index < sizeMib && !isAnswered; index++) {
    // No two pieces are alike.
    const piece = Buffer.alloc(MIB, index & 0xff);
    piece.writeUInt32LE(index);
    hash.update(piece);
    if (!outgoing.write(piece)) await Promise.race([once(outgoing, 'drain'), answered]);
  }
  if (!isAnswered) outgoing.end();
  const [response] = (await answered) as [IncomingMessage];
  let text = '';
  for await (const piece of response) text += piece;
  outgoing.destroy();
  if (response.statusCode !== 200) throw new Error(`PUT of ${sizeMib} MiB: HTTP ${response.statusCode} ${text}`);
  return { digest: hash.digest('hex'), seconds: (performance.now() - startedAt) / 1000 };
}

async function download(url: URL): Promise<Moved> {
  const startedAt = performance.now();
  const hash = createHash('sha1');
  const outgoing = request(url).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`GET: HTTP ${response.statusCode}`);
  for await (const piece of response) hash.update(piece as Buffer);
  return { digest: hash.digest('hex'), seconds: (performance.now() - startedAt) / 1000 };
}

async function rssBytes(pids: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const [name, pid] of pids) {
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    found.set(name, kib * 1024);
  }
  return found;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
