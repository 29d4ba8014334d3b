import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pulumi from '@pulumi/pulumi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClusterState } from '../../../stacks/kubernetes/cluster-state.ts';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { type ProgramOutputs, program, zoneOrder } from '../../../stacks/kubernetes/program.ts';
import { manifestsText } from '../../../stacks/kubernetes/render.ts';
import {
  StorageCluster,
  type StorageClusterArgs,
  type ZoneRollout,
} from '../../../stacks/kubernetes/storage-cluster.ts';
import { CASES } from '../../support/kubernetes-cases.ts';
import { IMAGE, planOf, SECRETS, SIX_NODES, stackOf } from '../../support/kubernetes-specs.ts';
import { type CollectOptions, collect, manifestsOf, type Registered } from '../../support/pulumi-collector.ts';

const text = (manifests: readonly Manifest[]) =>
  manifestsText([...manifests].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1)));
const idOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

const ARGS: StorageClusterArgs = {
  plan: planOf(SIX_NODES),
  image: IMAGE,
  settings: { volumes: { kind: 'class', size: '1TiB' } },
  secrets: SECRETS,
  rollout: null,
};

interface Seen {
  readonly type: string;
  readonly name: string;
  readonly options: pulumi.CustomResourceOptions;
}

/** The component with these arguments: what it registers, with which options, and its outputs. */
async function built(args: Partial<StorageClusterArgs>, options: CollectOptions = {}) {
  const seen: Seen[] = [];
  const { resources, result } = await collect(async () => {
    const component = new StorageCluster(
      'storage',
      { ...ARGS, ...args },
      {
        transformations: [
          ({ type, name, opts }) => {
            seen.push({ type, name, options: opts });
            return undefined;
          },
        ],
      },
    );
    // In a preview not all of them are known, ever.
    return async () => ({
      endpoint: await promiseOf(component.endpoint),
      credentialsSecret: await promiseOf(component.credentialsSecret),
      status: await promiseOf(component.status),
    });
  }, options);
  return { resources, seen, outputs: options.preview === true ? null : await result() };
}

function promiseOf<Value>(output: pulumi.Output<Value>): Promise<Value> {
  return new Promise((resolve) => output.apply((value) => resolve(value as Value)));
}

const statefulSets = (resources: readonly Registered[]) =>
  resources.filter(({ type }) => type === 'kubernetes:apps/v1:StatefulSet');

describe('what the component registers', () => {
  for (const [name, props] of Object.entries(CASES)) {
    test(`for ${name} is what the renderer writes, byte by byte`, async () => {
      const { image, ...settings } = props.input;
      const { resources } = await built({ plan: props.plan, image, settings, secrets: props.secrets });
      expect(text(manifestsOf(resources))).toBe(text(describeKubernetes(props).manifests));
    });
  }

  test('is named under it, and not by what changes', async () => {
    const { resources } = await built({});
    const { resources: changed } = await built({ secrets: { ...SECRETS, secretAccessKey: 'another-password' } });
    expect(resources.map(({ name }) => name).filter((name) => !name.startsWith('storage-'))).toEqual([]);
    expect(resources.map(({ name }) => name)).toContain('storage-secret-six-secrets');
    expect(changed.map(({ name }) => name)).toEqual(resources.map(({ name }) => name));
  });

  test('may wait for an image and secrets that are not known yet', async () => {
    const { resources } = await built({ image: pulumi.output(IMAGE), secrets: pulumi.secret(SECRETS) });
    expect(text(manifestsOf(resources))).toBe(text(stackOf(ARGS.plan).manifests));
  });

  test('keeps the values of a Secret secret, and nothing else', async () => {
    const { resources } = await built({ secrets: pulumi.secret(SECRETS) });
    const marked = resources.filter(({ inputs }) =>
      JSON.stringify(inputs).includes('4dabf18193072939515e22adb298388d'),
    );
    expect(marked.map(({ name }) => name)).toEqual(['storage-secret-six-secrets']);
  });

  test('is refused like everything else that cannot work', async () => {
    await expect(collect(() => new StorageCluster('storage', { ...ARGS, settings: {} }))).rejects.toThrow(
      'nothing says how large drive a1/d1 is',
    );
  });
});

