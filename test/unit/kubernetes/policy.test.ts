// What every pod of every target must keep to, over all golden clusters: the restricted Pod Security standard
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), and what it does not ask for.
import { describe, expect, test } from 'vitest';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { CASES } from '../../support/kubernetes-cases.ts';

interface Container {
  readonly image: string;
  readonly resources: Record<'limits' | 'requests', Record<'cpu' | 'memory', string>>;
  readonly securityContext: object;
  readonly ports: readonly object[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Record<string, unknown>[];
  readonly securityContext: object;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly serviceAccountName: string;
}

const podsOf = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ kind, metadata, spec }): [string, PodSpec][] => {
    const { template } = (spec ?? {}) as { template?: { spec: PodSpec } };
    return template === undefined ? [] : [[`${kind} ${metadata.name}`, template.spec]];
  });

const all = Object.entries(CASES).flatMap(([name, props]) =>
  podsOf(describeKubernetes(props).manifests).map(([pod, spec]): [string, PodSpec] => [`${name}: ${pod}`, spec]),
);

test('there are pods to look at in every case', () => {
  expect(all.length).toBeGreaterThan(Object.keys(CASES).length * 2);
});

describe.each(all)('%s', (_, pod) => {
  test('runs as nobody special, without a way to become more', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect((pod.securityContext as { runAsUser: number }).runAsUser).toBeGreaterThan(0);
    expect(pod).not.toHaveProperty('hostNetwork');
    expect(pod).not.toHaveProperty('hostPID');
    expect(pod).not.toHaveProperty('hostIPC');
    expect(pod.initContainers ?? []).toEqual([]);
    for (const { securityContext, ports } of pod.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
      });
      for (const port of ports) expect(port).not.toHaveProperty('hostPort');
    }
  });

  test('mounts nothing of its host', () => {
    const kinds = pod.volumes.flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'));
    expect(['configMap', 'emptyDir', 'secret']).toEqual(expect.arrayContaining([...new Set(kinds)]));
  });

  test('has no token, and knows no other services', () => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.serviceAccountName).not.toBe('default');
  });

  test('runs images that are fixed by their digest, within limits', () => {
    for (const { image, resources } of pod.containers) {
      expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
      expect(resources).toEqual({
        limits: { cpu: expect.any(String), memory: expect.any(String) },
        requests: { cpu: expect.any(String), memory: expect.any(String) },
      });
    }
  });
});

describe.each(Object.entries(CASES))('the objects of %s', (_, props) => {
  const { manifests, namespace } = describeKubernetes(props);

  test('are each there once, in their namespace or in none', () => {
    const ids = manifests.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
    const global = new Set(['PersistentVolume', 'PriorityClass', 'StorageClass']);
    for (const { kind, metadata } of manifests)
      expect(metadata.namespace).toBe(global.has(kind) ? undefined : namespace);
  });

  test('carry the name of their cluster', () => {
    for (const { metadata } of manifests)
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': props.plan.name });
  });

  test('name only Secrets, ConfigMaps and accounts that are there, or that the settings name', () => {
    const text = JSON.stringify(podsOf(manifests));
    const used = [...text.matchAll(/"(?:secretName|serviceAccountName)":"([^"]+)"/g)].map(([, name]) => name!);
    const known = manifests
      .flatMap(({ metadata, spec }) => [metadata.name, (spec as { secretName?: string } | undefined)?.secretName])
      .concat(props.settings.secrets.kind === 'external' ? [props.settings.secrets.name] : []);
    expect(known).toEqual(expect.arrayContaining(used));
  });
});
