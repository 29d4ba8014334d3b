// The program of Pulumi.yaml as `pulumi preview` and `pulumi up` run it: by the SDK's own runner, in a process of its own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKubernetesSecrets, openKubernetesProject } from '../../../stacks/kubernetes/project.ts';
import type { ClusterSecrets } from '../../../stacks/secret-files.ts';
import { FakeKubectl } from '../../support/fake-kubectl.ts';
import { type Registration, type Run, type RunProps, runPulumi, UNKNOWN } from '../../support/fake-pulumi-engine.ts';
import { IMAGE, planOf, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';
import { revealed } from '../../support/pulumi-collector.ts';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const NEXT_IMAGE = IMAGE.replace('0123', '4567');
const STACK_URN = 'urn:pulumi:test::ashlar::pulumi:pulumi:Stack::ashlar-test';
const CLUSTER_URN = 'urn:pulumi:test::ashlar::ashlar:kubernetes:StorageCluster::six';
const childUrn = (type: string, name: string) =>
  `urn:pulumi:test::ashlar::ashlar:kubernetes:StorageCluster$kubernetes:${type}::six-${name}`;

let directory: string;
let kubectl: FakeKubectl;
let secrets: ClusterSecrets;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-pulumi-runner-'));
  writeFileSync(join(directory, 'cluster.yaml'), SIX_NODES);
  write('{kind: class, size: 1TiB}');
  const open = () => openKubernetesProject({ directory });
  makeKubernetesSecrets(open());
  secrets = open().secrets!;
  mkdirSync(join(directory, 'fake'));
  kubectl = await FakeKubectl.in(join(directory, 'fake'));
});
afterEach(() => {
  kubectl.close();
  rmSync(directory, { recursive: true });
});

const write = (volumes: string) =>
  writeFileSync(
    join(directory, 'kubernetes.yaml'),
    `image: ${IMAGE}\nvolumes: ${volumes}\nrollout: {readySeconds: 1}\n`,
  );
const pulumi = (props: Partial<RunProps>): Promise<Run> =>
  runPulumi({
    project: REPOSITORY,
    rootDirectory: directory,
    node: process.execPath,
    isPreview: false,
    environment: kubectl.environment,
    ...props,
  });
const said = ({ log }: Run, severity: string) =>
  log.filter((line) => line.severity === severity).map(({ message }) => message);
const statefulSets = ({ registered }: Run) => registered.filter(({ type }) => type.endsWith(':StatefulSet'));
const stack = () => stackOf(planOf(SIX_NODES));

/** Six pods of the version before are there; the provider answers late, and pods come back as what the newest one makes of them. */
function running(problem: string | null = null): Pick<RunProps, 'provide'> {
  const { manifests, zones } = stack();
  for (const manifest of manifests) if (manifest.kind === 'StatefulSet') kubectl.apply(manifest, 'old');
  kubectl.run({ zones }, { revision: 'old', problem: null });
  return {
    provide: async ({ type, inputs }: Registration) => {
      if (!type.endsWith(':StatefulSet')) return;
      const { name } = inputs.metadata as { name: string };
      kubectl.note(`update ${name}`);
      await delay(50);
      kubectl.comeBack({ zones }, name, { revision: 'new', problem });
      kubectl.apply(manifests.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === name)!, 'new');
      kubectl.note(`updated ${name}`);
    },
  };
}

describe('a preview', () => {
  test('without a cluster registers everything, and warns that nobody could look', async () => {
    write('{kind: local}');
    const run = await pulumi({
      isPreview: true,
      environment: { PATH: '', KUBECONFIG: 'mine/config' },
      config: { 'ashlar:image': NEXT_IMAGE, 'ashlar:context': 'prod' },
      secretConfig: ['ashlar:context'],
    });
    expect([run.exitCode, run.printed, said(run, 'error')]).toEqual([0, '', []]);
    expect(said(run, 'warning')).toEqual([
      'what runs already could not be looked at (cannot run kubectl: there is no such program here); nothing is refused here that a deploy would refuse',
    ]);
    expect(run.outputs.get(STACK_URN)).toMatchObject({
      endpoint: 'http://six-s3.ashlar.svc:9000',
      status: 'pods were left as they are',
    });
    const [root, provider, component, ...children] = run.registered;
    expect([root!.urn, component!.urn, component!.parent]).toEqual([STACK_URN, CLUSTER_URN, STACK_URN]);
    expect(provider!.inputs).toEqual({
      context: 'prod',
      enableServerSideApply: 'true',
      // Written from the project's directory; Pulumi runs programs elsewhere.
      kubeconfig: join(directory, 'mine/config'),
      upsertExistingObjects: 'true',
    });
    for (const { urn, parent, provider: of, isProtected, isCustom } of children) {
      expect({ urn, parent, of, isProtected, isCustom }).toEqual({
        urn: expect.stringContaining(`${CLUSTER_URN.replace('::six', '')}$kubernetes:`),
        parent: CLUSTER_URN,
        of: `urn:pulumi:test::ashlar::pulumi:providers:kubernetes::kubernetes::${UNKNOWN}`,
        isProtected: false,
        isCustom: true,
      });
    }
    const [set] = statefulSets(run);
    const before = [
      childUrn('core/v1:ServiceAccount', 'serviceaccount-six'),
      childUrn('core/v1:Secret', 'secret-six-secrets'),
      childUrn('core/v1:ConfigMap', 'configmap-six-nodes'),
    ];
    const kept = children.filter(({ isRetainedOnDelete }) => isRetainedOnDelete);
    expect(kept.map(({ type }) => type.replace(/.*:/, '')).sort()).toEqual([
      ...Array.from({ length: 6 }, () => 'PersistentVolume'),
      'StorageClass',
    ]);
    expect([...set!.dependencies].sort()).toEqual([...before, ...kept.map(({ urn }) => urn)].sort());
    expect(set!.ignoreChanges).toContain('spec.volumeClaimTemplates');
    expect(JSON.stringify(set!.inputs)).toContain(NEXT_IMAGE);
    expect(JSON.stringify(children.map(({ inputs }) => inputs))).not.toContain(UNKNOWN);
  });
});

