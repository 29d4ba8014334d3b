// Runs a mutant in a process of its own, for a bounded number of seeds and a bounded time.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MutantReport } from './mutant.ts';
import type { Mutation } from './mutation.ts';

const MUTANT = fileURLToPath(new URL('mutant.ts', import.meta.url));

export interface HuntLimits {
  readonly seedsMax: number;
  readonly timeMs: number;
}

export interface Hunted extends MutantReport {
  readonly mutation: Mutation;
  readonly seconds: number;
}

/** Rejects when the mutation is stale, or when the mutant does not end in time: that proves nothing about the checks. */
export async function hunt(mutation: Mutation, { seedsMax, timeMs }: HuntLimits): Promise<Hunted> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [MUTANT, mutation.name, String(mutation.firstSeed), String(seedsMax)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeMs,
    killSignal: 'SIGKILL',
  });
  const [output, errors, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (code === null)
    throw new Error(`mutation ${mutation.name} was not caught within ${(timeMs / 1_000).toFixed(0)} s`);
  if (code !== 0) throw new Error(`mutation ${mutation.name} could not be run: ${errors.trim()}`);
  return { ...(JSON.parse(output.trim().split('\n').at(-1)!) as MutantReport), mutation, seconds };
}

/** One line of the list. */
export function describeHunt({ mutation, caught, seedsRun, seconds }: Hunted): string {
  const what = `${mutation.name.padEnd(34)} ${seconds.toFixed(1).padStart(6)} s  `;
  if (caught === null)
    return `${what}NOT CAUGHT by ${seedsRun} seeds from ${mutation.firstSeed} on: ${mutation.breaks}`;
  return `${what}${caught.checker.padEnd(16)} seed ${String(caught.seed).padStart(4)} (of ${seedsRun})  ${mutation.breaks}`;
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
}
