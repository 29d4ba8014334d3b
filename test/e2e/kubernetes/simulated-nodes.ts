// Hosts that are only said to be there: a real API server, scheduler and controllers, and kwok in place of the kubelets, which says that
// every pod it is given runs and is ready.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import { ZONE_LABEL } from '../../../stacks/testbed/kubernetes/worker.ts';
import { ensureService, stopService } from '../../../stacks/testbed/service.ts';
import { KWOK } from '../go-programs.ts';
import { appliedAll } from './objects.ts';

export interface SimulatedHost {
  readonly name: string;
  readonly zone: string;
}

const SIMULATED = { 'kwok.x-k8s.io/node': 'simulated' };
const CAPACITY = { cpu: '32', memory: '256Gi', pods: '110' };

/** work: while they are there. */
export async function withSimulatedHosts(
  layout: KubernetesLayout,
  hosts: readonly SimulatedHost[],
  work: () => Promise<void>,
): Promise<void> {
  const directory = directoryOf(layout);
  mkdirSync(directory, { recursive: true });
  const [[annotation, value]] = Object.entries(SIMULATED) as [[string, string]];
  const flags = {
    kubeconfig: layout.clientKubeconfig,
    'manage-all-nodes': 'false',
    'manage-nodes-with-annotation-selector': `${annotation}=${value}`,
    'server-address': '127.0.0.1:10247',
    // Renewed four times as often: by these the controllers know that a node lives.
    'node-lease-duration-seconds': '20',
  };
  await ensureService({
    ...{ title: 'kwok', directory, namespace: layout.control.namespace, isReady: () => true },
    command: [await KWOK.prepare(), ...Object.entries(flags).map(([name, text]) => `--${name}=${text}`)],
  });
  try {
    await appliedAll(layout.kubeconfig, hosts.map(nodeOf));
    await work();
  } finally {
    await stopSimulation(layout);
  }
}

/** Also of a run that was cut off. */
export function stopSimulation(layout: KubernetesLayout): Promise<void> {
  return stopService(directoryOf(layout));
}

const directoryOf = ({ control }: KubernetesLayout) => join(control.directory, 'kwok');

function nodeOf({ name, zone }: SimulatedHost) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: SIMULATED, labels: { 'kubernetes.io/hostname': name, [ZONE_LABEL]: zone } },
    status: { capacity: CAPACITY, allocatable: CAPACITY },
  };
}
