// What every suite on a testbed does: brings one up, runs, keeps what its programs said when that failed, takes the testbed down and
// makes sure that nothing of it is left.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TESTBEDS_DIRECTORY } from '../../stacks/testbed/layout.ts';
import { testbedNames } from '../../stacks/testbed/record.ts';
import { run } from './programs.ts';
import type { SuiteContext } from './suite.ts';

export interface TestbedKindOfSuite<Layout> {
  /** Its testbeds are called so, and then by the process that made them. */
  readonly nameStart: string;
  bringUp(name: string): Promise<Layout>;
  takeDown(name: string): Promise<void>;
  /** Into the directory, when the suite failed. */
  keepLogs(name: string, directory: string): Promise<void>;
}

const POLL_MS = 250;

export async function onTestbed<Layout>(
  context: SuiteContext,
  { nameStart, bringUp, takeDown, keepLogs }: TestbedKindOfSuite<Layout>,
  work: (layout: Layout) => Promise<void>,
): Promise<void> {
  await removeLeftovers(nameStart, takeDown);
  const name = `${nameStart}${process.pid}`;
  try {
    await work(await timed(context, 'testbed up', () => bringUp(name)));
  } catch (error) {
    await keepLogs(name, context.directory).catch(() => {});
    throw error;
  } finally {
    if (existsSync(join(TESTBEDS_DIRECTORY, name))) await timed(context, 'testbed down', () => takeDown(name));
  }
  await expectNoTrace(name);
}

/** Asks again and again. Rejects with `otherwise` when it is not so in time. */
export async function until(timeoutMs: number, otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`${otherwise} after ${timeoutMs / 1000} s`);
    await delay(POLL_MS);
  }
}

/** Says how long it took. */
export async function timed<T>({ say }: SuiteContext, what: string, run: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await run();
  say(`${what}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

/** What runs left that were cut off: the process that a testbed is named after is gone. */
export async function removeLeftovers(nameStart: string, takeDown: (name: string) => Promise<void>): Promise<void> {
  for (const name of testbedNames()) {
    const pid = name.startsWith(nameStart) ? name.slice(nameStart.length) : '';
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) await takeDown(name);
  }
}

async function expectNoTrace(name: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const left = stdout.split('\n').filter((line) => line.includes(`-${name}-`));
  if (existsSync(join(TESTBEDS_DIRECTORY, name))) left.push(join(TESTBEDS_DIRECTORY, name));
  const cgroups = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*/ashlar-testbed/${name}*`]);
  left.push(...cgroups.stdout.split('\n').filter(Boolean));
  if (left.length > 0) throw new Error(`the testbed left behind: ${left.join(', ')}`);
}
