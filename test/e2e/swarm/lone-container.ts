// The image as one container, closed down as far as docker can: it serves from mounts alone, says whose a directory must be that it
// cannot write, and goes in order when it is stopped.
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Docker } from '../../../stacks/docker.ts';

const NAME = 'lone';
const DRIVES = ['d1', 'd2'];
/** Not the image's own: any user will do, when the directories are theirs. */
const OTHER_USER = 12_345;
const TIMEOUT_MS = 120_000;
const POLL_MS = 250;
const ASK = `fetch('http://127.0.0.1:9000/_ashlar/health/' + process.argv[1]).then((answer) => console.log(answer.status))`;

/** directory: a fresh one on the engine's host. Rejects with what was not as it must be. */
export async function checkLoneContainer(docker: Docker, image: string, directory: string): Promise<void> {
  try {
    await start(docker, image, makeDrives(join(directory, 'of-root'), 0), []);
    await untilSaid(docker, /d1 is not writable for user 10001, .*chown -R 10001:10001/);
    await docker.run(['rm', '--force', NAME]);
    const user = ['--user', `${OTHER_USER}:${OTHER_USER}`];
    await start(docker, image, makeDrives(join(directory, 'of-other'), OTHER_USER), user);
    await until('healthy', async () => (await inspect(docker, '{{.State.Health.Status}}')) === 'healthy', docker);
    const before = await ask(docker, 'ready');
    const stopped = docker.run(['stop', '--time', '30', NAME]);
    await until('no longer ready', async () => (await ask(docker, 'ready')) === '503', docker);
    const live = await ask(docker, 'live');
    await stopped;
    const exitCode = await inspect(docker, '{{.State.ExitCode}}');
    if (before !== '200' || live !== '200' || exitCode !== '0') {
      throw new Error(`ready ${before} before and live ${live} during its stop, and exit code ${exitCode}`);
    }
  } finally {
    await docker.try(['rm', '--force', NAME]);
  }
}

function makeDrives(parent: string, owner: number): string {
  for (const drive of DRIVES) {
    mkdirSync(join(parent, drive), { recursive: true, mode: 0o755 });
    chownSync(join(parent, drive), owner, owner);
  }
  return parent;
}

function start(docker: Docker, image: string, data: string, flags: readonly string[]): Promise<string> {
  return docker.run([
    ...['run', '--detach', '--name', NAME, '--hostname', NAME],
    ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--tmpfs', '/tmp', ...flags],
    ...['--volume', `${data}:/data`],
    ...['--env', 'ASHLAR_CLUSTER_SECRET=0123456789abcdef', '--env', 'ASHLAR_ROOT_USER=root'],
    ...['--env', 'ASHLAR_ROOT_PASSWORD=0123456789abcdef'],
    image,
    ...['server', '--zone', 'a', '--scheme', '1+1', ...DRIVES.map((drive) => `http://${NAME}:9000/data/${drive}`)],
  ]);
}

const inspect = (docker: Docker, format: string) => docker.run(['inspect', '--format', format, NAME]);

/** The HTTP status; empty when nobody answers. */
async function ask(docker: Docker, question: 'live' | 'ready'): Promise<string> {
  const { stdout } = await docker.try(['exec', NAME, '/usr/local/bin/node', '--eval', ASK, question]);
  return stdout.trim();
}

function untilSaid(docker: Docker, pattern: RegExp): Promise<void> {
  return until(`saying ${pattern}`, async () => pattern.test(await logs(docker)), docker);
}

async function until(what: string, isSo: () => Promise<boolean>, docker: Docker): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`the container is not ${what}; it says:\n${await logs(docker)}`);
    await delay(POLL_MS);
  }
}

async function logs(docker: Docker): Promise<string> {
  const { stdout, stderr } = await docker.try(['logs', NAME]);
  return stdout + stderr;
}
