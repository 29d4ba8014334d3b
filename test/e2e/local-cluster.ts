// A local cluster as a user makes one: through the command line, in a directory of its own.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalStatus } from '../../stacks/local/local-status.ts';
import { type ProgramResult, run } from './programs.ts';

const repository = join(import.meta.dirname, '..', '..');
const POLL_MS = 500;

export class LocalCluster {
  readonly directory: string;
  /** AWS_… variables as `ashlar env` prints them. */
  readonly env: Readonly<Record<string, string>>;

  private constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.env = env;
  }

  /** spec: the text of cluster.yaml; null for the repository's own. */
  static async up(directory: string, port: number, spec: string | null = null): Promise<LocalCluster> {
    await mkdir(directory, { recursive: true });
    const file = spec === null ? join(repository, 'cluster.yaml') : join(directory, 'cluster.yaml');
    if (spec !== null) await writeFile(file, spec);
    const data = join(directory, 'cluster');
    await ashlar(['up', '--detach', '-f', file, '--data', data, '--port', String(port)]);
    const { stdout } = await ashlar(['env', '--data', data]);
    const env: Record<string, string> = {};
    for (const [, name, value] of stdout.matchAll(/^export ([A-Z_]+)=(.*)$/gm))
      env[name!] = value!.replace(/^(['"])(.*)\1$/, '$2');
    return new LocalCluster(data, env);
  }

  get endpoint(): string {
    return this.env.AWS_ENDPOINT_URL!;
  }

  /** kind: node, zone or drive. */
  drill(action: 'kill' | 'revive' | 'wipe', kind: string, name: string): Promise<ProgramResult> {
    return ashlar(['drill', action, kind, name, '--data', this.directory]);
  }

  async status(): Promise<LocalStatus> {
    const { stdout } = await ashlar(['status', '--json', '--data', this.directory], false);
    return JSON.parse(stdout);
  }

  /** Seconds until the cluster calls itself healthy. Rejects after timeoutSeconds with what is still wrong. */
  async untilHealthy(timeoutSeconds: number): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      const status = await this.status();
      const seconds = (performance.now() - startedAt) / 1000;
      if (status.healthy) return seconds;
      if (seconds > timeoutSeconds) {
        const reasons = status.report?.reasons ?? ['no node answers'];
        throw new Error(`not healthy after ${timeoutSeconds} s: ${reasons.join('; ')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async down(): Promise<void> {
    await ashlar(['down', '--purge', '--data', this.directory]);
  }
}

function ashlar(args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
  return run(process.execPath, [join(repository, 'cli', 'main.ts'), ...args], { mustSucceed });
}
