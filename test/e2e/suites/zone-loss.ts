// A real tree and a large file are copied with rclone while a whole zone is killed; nothing may be lost, then or when the next
// zone goes. This is the promise of the project, tried with a client that we did not write.
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalCluster } from '../local-cluster.ts';
import { run } from '../programs.ts';
import { RssWatch } from '../rss-watch.ts';
import type { Suite, SuiteContext } from '../suite.ts';

const RSS_MAX_BYTES = 300 * 1024 * 1024;
const PORT = 19_400;
const HEAL_TIMEOUT_SECONDS = 900;

export const zoneLoss: Suite = {
  name: 'zone-loss',
  summary: 'rclone copies a real tree while a zone dies; every byte is there after another zone died too',
  packages: [{ name: 'rclone', program: 'rclone' }],
  run: async (context) => {
    const { ci, directory, say } = context;
    const source = join(directory, 'source');
    const files = await makeSource(source, ci ? 2_000 : 20_000, ci ? 128 : 2_048);
    say(
      `source: ${files.count} files of real programs and documents, and one of ${ci ? 128 : 2_048} MiB; ${mib(files.sizeBytes)} in all`,
    );
    const cluster = await LocalCluster.up(join(directory, 'up'), PORT);
    try {
      await story(context, cluster, source);
    } finally {
      await cluster.down();
    }
  },
};

async function story({ ci, say }: SuiteContext, cluster: LocalCluster, source: string): Promise<void> {
  const rclone = (...args: string[]) => run('rclone', [...args, '--config', '/dev/null'], { env: rcloneEnv(cluster) });
  await rclone('mkdir', 'ashlar:tree');
  const watch = new RssWatch(() => pids(cluster));

  const copying = rclone('copy', source, 'ashlar:tree', '--transfers', '32', '--stats-one-line', '--stats', '1s', '-v');
  // The kill comes when the copy is well under way: when a part of the objects is there.
  await Promise.race([copying, untilObjects(cluster, ci ? 400 : 4_000)]);
  await cluster.drill('kill', 'zone', 'b');
  const copied = await copying;
  say(`copy with zone b killed on the way: ${copied.seconds.toFixed(1)} s, exit ${copied.exitCode}`);
  const peaks = watch.stop();
  for (const [node, bytes] of peaks) say(`peak resident memory of ${node}: ${mib(bytes)}`);
  const errors = copied.stderr.split('\n').filter((line) => / ERROR +:/.test(line));
  if (errors.length > 0) throw new Error(`rclone reported ${errors.length} errors, the first: ${errors[0]}`);

  await check(rclone, source, say, 'with zone b down');
  await cluster.drill('revive', 'zone', 'b');
  say(`zone b revived; status says healed after ${(await cluster.untilHealthy(HEAL_TIMEOUT_SECONDS)).toFixed(1)} s`);
  await cluster.drill('kill', 'zone', 'c');
  await check(rclone, source, say, 'with zone c down');
  const fat = [...peaks].filter(([, bytes]) => bytes > RSS_MAX_BYTES);
  if (fat.length > 0)
    throw new Error(
      `more than ${mib(RSS_MAX_BYTES)} resident: ${fat.map(([node, bytes]) => `${node} ${mib(bytes)}`).join(', ')}`,
    );
}

async function check(
  rclone: (...args: string[]) => ReturnType<typeof run>,
  source: string,
  say: (line: string) => void,
  when: string,
): Promise<void> {
  const checked = await rclone('check', source, 'ashlar:tree', '--download', '--checkers', '16');
  const summary = checked.stderr.split('\n').find((line) => line.includes('differences found')) ?? 'no summary line';
  if (!summary.includes(' 0 differences found')) throw new Error(`rclone check ${when}: ${summary}`);
  say(`rclone check --download ${when}: 0 differences, ${checked.seconds.toFixed(1)} s`);
}

function rcloneEnv(cluster: LocalCluster): Record<string, string> {
  return {
    RCLONE_CONFIG_ASHLAR_TYPE: 's3',
    RCLONE_CONFIG_ASHLAR_PROVIDER: 'Other',
    RCLONE_CONFIG_ASHLAR_ENDPOINT: cluster.endpoint,
    RCLONE_CONFIG_ASHLAR_ACCESS_KEY_ID: cluster.env.AWS_ACCESS_KEY_ID!,
    RCLONE_CONFIG_ASHLAR_SECRET_ACCESS_KEY: cluster.env.AWS_SECRET_ACCESS_KEY!,
  };
}

async function untilObjects(cluster: LocalCluster, count: number): Promise<void> {
  for (;;) {
    const { stdout } = await run('rclone', ['size', 'ashlar:tree', '--json', '--config', '/dev/null'], {
      env: rcloneEnv(cluster),
    });
    if (JSON.parse(stdout).count >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The storage processes by node name, found by what they were started with. */
async function pids(cluster: LocalCluster): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // A process may end while it is being looked at.
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const words = command.split('\0');
    const name = words[words.indexOf('--name') + 1];
    if (words.includes('server') && name !== undefined && command.includes(cluster.directory))
      found.set(name, Number(pid));
  }
  return found;
}

/** Copies real files (documentation, installed packages) until there are enough, and writes one large file. */
async function makeSource(
  target: string,
  filesMin: number,
  largeMib: number,
): Promise<{ count: number; sizeBytes: number }> {
  await mkdir(target, { recursive: true });
  let count = 0;
  let sizeBytes = 0;
  const roots = [
    join(import.meta.dirname, '..', '..', '..', 'node_modules'),
    '/usr/share/doc',
    '/usr/lib/python3',
    '/usr/include',
    '/usr/share',
  ];
  for (const [index, root] of roots.entries()) {
    if (count >= filesMin) break;
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (count >= filesMin) break;
      const from = join(entry.parentPath, entry.name);
      if (!entry.isFile()) continue;
      const { size } = await stat(from);
      if (size > 4 * 1024 * 1024) continue;
      const to = join(target, `tree${index}`, from.slice(root.length + 1));
      await mkdir(join(to, '..'), { recursive: true });
      await copyFile(from, to);
      count++;
      sizeBytes += size;
    }
  }
  if (count < filesMin) throw new Error(`this machine has only ${count} real files to copy, ${filesMin} are wanted`);
  const large = await open(join(target, 'large.bin'), 'w');
  for (let i = 0; i < largeMib; i++) {
    // Random enough not to repeat, cheap enough to make: each block is stretched from a fresh seed.
    const block = Buffer.alloc(1024 * 1024);
    const seed = createHash('sha512').update(randomBytes(16)).digest();
    for (let at = 0; at < block.length; at += seed.length) seed.copy(block, at);
    block.writeUInt32LE(i, 0);
    await large.write(block);
  }
  await large.close();
  return { count: count + 1, sizeBytes: sizeBytes + largeMib * 1024 * 1024 };
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