describe('the engine', () => {
  test('never replaces a StatefulSet, and does not wait for its pods', async () => {
    const { seen, resources } = await built({});
    const sets = seen.filter(({ type }) => type === 'kubernetes:apps/v1:StatefulSet');
    expect(sets).toHaveLength(3);
    for (const { options } of sets) {
      expect(options.ignoreChanges).toEqual([
        'spec.podManagementPolicy',
        'spec.revisionHistoryLimit',
        'spec.selector',
        'spec.serviceName',
        'spec.volumeClaimTemplates',
      ]);
    }
    for (const { inputs } of statefulSets(resources))
      expect(inputs.metadata).toMatchObject({ annotations: { 'pulumi.com/skipAwait': 'true' } });
  });

  test('waits for a service only where that brings an address', async () => {
    const waits = async (service: object) => {
      const { resources } = await built({ settings: { ...ARGS.settings, service } });
      const annotated = resources.filter(({ inputs }) => JSON.stringify(inputs).includes('pulumi.com/skipAwait'));
      return !annotated.some(({ name }) => name === 'storage-service-six-s3');
    };
    expect([await waits({}), await waits({ type: 'LoadBalancer' })]).toEqual([false, true]);
  });

  test('leaves volumes, and the class that they are of, when the stack is destroyed', async () => {
    const { seen } = await built({ settings: { volumes: { kind: 'local' } } });
    const kept = seen.filter(({ options }) => options.retainOnDelete === true).map(({ type }) => type);
    expect(new Set(kept)).toEqual(
      new Set(['kubernetes:core/v1:PersistentVolume', 'kubernetes:storage.k8s.io/v1:StorageClass']),
    );
    expect(kept).toHaveLength(7);
  });

  test('makes what pods need before them, and waits for no service', async () => {
    const { seen } = await built({});
    const [set] = seen.filter(({ type }) => type === 'kubernetes:apps/v1:StatefulSet');
    const needed = set!.options.dependsOn as pulumi.CustomResource[];
    const kinds = await Promise.all(
      needed.map((one) => promiseOf(pulumi.output((one as unknown as { kind: string }).kind))),
    );
    expect(kinds.sort()).toEqual(['ConfigMap', 'Secret', 'ServiceAccount']);
  });
});

describe('outputs', () => {
  test('are where clients go, what they log in with, and how the rollout ended', async () => {
    const { outputs } = await built({});
    expect(outputs).toEqual({
      endpoint: 'http://six-s3.ashlar.svc:9000',
      credentialsSecret: stackOf(ARGS.plan).secretName,
      status: 'pods were left as they are',
    });
  });

  test('have the address of a load balancer, once it has one', async () => {
    const stateOf = ({ name }: Registered) =>
      name.endsWith('-six-s3') ? { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } } : {};
    const settings = { ...ARGS.settings, service: { type: 'LoadBalancer', port: 9000 } } as const;
    expect((await built({ settings }, { stateOf })).outputs?.endpoint).toBe('http://192.0.2.7:9000');
  });
});

