// Clusters of sixty and of three hundred nodes, on simulated hosts under a real API server, scheduler and controllers: every pod must land
// in its zone, on the host whose volumes are its own, and the disruption budget must be what the plan proves.
import { join } from 'node:path';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import { KWOK } from '../go-programs.ts';
import { ClusterView } from '../kubernetes/cluster-view.ts';
import {
  KUBERNETES_PACKAGES,
  kubernetesObstacle,
  makeNamespace,
  NAMESPACE,
  onKubernetes,
  prepareKubernetes,
} from '../kubernetes/on-kubernetes.ts';
import { KubernetesProject } from '../kubernetes/project.ts';
import { type SimulatedHost, withSimulatedHosts } from '../kubernetes/simulated-nodes.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { timed, until } from '../testbed.ts';

interface Scale {
  readonly zones: readonly string[];
  readonly nodesPerZone: number;
  readonly erasure: string;
}

const SCALES: readonly Scale[] = [
  { zones: ['a', 'b', 'c'], nodesPerZone: 20, erasure: '4+2' },
  { zones: ['a', 'b', 'c', 'd', 'e', 'f'], nodesPerZone: 50, erasure: '8+4' },
];
const DRIVES = 4;
const CLUSTER = 'scale';
const IMAGE = `registry.invalid/ashlar@sha256:${'0'.repeat(64)}`;
const READY_TIMEOUT_MS = 600_000;
/** It is there because a testbed has one; nothing of the cluster may land on it. */
const REAL_HOST = 'h1';

export const kubernetesScale: Suite = {
  name: 'kubernetes-scale',
  summary: 'sixty nodes in three zones and three hundred in six: every pod in its zone, the budget as the plan proves',
  packages: KUBERNETES_PACKAGES,
  obstacle: async () => (await kubernetesObstacle()) ?? (await KWOK.obstacle()),
  prepare: async () => {
    await prepareKubernetes();
    await KWOK.prepare();
  },
  run: async (context) => {
    await timed(context, 'Kubernetes and kwok built', () => Promise.all([prepareKubernetes(), KWOK.prepare()]));
    for (const scale of context.ci ? SCALES.slice(0, 1) : SCALES) {
      await onKubernetes(context, { hostCount: 1, zoneCount: 1 }, (layout) => check(context, layout, scale));
    }
  },
};

async function check(context: SuiteContext, layout: KubernetesLayout, scale: Scale): Promise<void> {
  const hosts = hostsOf(scale);
  const view = new ClusterView(layout.kubeconfig, NAMESPACE);
  await view.kubectl(['cordon', REAL_HOST]);
  await makeNamespace(layout);
  const directory = join(context.directory, String(hosts.length));
  const project = new KubernetesProject(directory, CLUSTER, specOf(scale), layout.kubeconfig);
  // Drives of hosts: each volume is bound to one host beforehand, and must be that of its node.
  project.settle({ image: IMAGE, namespace: NAMESPACE, volumes: { kind: 'local' } });
  const title = `${hosts.length} nodes in ${scale.zones.length} zones`;
  await withSimulatedHosts(layout, hosts, async () => {
    await project.ashlar(['kubernetes', 'secrets', '--apply']);
    await timed(context, `${title}: ashlar render kubernetes`, () =>
      project.ashlar(['render', 'kubernetes', '--out', 'rendered']),
    );
    await timed(context, `${title}: ashlar kubernetes check`, () => project.ashlar(['kubernetes', 'check']));
    const rendered = join(directory, 'rendered');
    await timed(context, `${title}: ${hosts.length * DRIVES} volumes and the cluster applied`, async () => {
      await view.kubectl(['apply', '--server-side', '-f', join(rendered, 'volumes.yaml')]);
      await view.kubectl(['apply', '--server-side', '-k', rendered]);
    });
    await timed(context, `${title}: all pods scheduled and ready`, () =>
      until(READY_TIMEOUT_MS, `not all of ${hosts.length} pods are ready`, async () => {
        const pods = await view.pods();
        return pods.length === hosts.length && pods.every(({ isReady }) => isReady);
      }),
    );
    await mustBeInPlace(view, scale);
    await mustAgree(context, view, project, title);
    await timed(context, `${title}: ashlar kubernetes roll finds nothing to do`, () =>
      project.ashlar(['kubernetes', 'roll']),
    );
  });
}

/** Node k of a zone is pod k-1 of its StatefulSet, and its volumes are on the host of its name. */
async function mustBeInPlace(view: ClusterView, { zones, nodesPerZone }: Scale): Promise<void> {
  const found = (await view.pods()).map(({ name, host }) => `${name} on ${host}`).sort();
  const wanted = zones
    .flatMap((zone) => Array.from({ length: nodesPerZone }, (_, k) => `${CLUSTER}-${zone}-${k} on ${zone}${k + 1}`))
    .sort();
  const wrong = found.filter((line) => !wanted.includes(line));
  if (found.length !== wanted.length || wrong.length > 0) throw new Error(`in the wrong place: ${wrong.join(', ')}`);
}

/** The budget in the cluster is the number of nodes of which the plan shows that any may be away, and the cluster counts all pods. */
async function mustAgree(
  context: SuiteContext,
  view: ClusterView,
  project: KubernetesProject,
  title: string,
): Promise<void> {
  const { stdout } = await project.ashlar(['kubernetes', 'check']);
  const proved = Number(/of which (\d+) may be away at once/.exec(stdout)?.[1]);
  const allowed = () => view.disruptionsAllowed();
  await until(READY_TIMEOUT_MS, 'the budget counts no pods', async () => (await allowed()) > 0);
  const { stdout: spec } = await view.kubectl(['get', 'pdb', CLUSTER, '-o', 'jsonpath={.spec.maxUnavailable}']);
  const { stdout: pods } = await view.kubectl(['get', 'pdb', CLUSTER, '-o', 'jsonpath={.status.expectedPods}']);
  if (!(proved >= 1) || Number(spec) !== proved || (await allowed()) !== proved)
    throw new Error(`the plan proves ${proved}, the budget is ${spec}, and it allows ${await allowed()} now`);
  context.say(`${title}: the budget lets ${proved} of ${pods} pods go, as the plan proves`);
}

function hostsOf({ zones, nodesPerZone }: Scale): SimulatedHost[] {
  return zones.flatMap((zone) => Array.from({ length: nodesPerZone }, (_, k) => ({ name: `${zone}${k + 1}`, zone })));
}

function specOf({ zones, nodesPerZone, erasure }: Scale): string {
  const counts = zones.map((zone) => `${zone}: ${nodesPerZone}`).join(', ');
  return `name: ${CLUSTER}\nerasure: ${erasure}\nsurvive: zone\nzones: {${counts}}\ndrives: ${DRIVES}\n`;
}
