// What a running StatefulSet can never become: compared with what is wanted, before anything is touched. Nothing but its deletion would
// make it so, and that takes its pods down all at once. Pure.
import type { ClusterState, StatefulSetState } from './cluster-state.ts';
import type { KubernetesStack } from './describe.ts';
import type { Manifest } from './manifest.ts';
import { quantityValue } from './quantity.ts';

/** A sentence each. */
export function problemsWithRunning(stack: KubernetesStack, { statefulSets }: ClusterState): string[] {
  const wanted = stack.manifests.filter(({ kind }) => kind === 'StatefulSet');
  const gone = statefulSets.filter(({ name }) => !wanted.some(({ metadata }) => metadata.name === name));
  return [
    ...wanted.flatMap((manifest) => {
      const running = statefulSets.find(({ name }) => name === manifest.metadata.name);
      return running === undefined ? [] : problemsWithOne(manifest, running);
    }),
    ...gone.map(
      ({ name }) =>
        `StatefulSet ${name} runs and belongs to ${stack.cluster}, but the spec has no such zone any more; ` +
        'its nodes hold data: bring the zone back into the spec',
    ),
  ];
}

function problemsWithOne({ metadata, spec: wantedSpec }: Manifest, running: StatefulSetState): string[] {
  const wanted = wantedSpec as StatefulSetSpec;
  const is = running.spec as unknown as StatefulSetSpec;
  const { name } = metadata;
  const fixed = (['serviceName', 'podManagementPolicy'] as const).filter((field) => wanted[field] !== is[field]);
  const fewer = wanted.replicas < is.replicas;
  return [
    ...fixed.map(
      (field) =>
        `StatefulSet ${name} has ${field} ${String(is[field])}, and ${String(wanted[field])} is wanted; it was not made by this cluster, or by another version: ` +
        orphan(name),
    ),
    ...(sorted(wanted.selector) === sorted(is.selector)
      ? []
      : [
          `StatefulSet ${name} selects other pods than this cluster's; it belongs to somebody else: use another namespace`,
        ]),
    ...(fewer
      ? [
          `StatefulSet ${name} has ${is.replicas} pods, and ${wanted.replicas} are wanted; the nodes that would go hold data, so none is taken away`,
        ]
      : []),
    ...problemsWithTemplates(name, wanted.volumeClaimTemplates, is.volumeClaimTemplates ?? []),
  ];
}

function problemsWithTemplates(set: string, wanted: readonly ClaimTemplate[], is: readonly ClaimTemplate[]): string[] {
  const names = new Set([...wanted, ...is].map(({ metadata }) => metadata.name));
  return [...names].flatMap((name) => {
    const [want, have] = [wanted, is].map((templates) => templates.find(({ metadata }) => metadata.name === name));
    if (want === undefined || have === undefined) {
      const what = want === undefined ? 'has a volume that the spec has not' : 'has not the volume';
      return [
        `StatefulSet ${set} ${what} ${name}; drives of nodes that run cannot come or go like this. Change the spec back; new drives go into new nodes`,
      ];
    }
    const [wantSize, haveSize] = [want, have].map(({ spec }) => spec.resources.requests.storage);
    const [wantBytes, haveBytes] = [quantityValue(wantSize!), quantityValue(haveSize!)];
    const grows = wantBytes !== null && haveBytes !== null && wantBytes > haveBytes;
    const size =
      wantSize === haveSize || wantBytes === haveBytes
        ? []
        : grows
          ? [
              `StatefulSet ${set} makes volumes ${name} of ${haveSize}, and ${wantSize} are wanted; write volumes.grownFrom: ${haveSize}B, and "ashlar kubernetes grow" grows them in place`,
            ]
          : [`StatefulSet ${set} has volumes ${name} of ${haveSize}, and ${wantSize} are wanted; volumes never shrink`];
    const isOfClass =
      want.spec.storageClassName === undefined || want.spec.storageClassName === have.spec.storageClassName;
    return [
      ...size,
      ...(isOfClass
        ? []
        : [
            `StatefulSet ${set} has volumes ${name} of class ${have.spec.storageClassName ?? '(none)'}, and ${want.spec.storageClassName} is wanted; a volume keeps its class: change it back`,
          ]),
    ];
  });
}

/** Its pods run on, and the next one of that name adopts them. */
function orphan(name: string): string {
  return `"kubectl delete statefulset ${name} --cascade=orphan" leaves its pods and volumes as they are, and a deploy adopts them`;
}

interface StatefulSetSpec {
  readonly serviceName?: string;
  readonly podManagementPolicy?: string;
  readonly replicas: number;
  readonly selector: object;
  readonly volumeClaimTemplates: readonly ClaimTemplate[];
}

interface ClaimTemplate {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

function sorted(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${key}:${sorted(field)}`).join()}}`;
}
