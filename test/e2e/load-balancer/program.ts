// HAProxy or nginx as somebody would run it: a configuration rendered by the command line, judged by the program itself, then the
// program with that file. Only what differs between the two stands here.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePorts } from '../../../stacks/local/ports.ts';
import { run } from '../programs.ts';

export type Kind = 'haproxy' | 'nginx';

const repository = join(import.meta.dirname, '..', '..', '..');
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 20_000;
const POLL_MS = 20;

export interface Rendered {
  readonly kind: Kind;
  readonly directory: string;
  readonly port: number;
  readonly statsPort: number;
}

/** Writes the files with `ashlar render`, on free loopback ports. */
export async function render(
  kind: Kind,
  directory: string,
  specFile: string,
  options: readonly string[] = [],
): Promise<Rendered> {
  const [port, statsPort] = (await findFreePorts(2)) as [number, number];
  const words = ['render', 'load-balancer', '--kind', kind, '--out', directory, '-f', specFile];
  const ports = ['--listen', `127.0.0.1:${port}`, '--stats', String(statsPort)];
  await run(process.execPath, [join(repository, 'cli', 'main.ts'), ...words, ...ports, ...options]);
  return { kind, directory, port, statsPort };
}

/** Rejects with what the program finds wrong with the file. */
export async function check({ kind, directory }: Rendered): Promise<void> {
  if (kind === 'haproxy') await run('haproxy', ['-c', '-f', configOf(kind, directory)]);
  else await run('nginx', ['-t', ...nginxArguments(directory)]);
}

export class RunningBalancer implements AsyncDisposable {
  readonly kind: Kind;
  readonly endpoint: string;
  readonly statsEndpoint: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #said: string[];

  private constructor({ kind, directory, port, statsPort }: Rendered, child: ChildProcess, said: string[]) {
    this.kind = kind;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.statsEndpoint = `http://127.0.0.1:${statsPort}`;
    this.#directory = directory;
    this.#child = child;
    this.#said = said;
  }

  /** Resolves when it takes connections. */
  static async start(rendered: Rendered): Promise<RunningBalancer> {
    const { kind, directory, port } = rendered;
    const child =
      kind === 'haproxy'
        ? spawn('haproxy', ['-W', '-db', '-f', configOf(kind, directory)], { stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn('nginx', nginxArguments(directory), { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => said.push(data.toString()));
    const endMs = performance.now() + START_DEADLINE_MS;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || performance.now() > endMs) {
        child.kill('SIGKILL');
        throw new Error(`${kind} does not listen on port ${port}: ${said.join('').slice(-2_000)}`);
      }
      await delay(POLL_MS);
    }
    return new RunningBalancer(rendered, child, said);
  }

  /** What it printed: HAProxy says which nodes come and go. */
  get said(): string {
    return this.#said.join('');
  }

  /** The processes of it, by role and number. */
  async pids(): Promise<Map<string, number>> {
    const pids = new Map([[`${this.kind} master`, this.#child.pid!]]);
    for (const pid of await childrenOf(this.#child.pid!)) pids.set(`${this.kind} worker ${pid}`, pid);
    return pids;
  }

  /** Resolves when new processes have taken over; the old ones may still finish what they have. */
  async reload(): Promise<void> {
    const before = new Set((await this.pids()).values());
    if (this.kind === 'haproxy') this.#child.kill('SIGUSR2');
    else await run('nginx', ['-s', 'reload', ...nginxArguments(this.#directory)]);
    const endMs = performance.now() + START_DEADLINE_MS;
    while ([...(await this.pids()).values()].every((pid) => before.has(pid))) {
      if (performance.now() > endMs) throw new Error(`${this.kind} did not reload: ${this.said.slice(-2_000)}`);
      await delay(POLL_MS);
    }
  }

  /** In order: requests under way are finished. Seconds that it took. */
  async stop(): Promise<number> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return 0;
    const startedAt = performance.now();
    const ended = once(this.#child, 'exit');
    this.#child.kill(this.kind === 'haproxy' ? 'SIGUSR1' : 'SIGQUIT');
    const cut = setTimeout(() => this.#child.kill('SIGTERM'), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(cut);
    return (performance.now() - startedAt) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function configOf(kind: Kind, directory: string): string {
  return join(directory, kind === 'haproxy' ? 'haproxy.cfg' : 'nginx.conf');
}

function nginxArguments(directory: string): string[] {
  const settings = `daemon off; pid ${join(directory, 'nginx.pid')};`;
  return ['-c', configOf('nginx', directory), '-e', 'stderr', '-g', settings];
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function childrenOf(parent: number): Promise<number[]> {
  const children = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end while it is being looked at.
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) children.push(Number(entry));
  }
  return children;
}
