// A testbed: a real Kubernetes of several hosts on one Linux machine, each host a set of namespaces with a containerd and a kubelet of its
// own. Every step looks at what is there already, so that a call repairs what an interrupted one left, or what has died since.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram, tryProgram } from '../../run-program.ts';
import { TestbedError } from '../errors.ts';
import { requireHost } from '../layout.ts';
import { ensureCable, ensureSwitch, inNamespace, removeCable, removeNamespace } from '../network.ts';
import { isOn, removeCgroups, turnOff } from '../power.ts';
import { requireMachine } from '../preconditions.ts';
import { findShape, forgetShape, rememberShape, testbedNames } from '../record.ts';
import { ensureApiAccess, isApiAccessOn, stopApiAccess } from './api-access.ts';
import { ensureControlPlane, partsThatAreOff, stopControlPlane } from './control.ts';
import { diskManifests } from './disks.ts';
import { repositoryOf } from './image-archive.ts';
import { type KubernetesHost, type KubernetesLayout, type KubernetesShape, kubernetesLayout } from './layout.ts';
import { ensurePauseArchive } from './pause-image.ts';
import { ensurePrograms, type KubernetesPrograms } from './programs.ts';
import { ensureRoutes } from './routes.ts';
import { importImage, importPause, removeMountPoints, turnOnWorker } from './worker.ts';

export type KubernetesStep =
  | 'network'
  | 'control plane'
  | 'hosts'
  | 'nodes ready'
  | `building ${string} from its source`;

export interface KubernetesHostStatus {
  readonly host: KubernetesHost;
  readonly isOn: boolean;
  /** As the API server sees it: "ready", "not ready", "absent"; null when it does not answer. */
  readonly state: 'ready' | 'not ready' | 'absent' | null;
}

export interface KubernetesStatus {
  readonly layout: KubernetesLayout;
  /** Of the control plane and the way to it: "scheduler"; empty: all is on. */
  readonly off: readonly string[];
  readonly hosts: readonly KubernetesHostStatus[];
}

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 500;

/**
 * Makes the testbed, or repairs it. Resolves with its status when all hosts are ready nodes. The first time on a machine it builds
 * Kubernetes, which takes minutes. Rejects with TestbedError where this machine cannot, or when there is one of that name and another shape.
 */
export async function bringUpKubernetes(
  shape: KubernetesShape,
  onStep: (step: KubernetesStep) => void,
): Promise<KubernetesStatus> {
  const layout = kubernetesLayout(shape);
  await requireMachine('kubernetes');
  await runProgram('kubectl', ['version', '--client']);
  const programs = await ensurePrograms((part) => onStep(`building ${part} from its source`));
  rememberShape({ ...shape, kind: 'kubernetes' });
  onStep('network');
  await ensureSwitch(layout);
  for (const member of [layout.client, layout.control]) {
    await ensureCable(layout, member);
    await ensureRoutes(layout, member);
  }
  onStep('control plane');
  await ensureControlPlane(layout, programs);
  await ensureApiAccess(layout);
  await apply(layout, diskManifests(layout));
  onStep('hosts');
  const turnedOn = await Promise.all(layout.hosts.map((host) => turnOnHost(layout, host, programs)));
  onStep('nodes ready');
  await untilReady(layout, turnedOn);
  return kubernetesStatus(layout.name);
}

/** Ends the processes of the testbed and removes all that it made: namespaces, control groups, files. */
export async function takeDownKubernetes(name: string): Promise<void> {
  const layout = findKubernetes(name);
  await Promise.all(layout.hosts.map((host) => turnOff(layout, host)));
  await stopApiAccess(layout);
  await stopControlPlane(layout);
  await removeCable(layout, layout.control);
  await removeCable(layout, layout.client);
  await removeNamespace(layout.switchNamespace);
  removeCgroups(layout.cgroup);
  forgetShape(layout);
  // Of the last testbed only: to remove what another one has mounted something over would take that away from it.
  if (testbedNames().length === 0) removeMountPoints();
}

export async function kubernetesStatus(name: string): Promise<KubernetesStatus> {
  const layout = findKubernetes(name);
  const states = await nodeStates(layout);
  return {
    layout,
    off: [...partsThatAreOff(layout), ...(isApiAccessOn(layout) ? [] : ['relay'])],
    hosts: layout.hosts.map((host) => ({
      host,
      isOn: isOn(host),
      state: states === null ? null : (states.get(host.name) ?? 'absent'),
    })),
  };
}

/** Like pulling the plug of the host. */
export async function killKubernetesHost(name: string, hostName: string): Promise<void> {
  const layout = findKubernetes(name);
  await turnOff(layout, requireHost(layout, hostName));
}

