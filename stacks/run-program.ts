// Runs a program that is not ours (docker, npm, ip …) to its end, and words what goes wrong with it for people.
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { WordedError, type WordedErrorKind } from './worded-error.ts';

export interface ProgramOptions {
  readonly cwd?: string;
  /** Fed to it; without it its stdin is empty. */
  readonly stdin?: Readable;
  /** Told of every line of stdout and stderr as it comes: for what takes long. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramResult {
  /** 128 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** 'input': the program is not there, which the person can change. 'failure': it ran and failed. */
export class ProgramError extends WordedError {
  override readonly name = 'ProgramError';
  readonly result: ProgramResult | null;
  constructor(kind: WordedErrorKind, message: string, result: ProgramResult | null = null) {
    super(kind, message);
    this.result = result;
  }
}

const LINES_SHOWN = 12;

/** Resolves whatever its exit code is. Rejects with ProgramError only when it cannot be started. */
export function tryProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout = collect(child.stdout!, options.onLine);
    const stderr = collect(child.stderr!, options.onLine);
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'there is no such program here' : error.message;
      reject(new ProgramError('input', `cannot run ${program}: ${why}`));
    });
    child.once('close', (code) => resolve({ exitCode: code ?? 128, stdout: stdout(), stderr: stderr() }));
    if (options.stdin !== undefined && child.stdin !== null) {
      // It may end before it has read everything; its exit code then says more than the broken pipe.
      child.stdin.on('error', () => {});
      options.stdin.pipe(child.stdin);
    }
  });
}

/** Resolves when it exits with 0; else rejects with ProgramError, which shows what it said last. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const result = await tryProgram(program, args, options);
  if (result.exitCode === 0) return result;
  const said = [result.stdout, result.stderr].flatMap((text) => text.trim().split('\n')).filter((line) => line !== '');
  const lines = said.slice(-LINES_SHOWN).map((line) => `\n  ${line}`);
  const command = [program, ...args].join(' ');
  throw new ProgramError('failure', `"${command}" failed (exit code ${result.exitCode})${lines.join('')}`, result);
}

function collect(stream: Readable, onLine: ((line: string) => void) | undefined): () => string {
  const chunks: Buffer[] = [];
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (onLine === undefined) return;
    const lines = `${rest}${chunk.toString('utf8')}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
