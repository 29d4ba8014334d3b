// A testbed: a real Docker Swarm of several hosts on one Linux machine, each host a set of namespaces with a docker engine of its
// own. Every step looks at what is there already, so that a call repairs what an interrupted one left, or what has died since.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { TestbedError } from './errors.ts';
import { isOn, removeCgroups, turnOff, turnOn } from './host.ts';
import {
  type HostLayout,
  requireHost,
  TESTBEDS_DIRECTORY,
  type TestbedLayout,
  type TestbedShape,
  testbedLayout,
} from './layout.ts';
import { ensureCable, ensureSwitch, inNamespace, removeNamespace } from './network.ts';
import { requireMachine } from './preconditions.ts';
import { ensureRegistry, isRegistryOn, stopRegistry } from './registry.ts';
import { ensureSwarm, nodeStates } from './swarm.ts';

export type TestbedStep = 'network' | 'registry' | 'hosts' | 'swarm';

export interface HostStatus {
  readonly host: HostLayout;
  readonly isOn: boolean;
  /** As the Swarm's managers see it: "ready", "down"; null when no manager answers. */
  readonly state: string | null;
}

export interface TestbedStatus {
  readonly layout: TestbedLayout;
  readonly hosts: readonly HostStatus[];
  readonly isRegistryOn: boolean;
  /** What docker clients should talk to: a manager that is on; null when none is. */
  readonly dockerHost: string | null;
}

const SHAPE = z.object({ name: z.string(), hostCount: z.number(), zoneCount: z.number() });
const SHAPE_FILE = 'testbed.json';
const CLIENT_PORT = 'client';

/**
 * Makes the testbed, or repairs it. Resolves with its status when all hosts are in the Swarm. Rejects with TestbedError where
 * this machine cannot, or when there is one of that name and another shape.
 */
export async function bringUpTestbed(shape: TestbedShape, onStep: (step: TestbedStep) => void): Promise<TestbedStatus> {
  const layout = testbedLayout(shape);
  await requireMachine();
  rememberShape(layout, shape);
  onStep('network');
  await ensureSwitch(layout);
  await ensureCable(layout, layout.clientNamespace, CLIENT_PORT, layout.clientAddress);
  onStep('registry');
  await ensureRegistry(layout);
  onStep('hosts');
  await Promise.all(layout.hosts.map((host) => turnOn(layout, host)));
  onStep('swarm');
  await ensureSwarm(layout);
  return testbedStatus(layout.name);
}

/** Ends the processes of the testbed and removes all that it made: namespaces, control groups, files. */
export async function takeDownTestbed(name: string): Promise<void> {
  const layout = findTestbed(name);
  await Promise.all(layout.hosts.map((host) => turnOff(layout, host)));
  await stopRegistry(layout);
  await removeNamespace(layout.clientNamespace);
  await removeNamespace(layout.switchNamespace);
  removeCgroups(layout.cgroup);
  // Its shape goes last: as long as anything is left, it can be taken down again.
  for (const entry of readdirSync(layout.directory)) {
    if (entry !== SHAPE_FILE) rmSync(join(layout.directory, entry), { recursive: true, force: true });
  }
  rmSync(layout.directory, { recursive: true });
  if (readdirSync(TESTBEDS_DIRECTORY).length === 0) rmdirSync(TESTBEDS_DIRECTORY);
}

export async function testbedStatus(name: string): Promise<TestbedStatus> {
  const layout = findTestbed(name);
  const on = new Set(layout.hosts.filter(isOn));
  const managers = layout.hosts.filter((host) => host.isManager && on.has(host));
  let states: Map<string, string> | null = null;
  let answering: HostLayout | undefined;
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
  const layout = findTestbed(name);
  await turnOff(layout, requireHost(layout, hostName));
}

/** Turns the host on again, with the disks that it had. Resolves when its engine answers. */
export async function reviveHost(name: string, hostName: string): Promise<void> {
  const layout = findTestbed(name);
  await requireMachine();
  await turnOn(layout, requireHost(layout, hostName));
}

/** In front of a command, makes it run where the testbed's clients are: hosts and their ports can be reached from there. */
export function clientCommand(name: string): string[] {
  return inNamespace(findTestbed(name).clientNamespace);
}

/** Throws TestbedError when there is none of that name. */
export function findTestbed(name: string): TestbedLayout {
  const file = shapeFile(name);
  if (existsSync(file)) return testbedLayout(SHAPE.parse(JSON.parse(readFileSync(file, 'utf8'))));
  const others = testbedNames();
  const known = others.length === 0 ? '"ashlar testbed swarm up" makes one' : `there are ${others.join(', ')} (--name)`;
  throw new TestbedError('input', `there is no testbed ${name}; ${known}`);
}

/** Of all testbeds on this machine. */
export function testbedNames(): string[] {
  return existsSync(TESTBEDS_DIRECTORY) ? readdirSync(TESTBEDS_DIRECTORY).sort() : [];
}

function rememberShape(layout: TestbedLayout, shape: TestbedShape): void {
  const file = shapeFile(shape.name);
  if (existsSync(file)) {
    const { hostCount, zoneCount } = findTestbed(shape.name);
    if (hostCount === shape.hostCount && zoneCount === shape.zoneCount) return;
    const found = `there is a testbed ${shape.name} already, with ${hostCount} hosts in ${zoneCount} zones`;
    throw new TestbedError('input', `${found}; take it down first, or give the new one another --name`);
  }
  mkdirSync(layout.directory, { recursive: true, mode: 0o711 });
  writeFileSync(`${file}.new`, `${JSON.stringify(shape)}\n`);
  renameSync(`${file}.new`, file);
}

function shapeFile(name: string): string {
  return join(TESTBEDS_DIRECTORY, name, SHAPE_FILE);
}
