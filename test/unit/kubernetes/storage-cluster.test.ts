import { describe, expect, test } from 'vitest';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { manifestsText } from '../../../stacks/kubernetes/render.ts';
import { StorageCluster } from '../../../stacks/kubernetes/storage-cluster.ts';
import { CASES } from '../../support/kubernetes-cases.ts';
import { collect, manifestsOf } from '../../support/pulumi-collector.ts';

describe('what the component registers', () => {
  for (const [name, props] of Object.entries(CASES)) {
    test(`for ${name} is what the renderer writes, byte by byte`, async () => {
      const { image, ...settings } = props.input;
      const { resources } = await collect(
        () =>
          new StorageCluster('storage', { plan: props.plan, image, settings, secrets: props.secrets, rollout: null }),
      );
      const byName = (manifests: readonly { kind: string; metadata: { name: string } }[]) =>
        [...manifests].sort((a, b) => (`${a.kind} ${a.metadata.name}` < `${b.kind} ${b.metadata.name}` ? -1 : 1));
      expect(manifestsText(byName(manifestsOf(resources)) as never)).toBe(
        manifestsText(byName(describeKubernetes(props).manifests) as never),
      );
    });
  }
});