describe('between zones', () => {
  const rollout = (events: string[], zones = ['a', 'b', 'c']): ZoneRollout => ({
    zones,
    zone: async (zone) => {
      events.push(`roll ${zone}`);
    },
    all: async () => {
      events.push('roll all');
    },
    outcome: '6 nodes ready',
  });
  const recorded = (events: string[]) => ({
    onRegister: ({ type, name }: Registered) => {
      if (type === 'kubernetes:apps/v1:StatefulSet') events.push(name.replace('storage-statefulset-six-', 'update '));
    },
  });

  test('the rollout of one is over before the next is touched, in its order', async () => {
    const events: string[] = [];
    const { outputs } = await built({ rollout: rollout(events, ['c', 'a', 'b']) }, recorded(events));
    expect(events).toEqual(['update c', 'roll c', 'update a', 'roll a', 'update b', 'roll b', 'roll all']);
    expect(outputs?.status).toBe('6 nodes ready');
  });

  test('nothing is asked or waited for in a preview', async () => {
    const events: string[] = [];
    await built({ rollout: rollout(events) }, { ...recorded(events), preview: true });
    expect(events.sort()).toEqual(['update a', 'update b', 'update c']);
  });

  test('zones with pods that are not ready come first', () => {
    const { zones } = stackOf(ARGS.plan);
    const pod = (name: string, isReady: boolean) => ({ name, isReady }) as unknown as ClusterState['pods'][number];
    const pods = [pod('six-a-0', true), pod('six-b-0', false), pod('six-c-0', false), pod('six-c-1', false)];
    expect(zoneOrder({ zones }, { statefulSets: [], pods })).toEqual(['c', 'b', 'a']);
    expect(zoneOrder({ zones }, { statefulSets: [], pods: [] })).toEqual(['a', 'b', 'c']);
  });
});

describe('the program of a directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-pulumi-'));
    write('cluster.yaml', SIX_NODES);
    write(
      'kubernetes.yaml',
      `image: ${IMAGE}\nsecrets: {kind: external, name: vault}\nvolumes: {kind: class, size: 1TiB}\n`,
    );
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const write = (name: string, content: string) => writeFileSync(join(directory, name), content);

  const answering = (answer: unknown): Kubectl => ({
    try: async () => ({ exitCode: 0, stdout: JSON.stringify(answer), stderr: '' }),
    forward: async () => {
      throw new Error('nobody is asked');
    },
  });
  const silent: Kubectl = {
    try: async () => ({ exitCode: 1, stdout: '', stderr: 'connection refused' }),
    forward: async () => {
      throw new Error('nobody is asked');
    },
  };
  const run = (kubectl: Kubectl, options: CollectOptions = {}) =>
    collect((): Promise<ProgramOutputs> => program({ directory, kubectl: () => kubectl }), options);

  test('registers its cluster in a preview without a cluster to look at', async () => {
    const { resources } = await run(silent, { preview: true });
    expect(statefulSets(resources).map(({ name }) => name)).toEqual([
      'six-statefulset-six-a',
      'six-statefulset-six-b',
      'six-statefulset-six-c',
    ]);
    expect(resources.find(({ type }) => type === 'pulumi:providers:kubernetes')?.inputs).toMatchObject({
      enableServerSideApply: 'true',
      upsertExistingObjects: 'true',
    });
  });

  test('deploys nothing when it cannot see what runs', async () => {
    await expect(run(silent)).rejects.toThrow('the rollout needs kubectl, and the same cluster as Pulumi');
  });

  test('refuses what a running StatefulSet can never become, before anything is registered', async () => {
    const running = stackOf(ARGS.plan, { volumes: { kind: 'class', size: '2TiB' } }).manifests.filter(
      ({ kind }) => kind === 'StatefulSet',
    );
    const registered: string[] = [];
    const ended = run(answering({ items: running }), {
      preview: true,
      onRegister: ({ type }) => registered.push(type),
    });
    await expect(ended).rejects.toThrow(
      'StatefulSet six-a has volumes data-d1 of 2Ti, and 1Ti are wanted; volumes never shrink',
    );
    expect(registered.filter((type) => type.startsWith('kubernetes:'))).toEqual([]);
  });

  test('says what is wrong with its files without a stack', async () => {
    write('kubernetes.yaml', 'image: latest\n');
    await expect(run(silent, { preview: true })).rejects.toSatisfy(
      (error) => pulumi.RunError.isInstance(error) && error.message.includes('image: is no image with a digest'),
    );
  });
});
