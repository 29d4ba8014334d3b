import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeKubernetes } from '../../stacks/kubernetes/describe.ts';
import { manifestText } from '../../stacks/kubernetes/manifest.ts';
import { manifestsText, renderKubernetes } from '../../stacks/kubernetes/render.ts';
import { CASES } from '../support/kubernetes-cases.ts';
import { SECRETS } from '../support/kubernetes-specs.ts';

describe('the objects', () => {
  for (const [name, props] of Object.entries(CASES)) {
    test(`for ${name} are as they were`, async () => {
      await expect(manifestsText(describeKubernetes(props).manifests)).toMatchFileSnapshot(`kubernetes/${name}.yaml`);
    });
  }

  test('are the same bytes whenever they are made', () => {
    for (const props of Object.values(CASES)) {
      expect(manifestsText(describeKubernetes(props).manifests)).toBe(
        manifestsText(describeKubernetes(props).manifests),
      );
    }
  });
});

test('a word that YAML 1.1 takes for a value stays a word', () => {
  const data = { a: 'yes', b: 'off', c: '0o17', d: '1:20', e: 'text', f: '12' };
  const text = manifestText({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'n' }, data });
  expect(parse(text, { version: '1.1' })).toMatchObject({ data });
  expect(text).toContain('a: "yes"');
  expect(text).toContain('e: text');
});

describe('the directory for kubectl', () => {
  const files = renderKubernetes(describeKubernetes(CASES['tls-own-ca']!));

  test('has a file for each object but the secrets, and a kustomization that names them all', () => {
    const names = [...files.keys()].filter((name) => name !== 'kustomization.yaml');
    expect(names).toContain('statefulset-six-a.yaml');
    expect(names.some((name) => name.startsWith('secret-'))).toBe(false);
    for (const name of names) expect(files.get('kustomization.yaml')).toContain(`  - ${name}\n`);
    expect(names.length).toBe(describeKubernetes(CASES['tls-own-ca']!).manifests.length - 1);
  });

  test('has the drives of hosts apart, so that nobody deletes them with the cluster', () => {
    const local = renderKubernetes(describeKubernetes(CASES['local-volumes']!));
    expect(local.get('volumes.yaml')!.match(/^kind: .*/gm)).toEqual([
      'kind: StorageClass',
      ...Array.from({ length: 18 }, () => 'kind: PersistentVolume'),
    ]);
    expect(local.get('kustomization.yaml')).not.toContain('volume');
    expect([...local.keys()].filter((name) => name.startsWith('persistentvolume-'))).toEqual([]);
    expect(files.has('volumes.yaml')).toBe(false);
  });

  test('never holds a secret', () => {
    const text = [...files.values()].join('\n');
    for (const secret of Object.values(SECRETS)) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });
});
