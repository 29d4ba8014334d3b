// The same spec with `engine: minio`: MinIO itself on a Kubernetes of four hosts, closed down like our own node, from the volume arguments
// that the plan has proved. Its image changes; one host is lost, as the plan says it may be, and comes back.
import { join } from 'node:path';
import type { KubernetesSettingsInput } from '../../../stacks/kubernetes/settings.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import {
  killKubernetesHost,
  kubernetesClientCommand,
  kubernetesStatus,
  reviveKubernetesHost,
} from '../../../stacks/testbed/kubernetes/testbed.ts';
import { MINIO } from '../go-programs.ts';
import { derivedImage, minioImage } from '../images.ts';
import { ClusterView } from '../kubernetes/cluster-view.ts';
import {
  KUBERNETES_PACKAGES,
  kubernetesObstacle,
  makeNamespace,
  NAMESPACE,
  onKubernetes,
  prepareKubernetes,
  withEngine,
} from '../kubernetes/on-kubernetes.ts';
import { KubernetesProject } from '../kubernetes/project.ts';
import { StandInPulumi } from '../kubernetes/pulumi.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { timed, until } from '../testbed.ts';
import { ObjectClientProcess } from '../traffic/object-client-process.ts';

const CLUSTER = 'others';
const SPEC = `name: ${CLUSTER}\nengine: minio\nerasure: 5+3\nsurvive: zone\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n`;
const NODE_PORT = 30_900;
const VICTIM = 'h4';
const SIZES_BYTES = [500, 300_000, 2_500_000];
const OBJECTS = 60;
const READY_TIMEOUT_MS = 180_000;

export const kubernetesMinio: Suite = {
  name: 'kubernetes-minio',
  summary: 'engine: minio on a Kubernetes of four hosts: another image, and a host lost',
  notInCi: 'MinIO is built from its source first, which takes two cores about six minutes; name it to run it',
  packages: KUBERNETES_PACKAGES,
  obstacle: async () => (await kubernetesObstacle()) ?? (await MINIO.obstacle()),
  prepare: async () => {
    await prepareKubernetes();
    await MINIO.prepare();
  },
  run: async (context) => {
    await timed(context, 'Kubernetes and MinIO built', () => Promise.all([prepareKubernetes(), MINIO.prepare()]));
    await onKubernetes(context, { hostCount: 4, zoneCount: 4 }, (layout) => story(context, layout));
  },
};

async function story(context: SuiteContext, layout: KubernetesLayout): Promise<void> {
  const images = await timed(context, 'images made, and loaded by all hosts', () =>
    withEngine(context, layout.name, async (place) => ({
      first: await minioImage(place, await MINIO.prepare()),
      second: await derivedImage(place, 'minio:e2e', 'second', 'LABEL ashlar.e2e=second'),
    })),
  );
  await makeNamespace(layout);
  const { kubeconfig } = layout;
  const project = new KubernetesProject(join(context.directory, 'project'), CLUSTER, SPEC, kubeconfig);
  settle(project, images.first);
  await project.ashlar(['kubernetes', 'secrets']);
  await project.ashlar(['kubernetes', 'check']);
  const pulumi = new StandInPulumi({ repository: packageRoot(), project: project.directory, kubeconfig });
  const view = new ClusterView(kubeconfig, NAMESPACE);
  const up = async (what: string) => {
    const { isDone, said } = await timed(context, what, () => pulumi.up());
    if (!isDone) throw new Error(`${what} failed:\n${said}`);
  };
  const untilReady = () =>
    until(READY_TIMEOUT_MS, 'not all pods are ready', async () => {
      const pods = await view.pods();
      return pods.length === layout.hosts.length && pods.every(({ isReady }) => isReady);
    });
  await up('up of four zones');
  const client = new ObjectClientProcess(kubernetesClientCommand(layout.name), {
    endpoints: layout.hosts
      .filter(({ name }) => name !== VICTIM)
      .map(({ address }) => `http://${address}:${NODE_PORT}`),
    credentials: project.credentials(),
    region: 'us-east-1',
    bucket: 'others',
    sizesBytes: SIZES_BYTES,
  });
  try {
    await client.ask({ kind: 'make-bucket' });
    await client.ask({ kind: 'write', count: OBJECTS });
    settle(project, images.second);
    // Nobody writes meanwhile: what MinIO wrote while one pod was away it heals in its own time, and says nowhere when it has.
    await up('up with another image');
    await client.ask({ kind: 'read-all' });
    const strangers = (await view.pods()).filter(({ image }) => image !== images.second);
    if (strangers.length > 0) throw new Error(`not updated: ${strangers.map(({ name }) => name).join(', ')}`);
    await killKubernetesHost(layout.name, VICTIM);
    await client.ask({ kind: 'write', count: OBJECTS });
    const read = await timed(context, `objects written before and after the loss of ${VICTIM} read`, () =>
      client.ask({ kind: 'read-all' }),
    );
    context.say(`  ${read.done} objects, each byte right`);
    await timed(context, `${VICTIM} off: its node is not ready`, () =>
      until(READY_TIMEOUT_MS, `the node of ${VICTIM} is ready still`, async () => {
        const { hosts } = await kubernetesStatus(layout.name);
        return hosts.some(({ host, state }) => host.name === VICTIM && state === 'not ready');
      }),
    );
    await reviveKubernetesHost(layout.name, VICTIM);
    await timed(context, `${VICTIM} is back: all pods are ready`, untilReady);
  } finally {
    client.close();
  }
  await timed(context, 'destroy', () => pulumi.destroy());
}

function settle(project: KubernetesProject, image: string): void {
  const settings: KubernetesSettingsInput = {
    image,
    namespace: NAMESPACE,
    volumes: { kind: 'class', size: '100GiB' },
    service: { type: 'NodePort', nodePort: NODE_PORT },
    resources: { cpuRequest: 0.1, memoryRequest: '256MiB' },
    // It refuses directories on the root disk, unless told that this is a test.
    environment: { MINIO_CI_CD: '1' },
  };
  project.settle(settings);
}
