// A testbed: a real Docker Swarm of several hosts on one Linux machine, each host a set of namespaces with a docker engine of its
// own. Every step looks at what is there already, so that a call repairs what an interrupted one left, or what has died since.
import { requireHost } from '../layout.ts';
import { ensureCable, ensureSwitch, inNamespace, removeNamespace } from '../network.ts';
import { isOn, removeCgroups, turnOff } from '../power.ts';
import { requireMachine } from '../preconditions.ts';
import { findShape, forgetShape, rememberShape } from '../record.ts';
import { turnOnEngine } from './engine.ts';
import { type SwarmHost, type SwarmLayout, type SwarmShape, swarmLayout } from './layout.ts';
import { ensureSwarm, nodeStates } from './membership.ts';
import { ensureRegistry, isRegistryOn, stopRegistry } from './registry.ts';

export type SwarmStep = 'network' | 'registry' | 'hosts' | 'swarm';

export interface HostStatus {
  readonly host: SwarmHost;
  readonly isOn: boolean;
  /** As the Swarm's managers see it: "ready", "down"; null when no manager answers. */
  readonly state: string | null;
}

export interface SwarmStatus {
  readonly layout: SwarmLayout;
  readonly hosts: readonly HostStatus[];
  readonly isRegistryOn: boolean;
  /** What docker clients should talk to: a manager that is on; null when none is. */
  readonly dockerHost: string | null;
}

/**
 * Makes the testbed, or repairs it. Resolves with its status when all hosts are in the Swarm. Rejects with TestbedError where
 * this machine cannot, or when there is one of that name and another shape.
 */
export async function bringUpSwarm(shape: SwarmShape, onStep: (step: SwarmStep) => void): Promise<SwarmStatus> {
  const layout = swarmLayout(shape);
  await requireMachine('swarm');
  rememberShape({ ...shape, kind: 'swarm' });
  onStep('network');
  await ensureSwitch(layout);
  await ensureCable(layout, layout.client);
  onStep('registry');
  await ensureRegistry(layout);
  onStep('hosts');
  await Promise.all(layout.hosts.map((host) => turnOnEngine(layout, host)));
  onStep('swarm');
  await ensureSwarm(layout);
  return swarmStatus(layout.name);
}

/** Ends the processes of the testbed and removes all that it made: namespaces, control groups, files. */
export async function takeDownSwarm(name: string): Promise<void> {
  const layout = findSwarm(name);
  await Promise.all(layout.hosts.map((host) => turnOff(layout, host)));
  await stopRegistry(layout);
  await removeNamespace(layout.client.namespace);
  await removeNamespace(layout.switchNamespace);
  removeCgroups(layout.cgroup);
  forgetShape(layout);
}

export async function swarmStatus(name: string): Promise<SwarmStatus> {
  const layout = findSwarm(name);
  const on = new Set(layout.hosts.filter(isOn));
  const managers = layout.hosts.filter((host) => host.isManager && on.has(host));
  let states: Map<string, string> | null = null;
  let answering: SwarmHost | undefined;
  for (const manager of managers) {
    states = await nodeStates(manager).catch(() => null);
    if (states !== null) answering = manager;
    if (states !== null) break;
  }
  return {
    layout,
    hosts: layout.hosts.map((host) => ({ host, isOn: on.has(host), state: states?.get(host.name) ?? null })),
    isRegistryOn: isRegistryOn(layout),
    dockerHost: (answering ?? managers[0])?.dockerHost ?? null,
  };
}

/** Like pulling the plug of the host. */
export async function killHost(name: string, hostName: string): Promise<void> {
  const layout = findSwarm(name);
  await turnOff(layout, requireHost(layout, hostName));
}

/** Turns the host on again, with the disks that it had. Resolves when its engine answers. */
export async function reviveHost(name: string, hostName: string): Promise<void> {
  const layout = findSwarm(name);
  await requireMachine('swarm');
  await turnOnEngine(layout, requireHost(layout, hostName));
}

/** In front of a command, makes it run where the testbed's clients are: hosts and their ports can be reached from there. */
export function clientCommand(name: string): string[] {
  return inNamespace(findSwarm(name).client.namespace);
}

/** Throws TestbedError when there is none of that name. */
export function findSwarm(name: string): SwarmLayout {
  return swarmLayout(findShape('swarm', name));
}
