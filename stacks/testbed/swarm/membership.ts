// Makes one Swarm of a testbed's engines: the first begins it, the others join, and each is labelled with its zone.
import { setTimeout as delay } from 'node:timers/promises';
import { Docker } from '../../docker.ts';
import { TestbedError } from '../errors.ts';
import type { SwarmHost, SwarmLayout } from './layout.ts';

/** Ranges for overlay networks that meet nothing else in a testbed. */
const ADDRESS_POOL = ['--default-addr-pool', '10.78.0.0/16', '--default-addr-pool-mask-length', '24'];
/** Docker's own heartbeat of five seconds stays: with a shorter one hosts are taken for dead when the machine is merely busy. */
const TASK_HISTORY = ['--task-history-limit', '2'];

const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 200;

/** Resolves when every host is a ready member of one Swarm, with its label. */
export async function ensureSwarm(layout: SwarmLayout): Promise<void> {
  const states = new Map(await Promise.all(layout.hosts.map(async (host) => [host, await swarmState(host)] as const)));
  const outside = layout.hosts.filter((host) => states.get(host) === 'inactive');
  const members = layout.hosts.filter((host) => host.isManager && !outside.includes(host));
  const first = members[0] ?? layout.hosts[0]!;
  if (members.length === 0)
    await clientOf(first).run(['swarm', 'init', ...addressFlags(first), ...ADDRESS_POOL, ...TASK_HISTORY]);
  // One after the other: managers that join at the same time can cost the others their majority for a moment.
  for (const host of outside) if (host !== first) await join(host, first);
  await untilReady(layout, first);
  await label(layout, first);
}

async function join(host: SwarmHost, manager: SwarmHost): Promise<void> {
  const token = await joinToken(manager, host.isManager ? 'manager' : 'worker');
  await clientOf(host).run(['swarm', 'join', '--token', token, ...addressFlags(host), `${manager.address}:2377`]);
}

/** A host that was just turned on is not a member again at once. */
async function untilReady({ hosts }: SwarmLayout, manager: SwarmHost): Promise<void> {
  const endMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const states = await nodeStates(manager).catch(() => new Map<string, string>());
    const missing = hosts.filter(({ name }) => states.get(name) !== 'ready').map(({ name }) => name);
    if (missing.length === 0) return;
    if (performance.now() > endMs) {
      const seconds = READY_TIMEOUT_MS / 1_000;
      throw new TestbedError('failure', `not ready in the Swarm after ${seconds} s: ${missing.join(', ')}`);
    }
    await delay(POLL_MS);
  }
}

/** "inactive", "pending", "active", "error", "locked". */
async function swarmState(host: SwarmHost): Promise<string> {
  return clientOf(host).run(['info', '--format', '{{.Swarm.LocalNodeState}}']);
}

/** The names of Swarm nodes as their manager sees them: "ready", "down", …. */
export async function nodeStates(host: SwarmHost): Promise<Map<string, string>> {
  const lines = await clientOf(host).run(['node', 'ls', '--format', '{{.Hostname}} {{.Status}}']);
  return new Map(
    lines.split('\n').map((line) => {
      const [name, status] = line.split(' ');
      return [name!, status!.toLowerCase()];
    }),
  );
}

async function label({ hosts }: SwarmLayout, manager: SwarmHost): Promise<void> {
  const docker = clientOf(manager);
  for (const { name, zone } of hosts) {
    const { Spec } = (await docker.inspect('node', name)) as { Spec: { Labels: Record<string, string> } };
    if (Spec.Labels.zone !== zone) await docker.run(['node', 'update', '--label-add', `zone=${zone}`, name]);
  }
}

async function joinToken(host: SwarmHost, role: 'manager' | 'worker'): Promise<string> {
  const token = await clientOf(host).run(['swarm', 'join-token', '--quiet', role]);
  if (token !== '') return token;
  throw new TestbedError('failure', `host ${host.name} gives no token for joining its Swarm`);
}

function addressFlags({ address }: SwarmHost): string[] {
  return ['--listen-addr', address, '--advertise-addr', address, '--data-path-addr', address];
}

const clientOf = ({ dockerHost }: SwarmHost) => new Docker(dockerHost);
