// What the pods are told is what the node understands, and makes them the nodes of the plan.
import { describe, expect, test } from 'vitest';
import { parseServerConfig, type ServerConfig } from '../../../node/config.ts';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { podHost } from '../../../stacks/kubernetes/names.ts';
import { CASES } from '../../support/kubernetes-cases.ts';

interface StatefulSet {
  readonly replicas: number;
  readonly template: {
    readonly spec: {
      readonly containers: readonly {
        readonly args: readonly string[];
        readonly env: readonly { readonly name: string; readonly value?: string }[];
        readonly volumeMounts: readonly { readonly mountPath: string }[];
      }[];
    };
  };
}

/** As the kubelet starts the pod, and the node reads what it was given. */
function configOf(manifests: readonly Manifest[], set: Manifest, ordinal: number): ServerConfig {
  const pod = `${set.metadata.name}-${ordinal}`;
  const [container] = (set.spec as StatefulSet).template.spec.containers;
  const environment: Record<string, string> = {};
  for (const { name, value } of container!.env)
    environment[name] = (value ?? pod).replaceAll(/\$\(([A-Z_]+)\)/g, (_, variable: string) => environment[variable]!);
  const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-nodes'))!;
  const files: Record<string, string> = {
    '/run/secrets/ashlar/cluster-secret': 'c'.repeat(64),
    '/run/secrets/ashlar/root-user': 'root',
    '/run/secrets/ashlar/root-password': 'password',
    ...Object.fromEntries(
      Object.entries(map.data as Record<string, string>).map(([key, name]) => [`/etc/ashlar/nodes/${key}`, name]),
    ),
  };
  const parsed = parseServerConfig(container!.args.slice(1), environment, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`there is no ${path}`);
    return text;
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

describe.each(Object.entries(CASES).filter(([, { plan }]) => plan.engine === 'ashlar'))(
  'the pods of %s',
  (_, props) => {
    const { plan, settings } = props;
    const { manifests } = describeKubernetes(props);
    const sets = manifests.filter(({ kind }) => kind === 'StatefulSet');
    const pods = sets.flatMap((set) =>
      Array.from({ length: (set.spec as StatefulSet).replicas }, (_, ordinal) => configOf(manifests, set, ordinal)),
    );

    test('are the nodes of the plan, each once and in its zone', () => {
      const byName = (a: { name: string | null }, b: { name: string | null }) => (a.name! < b.name! ? -1 : 1);
      expect(pods.map(({ name, zone }) => ({ name, zone })).sort(byName)).toEqual(
        plan.nodes.map(({ name, zone }) => ({ name, zone })).sort(byName),
      );
    });

    test('have the drives that placement goes by, on volumes of their own', () => {
      const hostOf = new Map(plan.nodes.map((node) => [podHost(plan, node), node.name]));
      const slots = plan.nodes.flatMap(({ drives }) => drives.map(({ slot }) => slot)).sort();
      for (const { endpoints } of pods)
        expect(endpoints.map(({ host, driveName }) => `${hostOf.get(host)}/${driveName}`).sort()).toEqual(slots);
      for (const set of sets) {
        const mounted = (set.spec as StatefulSet).template.spec.containers[0]!.volumeMounts.map(
          ({ mountPath }) => mountPath,
        );
        const own = pods[0]!.endpoints.filter(({ host }) => host.startsWith(`${set.metadata.name}-0.`));
        expect(own.length).toBeGreaterThan(0);
        expect(mounted).toEqual(expect.arrayContaining(own.map(({ path }) => path)));
      }
    });

    test('know what the spec and the settings say', () => {
      for (const config of pods) {
        expect(config).toMatchObject({
          scheme: plan.scheme,
          region: plan.region,
          domains: plan.domains,
          drainSeconds: settings.drainSeconds,
          listen: { host: '0.0.0.0', port: 9000 },
        });
        expect(config.walPath).toBe(JSON.stringify(sets).includes('"mountPath":"/wal"') ? '/wal' : null);
      }
    });
  },
);
