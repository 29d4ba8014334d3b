// The docker client as a program, against one engine: the one that its environment names, or one that is given.
import { ProgramError, type ProgramOptions, type ProgramResult, runProgram, tryProgram } from './run-program.ts';

const REMEDY =
  'Install the docker client and start its engine (Debian: apt-get install docker.io), or name an engine in DOCKER_HOST; ' +
  'on a Linux machine, "sudo npx ashlar testbed swarm up" starts four of its own';

export interface Engine {
  readonly version: string;
  /** As Node names it: x64, arm64. */
  readonly architecture: string;
}

export class Docker {
  readonly #host: readonly string[];

  /** host: for instance "unix:///run/docker.sock"; null: what DOCKER_HOST or the client's context says. */
  constructor(host: string | null) {
    this.#host = host === null ? [] : ['--host', host];
  }

  /** Rejects with ProgramError when the client is missing or exits with another code than 0. */
  async run(args: readonly string[], options?: ProgramOptions): Promise<string> {
    return (await runProgram('docker', [...this.#host, ...args], options)).stdout.trim();
  }

  /** Resolves whatever the exit code is. */
  try(args: readonly string[], options?: ProgramOptions): Promise<ProgramResult> {
    return tryProgram('docker', [...this.#host, ...args], options);
  }

  async inspect(kind: 'image' | 'container' | 'node' | 'service', name: string): Promise<unknown> {
    const [value] = JSON.parse(await this.run([kind, 'inspect', name])) as unknown[];
    return value;
  }

  /** What engine answers. Rejects with a ProgramError that says what is missing and what to do. */
  async engine(): Promise<Engine> {
    let answer: ProgramResult;
    try {
      answer = await this.try(['version', '--format', '{{.Server.Version}} {{.Server.Arch}}']);
    } catch (error) {
      throw new ProgramError('input', `${error instanceof Error ? error.message : String(error)}. ${REMEDY}.`);
    }
    const [version, arch] = answer.stdout.trim().split(' ');
    if (answer.exitCode === 0 && version !== undefined && arch !== undefined) {
      return { version, architecture: arch === 'amd64' ? 'x64' : arch };
    }
    const why =
      answer.stderr
        .trim()
        .replace(/[.?]+$/, '')
        .split('\n')
        .at(-1) ?? 'it says nothing';
    throw new ProgramError('input', `no docker engine answers: ${why}. ${REMEDY}.`);
  }
}
