// A Swarm testbed of four hosts, one to a zone, for the length of a suite.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Docker } from '../../../stacks/docker.ts';
import { requireMachine } from '../../../stacks/testbed/preconditions.ts';
import type { SwarmLayout } from '../../../stacks/testbed/swarm/layout.ts';
import { bringUpSwarm, swarmStatus, takeDownSwarm } from '../../../stacks/testbed/swarm/testbed.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { onTestbed } from '../testbed.ts';

export const SWARM_PACKAGES: Suite['packages'] = [
  { name: 'docker.io', program: 'dockerd' },
  { name: 'docker-registry', program: 'docker-registry' },
  { name: 'iptables', program: 'iptables' },
];

const SHAPE = { hostCount: 4, zoneCount: 4 };

/** What of this machine stands against it; null when nothing does. */
export function swarmObstacle(): Promise<string | null> {
  return requireMachine('swarm').then(
    () => null,
    (error: Error) => error.message,
  );
}

export function onSwarm(context: SuiteContext, work: (layout: SwarmLayout) => Promise<void>): Promise<void> {
  const kind = {
    nameStart: 'e2e-s-',
    bringUp: async (name: string) => (await bringUpSwarm({ name, ...SHAPE }, () => {})).layout,
    takeDown: takeDownSwarm,
    keepLogs,
  };
  return onTestbed(context, kind, work);
}

/** What the containers of all hosts that are on have said. */
async function keepLogs(name: string, directory: string): Promise<void> {
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
