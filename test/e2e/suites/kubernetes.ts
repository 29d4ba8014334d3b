// A cluster on a real Kubernetes of four hosts, one to a zone: what the Pulumi program registers is taken to the API server object by
// object, and kubelets run the image. Clients write and read while images change, hosts are drained or lose their power, and a bad image
// is deployed; what is destroyed and deployed again has its objects.
import { join } from 'node:path';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import { builtImage, derivedImage } from '../images.ts';
import {
  KUBERNETES_PACKAGES,
  kubernetesObstacle,
  makeNamespace,
  onKubernetes,
  prepareKubernetes,
  withEngine,
} from '../kubernetes/on-kubernetes.ts';
import { KubernetesProject } from '../kubernetes/project.ts';
import { type PulumiCommands, type PulumiProps, RealPulumi, StandInPulumi } from '../kubernetes/pulumi.ts';
import { CLUSTER, SPEC, Story, type StoryImages } from '../kubernetes/story.ts';
import { isInstalled } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { timed } from '../testbed.ts';

const SHAPE = { hostCount: 4, zoneCount: 4 };

export const kubernetes: Suite = {
  name: 'kubernetes',
  summary:
    'the Pulumi program on a Kubernetes of four hosts: updates, drains, a lost host, a bad image, a destroy, under traffic',
  packages: KUBERNETES_PACKAGES,
  obstacle: kubernetesObstacle,
  prepare: prepareKubernetes,
  run: (context) => onTestbedOf(context, (props) => new StandInPulumi(props)),
};

export const kubernetesPulumi: Suite = {
  name: 'kubernetes-pulumi',
  summary: 'the same by Pulumi itself',
  packages: KUBERNETES_PACKAGES,
  obstacle: async () => {
    const isThere = (await isInstalled('pulumi')) && (await isInstalled('pulumi-language-nodejs'));
    return isThere ? kubernetesObstacle() : 'needs pulumi and pulumi-language-nodejs on the PATH';
  },
  prepare: prepareKubernetes,
  run: (context) => onTestbedOf(context, (props) => new RealPulumi(props, join(context.directory, 'pulumi'))),
};

function onTestbedOf(context: SuiteContext, pulumiOf: (props: PulumiProps) => PulumiCommands): Promise<void> {
  return timed(context, 'Kubernetes built', prepareKubernetes).then(() =>
    onKubernetes(context, SHAPE, async (layout) => {
      const images = await imagesOf(context, layout);
      await makeNamespace(layout);
      const project = new KubernetesProject(join(context.directory, 'project'), CLUSTER, SPEC, layout.kubeconfig);
      const { kubeconfig } = layout;
      const pulumi = pulumiOf({ repository: packageRoot(), project: project.directory, kubeconfig });
      await Story.run({ context, layout, project, pulumi, images });
    }),
  );
}

function imagesOf(context: SuiteContext, { name }: KubernetesLayout): Promise<StoryImages> {
  return timed(context, 'images built, and loaded by all hosts', () =>
    withEngine(context, name, async (place) => {
      const tag = 'ashlar:e2e';
      return {
        first: await builtImage(place, tag),
        second: await derivedImage(place, tag, 'second', 'LABEL ashlar.e2e=second'),
        bad: await derivedImage(place, tag, 'bad', 'ENTRYPOINT ["/usr/local/bin/node", "--eval", "process.exit(1)"]'),
      };
    }),
  );
}
