// Runs other people's programs: to their end, with their output kept for when they fail.
import { spawn } from 'node:child_process';

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether a non-zero exit rejects (the default). */
  readonly mustSucceed?: boolean;
}

/** Rejects when the program cannot be started, or exits with another code than 0. */
export function run(command: string, args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...ownEnvironment(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (data) => stdout.push(data));
    child.stderr.on('data', (data) => stderr.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const result = {
        exitCode: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        seconds: (performance.now() - startedAt) / 1000,
      };
      if (result.exitCode === 0 || options.mustSucceed === false) {
        resolve(result);
        return;
      }
      const how = signal === null ? `exit ${result.exitCode}` : `signal ${signal}`;
      reject(new Error(`${command} ${args.join(' ')}: ${how}\n${tail(result.stdout)}\n${tail(result.stderr)}`));
    });
  });
}

/** Without what configures S3 clients: the suites say themselves which credentials, endpoints and certificates count. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|RCLONE)_/.test(name)));
}

export async function isInstalled(program: string): Promise<boolean> {
  const found = await run('sh', ['-c', `command -v ${program}`], { mustSucceed: false });
  return found.exitCode === 0;
}

function tail(output: string): string {
  return output.split('\n').slice(-30).join('\n');
}