/** Turns the host on again, with the disks that it had. Resolves when its node is ready. */
export async function reviveKubernetesHost(name: string, hostName: string): Promise<void> {
  const layout = findKubernetes(name);
  await requireMachine('kubernetes');
  const host = requireHost(layout, hostName);
  await untilReady(layout, [await turnOnHost(layout, host, await ensurePrograms(() => {}))]);
}

/**
 * Brings an image to all hosts, which must be on. archive: a file as "docker save" writes it. Resolves with the image's name by digest, for
 * manifests. Rejects with TestbedError or ProgramError.
 */
export async function loadImage(name: string, archive: string): Promise<string> {
  if (!existsSync(archive)) throw new TestbedError('input', `there is no file ${archive}`);
  const { hosts } = findKubernetes(name);
  const off = hosts.filter((host) => !isOn(host)).map((host) => host.name);
  if (off.length > 0) {
    throw new TestbedError(
      'input',
      `${off.join(', ')} would not have the image: turn on all hosts first ("revive-host")`,
    );
  }
  const repository = await repositoryOf(archive);
  const names = await Promise.all(hosts.map((host) => importImage(host, archive, repository)));
  return names[0]!;
}

/** In front of a command, makes it run where the testbed's clients are: hosts, pods and their ports can be reached from there. */
export function kubernetesClientCommand(name: string): string[] {
  const { client, clientKubeconfig } = findKubernetes(name);
  return [...inNamespace(client.namespace), 'env', `KUBECONFIG=${clientKubeconfig}`];
}

/** Throws TestbedError when there is none of that name. */
export function findKubernetes(name: string): KubernetesLayout {
  return kubernetesLayout(findShape('kubernetes', name));
}

interface TurnedOn {
  readonly host: KubernetesHost;
  /** null: it was on already. */
  readonly sinceMs: number | null;
}

async function turnOnHost(
  layout: KubernetesLayout,
  host: KubernetesHost,
  programs: KubernetesPrograms,
): Promise<TurnedOn> {
  const sinceMs = isOn(host) ? null : Date.now();
  const pause = join(layout.directory, 'pause.tar');
  await ensureCable(layout, host);
  await ensureRoutes(layout, host);
  await turnOnWorker(layout, host, programs);
  await ensurePauseArchive(programs.pause, pause);
  await importPause(host, pause);
  return { host, sinceMs };
}

/** What the API server says of a host that has just been turned on may be of the time before: its kubelet must have reported since. */
async function untilReady(layout: KubernetesLayout, hosts: readonly TurnedOn[]): Promise<void> {
  const endMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const [states, renewals] = [await nodeStates(layout), await leaseRenewals(layout)];
    const missing = hosts
      .filter(({ host, sinceMs }) => {
        const isReported = sinceMs === null || (renewals.get(host.name) ?? 0) > sinceMs;
        return states?.get(host.name) !== 'ready' || !isReported;
      })
      .map(({ host }) => host.name);
    if (missing.length === 0) return;
    if (performance.now() > endMs) {
      const seconds = READY_TIMEOUT_MS / 1_000;
      throw new TestbedError('failure', `no ready nodes after ${seconds} s: ${missing.join(', ')}`);
    }
    await delay(POLL_MS);
  }
}

/** By name of the node; null when nobody answers. */
async function nodeStates(layout: KubernetesLayout): Promise<Map<string, 'ready' | 'not ready'> | null> {
  const format = '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const { exitCode, stdout } = await tryProgram('kubectl', [
    ...kubectlFlags(layout),
    'get',
    'nodes',
    '-o',
    `jsonpath=${format}`,
  ]);
  if (exitCode !== 0) return null;
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [name, status] = line.split(' ');
      return [name!, status === 'True' ? 'ready' : 'not ready'];
    }),
  );
}

/** When each kubelet said last that it lives; ms since 1970. Empty when nobody answers. */
async function leaseRenewals(layout: KubernetesLayout): Promise<Map<string, number>> {
  const format = '{range .items[*]}{.metadata.name} {.spec.renewTime}{"\\n"}{end}';
  const args = ['get', 'leases', '--namespace', 'kube-node-lease', '-o', `jsonpath=${format}`];
  const { exitCode, stdout } = await tryProgram('kubectl', [...kubectlFlags(layout), ...args]);
  if (exitCode !== 0) return new Map();
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [name, time] = line.split(' ');
      return [name!, Date.parse(time ?? '')];
    }),
  );
}

async function apply(layout: KubernetesLayout, manifests: readonly unknown[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  const args = [
    ...kubectlFlags(layout),
    'apply',
    '--server-side',
    '--field-manager=testbed',
    '--force-conflicts',
    '-f',
    '-',
  ];
  await runProgram('kubectl', args, { stdin: Readable.from([list]) });
}

const kubectlFlags = ({ kubeconfig }: KubernetesLayout) => ['--kubeconfig', kubeconfig, '--request-timeout', '20s'];