describe('a deploy', () => {
  test('updates a zone, replaces its pods after the gate, and only then touches the next', async () => {
    const run = await pulumi(running());
    expect([run.exitCode, run.printed, said(run, 'error'), said(run, 'warning')]).toEqual([0, '', [], []]);
    const of = (zone: string) => [
      `update six-${zone}`,
      `updated six-${zone}`,
      ...[0, 1].flatMap((i) => [`gate ${zone}${i + 1}`, `evict six-${zone}-${i}`]),
    ];
    expect(kubectl.events).toEqual([...of('a'), ...of('b'), ...of('c')]);
    const outputs = {
      endpoint: 'http://six-s3.ashlar.svc:9000',
      credentialsSecret: expect.stringMatching(/^six-secrets-[0-9a-f]{12}$/),
      status: '6 nodes ready',
    };
    expect(run.outputs.get(STACK_URN)).toEqual(outputs);
    expect(run.outputs.get(CLUSTER_URN)).toEqual(outputs);
    const made = run.registered.find(({ type }) => type.endsWith(':Secret'))!;
    const { data } = revealed(made.inputs) as { data: Record<string, string> };
    expect(Buffer.from(data['root-password']!, 'base64').toString()).toBe(secrets.secretAccessKey);
    // Pulumi's mark of a secret, without which its state would have the values in plain text.
    expect(made.inputs.data).toMatchObject({ '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270' });
    const others = JSON.stringify([
      run.registered.filter((resource) => resource !== made),
      [...run.outputs.values()],
      run.log.filter(({ severity }) => severity !== 'debug'),
    ]);
    for (const secret of Object.values(secrets)) {
      expect(others).not.toContain(secret);
      expect(others).not.toContain(Buffer.from(secret as string).toString('base64'));
    }
  });

  test('stops at the first pod of a bad image, says why, and leaves the other zones', async () => {
    const run = await pulumi({ ...running('ImagePullBackOff'), config: { 'ashlar:image': NEXT_IMAGE } });
    expect(run.exitCode).toBe(32);
    expect(said(run, 'error')).toEqual([
      'the rollout stops at pod six-a-0: ImagePullBackOff. The other pods were left as they are; ' +
        'roll out a version that works, or the one before, to go on',
    ]);
    expect(kubectl.events).toEqual(['update six-a', 'updated six-a', 'gate a1', 'evict six-a-0']);
  });

  test('without kubectl registers nothing, and says what is needed', async () => {
    const run = await pulumi({ environment: { PATH: '' } });
    expect([run.exitCode, run.printed]).toEqual([32, '']);
    expect(said(run, 'error')).toEqual([
      'the rollout needs kubectl, and the same cluster as Pulumi:\n' +
        '  - what runs already could not be looked at (cannot run kubectl: there is no such program here)',
    ]);
    expect(run.registered.map(({ urn }) => urn)).toEqual([STACK_URN]);
  });

  test('under a Node that cannot read TypeScript says which one can', async () => {
    const preload = join(directory, 'old-node.cjs');
    writeFileSync(preload, "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });\n");
    const run = await pulumi({ environment: { ...kubectl.environment, NODE_OPTIONS: `--require=${preload}` } });
    expect(run.exitCode).toBe(32);
    expect(said(run, 'error')).toEqual([
      `Pulumi runs this program with Node 20.20.2 (${process.execPath}), and Node 24 or newer is needed. ` +
        'The one of this repository does: PATH="$PWD/node_modules/.bin:$PATH" pulumi up',
    ]);
    expect(run.registered.map(({ urn }) => urn)).toEqual([STACK_URN]);
  });
});
