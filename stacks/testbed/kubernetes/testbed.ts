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
import { findShape, forgetShape, rememberShape } from '../record.ts';
import { ensureApiAccess, stopApiAccess } from './api-access.ts';
import { ensureControlPlane, stopControlPlane } from './control.ts';
import { diskManifests } from './disks.ts';
import { repositoryOf } from './image-archive.ts';
import { type KubernetesHost, type KubernetesLayout, type KubernetesShape, kubernetesLayout } from './layout.ts';
import { ensurePauseArchive } from './pause-image.ts';
import { ensurePrograms, type KubernetesPrograms } from './programs.ts';
import { ensureRoutes } from './routes.ts';
import { importImage, importPause, turnOnWorker } from './worker.ts';

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
  await Promise.all(layout.hosts.map((host) => turnOnHost(layout, host, programs)));
  onStep('nodes ready');
  await untilReady(layout, layout.hosts);
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
}

export async function kubernetesStatus(name: string): Promise<KubernetesStatus> {
  const layout = findKubernetes(name);
  const states = await nodeStates(layout);
  return {
    layout,
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
  await turnOnHost(layout, host, await ensurePrograms(() => {}));
  await untilReady(layout, [host]);
}

/**
 * Brings an image to all hosts that are on. archive: a file as "docker save" writes it. Resolves with the image's name by digest, for
 * manifests. Rejects with TestbedError or ProgramError.
 */
export async function loadImage(name: string, archive: string): Promise<string> {
  if (!existsSync(archive)) throw new TestbedError('input', `there is no file ${archive}`);
  const hosts = findKubernetes(name).hosts.filter(isOn);
  const repository = await repositoryOf(archive);
  const names = await Promise.all(hosts.map((host) => importImage(host, archive, repository)));
  if (names[0] === undefined) throw new TestbedError('failure', `no host of testbed ${name} is on`);
  return names[0];
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

async function turnOnHost(layout: KubernetesLayout, host: KubernetesHost, programs: KubernetesPrograms): Promise<void> {
  const pause = join(layout.directory, 'pause.tar');
  await ensureCable(layout, host);
  await ensureRoutes(layout, host);
  await turnOnWorker(layout, host, programs);
  await ensurePauseArchive(programs.pause, pause);
  await importPause(host, pause);
}

async function untilReady(layout: KubernetesLayout, hosts: readonly KubernetesHost[]): Promise<void> {
  const endMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const states = await nodeStates(layout);
    const missing = hosts.filter(({ name }) => states?.get(name) !== 'ready').map(({ name }) => name);
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
