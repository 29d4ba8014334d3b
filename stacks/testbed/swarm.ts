// Makes one Swarm of a testbed's engines: the first begins it, the others join, and each is labelled with its zone.
import { Docker } from '../docker.ts';
import { TestbedError } from './errors.ts';
import type { HostLayout, TestbedLayout } from './layout.ts';

/** Ranges for overlay networks that meet nothing else in a testbed. */
const ADDRESS_POOL = ['--default-addr-pool', '10.78.0.0/16', '--default-addr-pool-mask-length', '24'];
/** Two seconds instead of five: a dead worker is seen after six. */
const HEARTBEAT = ['--dispatcher-heartbeat', '2s', '--task-history-limit', '2'];

export async function ensureSwarm(layout: TestbedLayout): Promise<void> {
  const states = await Promise.all(layout.hosts.map(async (host) => ({ host, state: await swarmState(host) })));
  const [first, ...others] = layout.hosts as [HostLayout, ...HostLayout[]];
  const isActive = (host: HostLayout) => states.some((known) => known.host === host && known.state === 'active');
  const member = layout.hosts.find((host) => host.isManager && isActive(host)) ?? null;
  if (member === null)
    await clientOf(first).run(['swarm', 'init', ...addressFlags(first), ...ADDRESS_POOL, ...HEARTBEAT]);
  const begun = member ?? first;
  const joining = [first, ...others].filter((host) => host !== begun && !isActive(host));
  if (joining.length > 0) {
    const tokens = { manager: await joinToken(begun, 'manager'), worker: await joinToken(begun, 'worker') };
    // One after the other: managers that join at the same time can cost the others their majority for a moment.
    for (const host of joining) {
      const token = host.isManager ? tokens.manager : tokens.worker;
      await clientOf(host).run(['swarm', 'join', '--token', token, ...addressFlags(host), `${begun.address}:2377`]);
    }
  }
  await label(layout, begun);
}

/** "inactive", "pending", "active", "error", "locked". */
async function swarmState(host: HostLayout): Promise<string> {
  return clientOf(host).run(['info', '--format', '{{.Swarm.LocalNodeState}}']);
}

/** The names of Swarm nodes as their manager sees them: "ready", "down", …. */
export async function nodeStates(host: HostLayout): Promise<Map<string, string>> {
  const lines = await clientOf(host).run(['node', 'ls', '--format', '{{.Hostname}} {{.Status}}']);
  return new Map(
    lines.split('\n').map((line) => {
      const [name, status] = line.split(' ');
      return [name!, status!.toLowerCase()];
    }),
  );
}

async function label({ hosts }: TestbedLayout, manager: HostLayout): Promise<void> {
  const docker = clientOf(manager);
  for (const { name, zone } of hosts) {
    const { Spec } = (await docker.inspect('node', name)) as { Spec: { Labels: Record<string, string> } };
    if (Spec.Labels.zone !== zone) await docker.run(['node', 'update', '--label-add', `zone=${zone}`, name]);
  }
}

async function joinToken(host: HostLayout, role: 'manager' | 'worker'): Promise<string> {
  const token = await clientOf(host).run(['swarm', 'join-token', '--quiet', role]);
  if (token !== '') return token;
  throw new TestbedError('failure', `host ${host.name} gives no token for joining its Swarm`);
}

function addressFlags({ address }: HostLayout): string[] {
  return ['--listen-addr', address, '--advertise-addr', address, '--data-path-addr', address];
}

const clientOf = ({ dockerHost }: HostLayout) => new Docker(dockerHost);
