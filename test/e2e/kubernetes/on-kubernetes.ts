// A Kubernetes testbed of four hosts, one to a zone, for the length of a suite, and an engine that builds images for it.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Docker } from '../../../stacks/docker.ts';
import { saveImage } from '../../../stacks/image/build-image.ts';
import type { KubernetesLayout, KubernetesShape } from '../../../stacks/testbed/kubernetes/layout.ts';
import { ensurePrograms, programsObstacle } from '../../../stacks/testbed/kubernetes/programs.ts';
import {
  bringUpKubernetes,
  findKubernetes,
  loadImage,
  takeDownKubernetes,
} from '../../../stacks/testbed/kubernetes/testbed.ts';
import { TESTBEDS_DIRECTORY } from '../../../stacks/testbed/layout.ts';
import { requireMachine } from '../../../stacks/testbed/preconditions.ts';
import { bringUpSwarm, takeDownSwarm } from '../../../stacks/testbed/swarm/testbed.ts';
import type { ImagePlace } from '../images.ts';
import { isInstalled, run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { SWARM_PACKAGES, swarmObstacle } from '../swarm/on-swarm.ts';
import { onTestbed, removeLeftovers } from '../testbed.ts';
import { ClusterView } from './cluster-view.ts';
import { stopSimulation } from './simulated-nodes.ts';

/** The engine that builds the images is one of a Swarm testbed with a single host. */
export const KUBERNETES_PACKAGES: Suite['packages'] = [
  ...SWARM_PACKAGES,
  { name: 'etcd-server', program: 'etcd' },
  { name: 'containernetworking-plugins', program: '/usr/lib/cni/bridge' },
];

const ENGINE_NAME = 'e2e-build-';
/** Of the cluster, as in the README. */
export const NAMESPACE = 'ashlar';

let preparing: Promise<void> | null = null;

/** What of this machine stands against it; null when nothing does. */
export async function kubernetesObstacle(): Promise<string | null> {
  if (!(await isInstalled('kubectl'))) return 'needs kubectl on the PATH';
  const toMachine = requireMachine('kubernetes').then(programsObstacle, (error: Error) => error.message);
  return (await toMachine) ?? swarmObstacle();
}

/** Builds Kubernetes, once for all who ask. */
export function prepareKubernetes(): Promise<void> {
  preparing ??= ensurePrograms(() => {}).then(() => {});
  return preparing;
}

export function onKubernetes(
  context: SuiteContext,
  shape: Omit<KubernetesShape, 'name'>,
  work: (layout: KubernetesLayout) => Promise<void>,
): Promise<void> {
  const kind = {
    nameStart: 'e2e-k-',
    bringUp: async (name: string) => (await bringUpKubernetes({ name, ...shape }, () => {})).layout,
    takeDown: async (name: string) => {
      await stopSimulation(findKubernetes(name));
      await takeDownKubernetes(name);
    },
    keepLogs,
  };
  return onTestbed(context, kind, work);
}

/** work: with an engine that is gone afterwards; what it publishes is on all hosts of the Kubernetes. */
export async function withEngine<T>(
  { directory }: SuiteContext,
  testbed: string,
  work: (place: ImagePlace) => Promise<T>,
): Promise<T> {
  await removeLeftovers(ENGINE_NAME, takeDownSwarm);
  const name = `${ENGINE_NAME}${process.pid}`;
  const place = join(directory, 'images');
  mkdirSync(place);
  try {
    const { dockerHost } = await bringUpSwarm({ name, hostCount: 1, zoneCount: 1 }, () => {});
    const docker = new Docker(dockerHost);
    const publish = async (tag: string) => {
      const archive = join(place, `${tag.replaceAll(/[^a-z0-9]/g, '-')}.tar`);
      await saveImage(docker, tag, archive);
      return loadImage(testbed, archive);
    };
    return await work({ docker, directory: place, publish });
  } finally {
    if (existsSync(join(TESTBEDS_DIRECTORY, name))) await takeDownSwarm(name);
  }
}

/** As the README has it. */
export async function makeNamespace({ kubeconfig }: KubernetesLayout): Promise<void> {
  const view = new ClusterView(kubeconfig, NAMESPACE);
  await view.kubectl(['create', 'namespace', NAMESPACE]);
  await view.kubectl(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']);
}

/** What all pods and the cluster itself have said. */
async function keepLogs(name: string, directory: string): Promise<void> {
  const { kubeconfig } = findKubernetes(name);
  const say = async (file: string, ...args: string[]) => {
    const { stdout, stderr } = await run('kubectl', ['--kubeconfig', kubeconfig, ...args], { mustSucceed: false });
    writeFileSync(join(directory, file), stdout + stderr);
  };
  await say('pods.yaml', 'get', 'pods', '-A', '-o', 'yaml');
  await say('nodes.yaml', 'get', 'nodes', '-o', 'yaml');
  await say('events.txt', 'get', 'events', '-A', '--sort-by=.lastTimestamp');
  await say('dump.json', 'cluster-info', 'dump', '--namespaces', NAMESPACE, '--output', 'json');
}
