// Looks at a host of the Swarm from within: a job that runs there once, with the directories of the node bound into it, and prints what
// it sees. Docker's own API does not say what is mounted on a host, who may write there, or what time it is.
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import type { Docker } from '../docker.ts';
import type { SwarmSettings } from './settings.ts';
import { driveSource } from './storage-service.ts';
import type { SwarmHost } from './swarm-facts.ts';

export type HostProbe =
  | { readonly kind: 'failed'; readonly reason: string }
  | {
      readonly kind: 'seen';
      readonly directories: readonly {
        readonly path: string;
        readonly isMountPoint: boolean;
        readonly isWritable: boolean;
      }[];
      /** The host's clock minus ours; no more exact than the job's own duration. */
      readonly clockSkewMs: number;
      /** Of the link that has the host's address; null when it was not found. */
      readonly linkMtu: number | null;
      readonly uid: number;
    };

const TIMEOUT_MS = 300_000;
const POLL_MS = 500;

/**
 * Run by the Node of the storage node's image, as its user, on the network of the host. In mountinfo(5) the fourth field is the root
 * of the mount within its file system: "/" when a file system as a whole is mounted there, the path of a directory otherwise.
 */
const PROGRAM = `
const fs = require('node:fs'), os = require('node:os');
const [count, address] = process.argv.slice(1);
const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').map((line) => line.split(' '));
const directories = Array.from({ length: Number(count) }, (_, i) => {
  const mount = mounts.findLast((fields) => fields[4] === '/probe/' + i);
  let isWritable = true;
  try { fs.accessSync('/probe/' + i, fs.constants.W_OK | fs.constants.X_OK); } catch { isWritable = false; }
  return { isMountPoint: mount !== undefined && mount[3] === '/', isWritable };
});
const link = Object.entries(os.networkInterfaces()).find(([, list]) => list.some((entry) => entry.address === address));
let linkMtu = null;
try { linkMtu = Number(fs.readFileSync('/sys/class/net/' + link[0] + '/mtu', 'utf8')); } catch {}
console.log('ashlar-probe ' + JSON.stringify({ directories, timeMs: Date.now(), linkMtu, uid: process.getuid() }));
`;

/** Never rejects for what is wrong with the host. The job is removed again. */
export async function probeHost(
  docker: Docker,
  plan: Plan,
  settings: SwarmSettings,
  node: PlanNode,
  host: SwarmHost,
): Promise<HostProbe> {
  const paths = [...node.drives.map((drive) => driveSource(drive, settings)), ...(node.wal === null ? [] : [node.wal])];
  const name = `${plan.name}-probe-${node.name}`;
  await docker.try(['service', 'rm', name]);
  const before = Date.now();
  try {
    await docker.run([
      ...['service', 'create', '--quiet', '--detach', '--with-registry-auth', '--name', name],
      ...['--mode', 'replicated-job', '--restart-condition', 'none', '--constraint', `node.id == ${host.id}`],
      ...['--network', 'host', '--read-only'],
      ...paths.flatMap((path, index) => ['--mount', `type=bind,source=${path},target=/probe/${index}`]),
      ...['--entrypoint', '/usr/local/bin/node'],
      ...[settings.image, '-e', PROGRAM, '--', String(paths.length), host.address],
    ]);
    const outcome = await awaitTask(docker, name);
    if (outcome !== null) return { kind: 'failed', reason: outcome };
    return parseProbe(await docker.run(['service', 'logs', '--raw', name]), paths, before, Date.now());
  } finally {
    await docker.try(['service', 'rm', name]);
  }
}

/** What the job printed, between two times of ours. */
export function parseProbe(output: string, paths: readonly string[], beforeMs: number, afterMs: number): HostProbe {
  const line = output.split('\n').find((text) => text.startsWith('ashlar-probe '));
  if (line === undefined)
    return { kind: 'failed', reason: `the probe printed nothing that can be read: ${output.trim().slice(0, 200)}` };
  const seen = JSON.parse(line.slice('ashlar-probe '.length)) as {
    directories: { isMountPoint: boolean; isWritable: boolean }[];
    timeMs: number;
    linkMtu: number | null;
    uid: number;
  };
  const skew = seen.timeMs < beforeMs ? seen.timeMs - beforeMs : Math.max(0, seen.timeMs - afterMs);
  return {
    kind: 'seen',
    directories: seen.directories.map((directory, index) => ({ path: paths[index]!, ...directory })),
    clockSkewMs: skew,
    linkMtu: seen.linkMtu,
    uid: seen.uid,
  };
}

/** null when it is done; a sentence when it was rejected, has failed, or takes too long. */
async function awaitTask(docker: Docker, name: string): Promise<string | null> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const lines = await docker.run(['service', 'ps', '--no-trunc', '--format', '{{.CurrentState}}|{{.Error}}', name]);
    const [state = '', error = ''] = lines.split('\n')[0]!.split('|');
    if (state.startsWith('Complete')) return null;
    if (/^(?:Rejected|Failed|Shutdown|Orphaned)/.test(state))
      return error.replace(/^"|"$/g, '') || `the probe ended as ${state}`;
    if (performance.now() > endMs)
      return `the probe did not run within ${TIMEOUT_MS / 60_000} minutes (${state} ${error})`;
    await delay(POLL_MS);
  }
}
