// What every suite on a testbed does: brings one up, runs, keeps the containers' logs when that failed, takes the testbed down and
// makes sure that nothing of it is left.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Docker } from '../../../stacks/docker.ts';
import { TESTBEDS_DIRECTORY } from '../../../stacks/testbed/layout.ts';
import { requireMachine } from '../../../stacks/testbed/preconditions.ts';
import { testbedNames } from '../../../stacks/testbed/record.ts';
import type { SwarmLayout } from '../../../stacks/testbed/swarm/layout.ts';
import { bringUpSwarm, swarmStatus, takeDownSwarm } from '../../../stacks/testbed/swarm/testbed.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';

export const TESTBED_PACKAGES: Suite['packages'] = [
  { name: 'docker.io', program: 'dockerd' },
  { name: 'docker-registry', program: 'docker-registry' },
  { name: 'iptables', program: 'iptables' },
];

const NAME_START = 'e2e-';
const SHAPE = { hostCount: 4, zoneCount: 4 };
const POLL_MS = 250;

/** What of this machine stands against a testbed; null when nothing does. */
export function testbedObstacle(): Promise<string | null> {
  return requireMachine('swarm').then(
    () => null,
    (error: Error) => error.message,
  );
}

/** Four hosts, one to a zone. */
export async function onTestbed(context: SuiteContext, work: (layout: SwarmLayout) => Promise<void>): Promise<void> {
  await removeLeftovers();
  const name = `${NAME_START}${process.pid}`;
  try {
    const { layout } = await timed(context, 'testbed of four hosts up', () =>
      bringUpSwarm({ name, ...SHAPE }, () => {}),
    );
    await work(layout);
  } catch (error) {
    await keepLogs(context, name).catch(() => {});
    throw error;
  } finally {
    if (existsSync(join(TESTBEDS_DIRECTORY, name))) {
      await timed(context, 'testbed down', () => takeDownSwarm(name));
    }
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
async function removeLeftovers(): Promise<void> {
  for (const name of testbedNames()) {
    if (name.startsWith(NAME_START) && !existsSync(`/proc/${name.slice(NAME_START.length)}`)) await takeDownSwarm(name);
  }
}

/** What the containers of all hosts that are on have said. */
async function keepLogs({ directory }: SuiteContext, name: string): Promise<void> {
  const { hosts } = await swarmStatus(name);
  for (const { host } of hosts.filter(({ isOn }) => isOn)) {
    const docker = new Docker(host.dockerHost);
    const containers = (await docker.run(['ps', '--all', '--format', '{{.Names}}'])).split('\n').filter(Boolean);
    for (const container of containers) {
      const { stdout, stderr } = await docker.try(['logs', container]);
      writeFileSync(join(directory, `${host.name}-${container}.log`), stdout + stderr);
    }
    writeFileSync(join(directory, `${host.name}-tasks.txt`), (await docker.try(['ps', '--all', '--no-trunc'])).stdout);
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
