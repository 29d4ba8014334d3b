// Everything that stands against deploying to the Kubernetes that is there, a sentence each, before anything is created; and remarks on what
// works and could be better. Pure.
import type { Plan, PlanNode } from '../../plan/plan.ts';
import { SECRET_FILES } from '../secret-files.ts';
import type { KubernetesStack } from './describe.ts';
import type { HostFacts, KubernetesFacts, StorageClassFacts } from './facts.ts';
import { problemsWithRunning } from './immutable.ts';
import { nodesOfZone } from './names.ts';
import { bytesQuantity, cpuQuantity } from './quantity.ts';
import { type KubernetesSettings, zoneValue } from './settings.ts';
import { HOSTNAME_LABEL, hostOf, localClass } from './volumes.ts';

export interface CheckProps {
  readonly plan: Plan;
  readonly settings: KubernetesSettings;
  readonly stack: KubernetesStack;
  readonly facts: KubernetesFacts;
  /** MTU of the storage network between the hosts, where the spec describes them. */
  readonly linkMtu: number | null;
}

export interface CheckResult {
  readonly problems: readonly string[];
  readonly remarks: readonly string[];
}

/** Of the schemas that the manifests were checked against the oldest; from 1.27 on a StatefulSet says what becomes of its claims. */
const VERSION_MIN = { major: 1, minor: 28 };
/** What networks of pods put in front of every packet, bytes. */
const VXLAN_HEADER_BYTES = 50;
const WIREGUARD_HEADER_BYTES = 60;
const POD_SECURITY_LABEL = 'pod-security.kubernetes.io/enforce';

export function checkKubernetes(props: CheckProps): CheckResult {
  return {
    problems: [
      ...problemsWithVersion(props.facts),
      ...problemsWithNamespace(props),
      ...problemsWithPermissions(props.facts),
      ...problemsWithKinds(props.facts),
      ...problemsWithSecrets(props),
      ...props.plan.zones.flatMap((zone) => problemsWithHosts(props, zone)),
      ...problemsWithStorage(props),
      ...problemsWithRunning(props.stack, props.facts.running),
    ],
    remarks: [
      ...remarksOnNamespace(props),
      ...remarksOnStorage(props),
      ...remarksOnHosts(props),
      ...remarksOnNetwork(props),
    ],
  };
}

/** Secrets that somebody else makes, and that must be there. */
export function neededSecrets({ settings }: Pick<CheckProps, 'settings'>): string[] {
  return [
    ...(settings.secrets.kind === 'external' ? [settings.secrets.name] : []),
    ...(settings.tls?.kind === 'secret' ? [settings.tls.name] : []),
    ...settings.imagePullSecrets,
  ];
}

function problemsWithVersion({ version }: KubernetesFacts): string[] {
  if (version === null) return ['the cluster does not say which version of Kubernetes it is'];
  const isOld =
    version.major === VERSION_MIN.major ? version.minor < VERSION_MIN.minor : version.major < VERSION_MIN.major;
  return isOld
    ? [
        `Kubernetes ${version.major}.${version.minor} is too old; ${VERSION_MIN.major}.${VERSION_MIN.minor} is the least`,
      ]
    : [];
}

function problemsWithNamespace({ facts, stack }: CheckProps): string[] {
  const { namespace } = facts;
  if (namespace === null) {
    return [
      `there is no namespace ${stack.namespace}; kubectl create namespace ${stack.namespace} (and kubectl label namespace ${stack.namespace} ${POD_SECURITY_LABEL}=restricted)`,
    ];
  }
  return namespace.isTerminating
    ? [`namespace ${stack.namespace} is being deleted; wait until it is gone, and make it anew`]
    : [];
}

function remarksOnNamespace({ facts, stack }: CheckProps): string[] {
  const enforced = facts.namespace?.labels[POD_SECURITY_LABEL];
  if (facts.namespace === null || enforced === 'restricted') return [];
  return [
    `namespace ${stack.namespace} enforces ${enforced ?? 'no'} Pod Security; the pods keep to the strictest: kubectl label --overwrite namespace ${stack.namespace} ${POD_SECURITY_LABEL}=restricted`,
  ];
}

function problemsWithPermissions({ forbidden }: KubernetesFacts): string[] {
  if (forbidden.length === 0) return [];
  return [`you may not ${forbidden.join(', ')}; ask for a role that may, or for somebody who has it`];
}

function problemsWithKinds({ unknownKinds }: KubernetesFacts): string[] {
  const owners: Readonly<Record<string, string>> = {
    'cert-manager.io': 'install cert-manager, or use tls: {kind: secret}',
    'monitoring.coreos.com': 'install the Prometheus operator, or leave serviceMonitor out',
    'gateway.networking.k8s.io': 'install the Gateway API, or leave gateway out',
  };
  return unknownKinds.map((kind) => {
    const owner = Object.keys(owners).find((group) => kind.endsWith(group));
    return `the cluster knows no ${kind}; ${owner === undefined ? 'install what defines it' : owners[owner]}`;
  });
}

function problemsWithSecrets({ facts, settings, plan }: CheckProps): string[] {
  return neededSecrets({ settings }).flatMap((name) => {
    const keys = facts.secrets.get(name);
    if (facts.namespace === null || keys === undefined) return [];
    if (keys === null) return [`there is no Secret ${name} in namespace ${settings.namespace}; make it first`];
    const needed =
      settings.secrets.kind === 'external' && settings.secrets.name === name
        ? [
            ...(plan.engine === 'ashlar' ? [SECRET_FILES.clusterSecret] : []),
            SECRET_FILES.rootUser,
            SECRET_FILES.rootPassword,
          ]
        : settings.tls?.kind === 'secret' && settings.tls.name === name
          ? ['tls.crt', 'tls.key']
          : [];
    const missing = needed.filter((key) => !keys.includes(key));
    return missing.length === 0 ? [] : [`the Secret ${name} has no ${missing.join(', ')}`];
  });
}

function problemsWithHosts(props: CheckProps, zone: string): string[] {
  const { plan, settings, facts } = props;
  const nodes = nodesOfZone(plan, zone);
  const value = zoneValue(settings, zone);
  const inZone = facts.hosts.filter(
    ({ labels }) => settings.zoneLabel === null || labels[settings.zoneLabel] === value,
  );
  if (inZone.length === 0) {
    return [
      `zone ${zone}: no host has the label ${settings.zoneLabel}=${value}; kubectl label node HOST ${settings.zoneLabel}=${value}, or say in the settings what the zone is called: zones: {${zone}: …}`,
    ];
  }
  if (settings.volumes.kind === 'local') return nodes.flatMap((node) => problemsWithNamedHost(props, node, inZone));
  const unfit = inZone.flatMap((host) => {
    const why = whyUnfit(host, settings);
    return why === null ? [] : [`${host.name} ${why}`];
  });
  const fit = inZone.length - unfit.length;
  return fit >= nodes.length
    ? []
    : [
        `zone ${zone}: ${nodes.length} nodes need as many hosts, and ${fit === 0 ? 'none' : fit} can take one${unfit.length === 0 ? '; add hosts to the zone' : ` (${unfit.join('; ')})`}`,
      ];
}

function problemsWithNamedHost(
  { settings, facts }: CheckProps,
  node: PlanNode,
  inZone: readonly HostFacts[],
): string[] {
  const wanted = hostOf(settings, node)!;
  const host = facts.hosts.find(({ labels }) => labels[HOSTNAME_LABEL] === wanted);
  if (host === undefined) {
    return [
      `node ${node.name}: there is no host with ${HOSTNAME_LABEL}=${wanted}; say which it is: volumes.hosts: {${node.name}: HOST}`,
    ];
  }
  if (!inZone.includes(host)) {
    const is = settings.zoneLabel === null ? undefined : host.labels[settings.zoneLabel];
    return [
      `node ${node.name}: its host ${wanted} is in ${is === undefined ? 'no zone' : `zone ${is}`}, and not in ${zoneValue(settings, node.zone)}`,
    ];
  }
  const why = whyUnfit(host, settings);
  return why === null ? [] : [`node ${node.name}: its host ${wanted} ${why}`];
}

/** null: a pod can go there. */
function whyUnfit(host: HostFacts, settings: KubernetesSettings): string | null {
  const { nodeSelector, tolerations, resources } = settings;
  const selected = Object.entries(nodeSelector).find(([key, value]) => host.labels[key] !== value);
  if (selected !== undefined) return `has not the label ${selected[0]}=${selected[1]} of nodeSelector`;
  if (!host.isReady) return 'is not ready';
  if (host.isCordoned) return `is cordoned: kubectl uncordon ${host.name}`;
  const taint = host.taints.find(
    ({ key, value, effect }) =>
      effect !== 'PreferNoSchedule' &&
      !tolerations.some(
        (toleration) =>
          (toleration.effect === undefined || toleration.effect === effect) &&
          (toleration.key === undefined || toleration.key === key) &&
          (toleration.operator === 'Exists' || (toleration.value ?? '') === (value ?? '')),
      ),
  );
  if (taint !== undefined) return `has the taint ${taint.key}:${taint.effect}, which tolerations do not name`;
  if (host.cpus < resources.cpuRequest)
    return `has ${cpuQuantity(host.cpus)} processors for pods, and ${cpuQuantity(resources.cpuRequest)} are requested`;
  if (host.memoryBytes < resources.memoryRequest)
    return `has ${bytesQuantity(Math.floor(host.memoryBytes / 2 ** 20) * 2 ** 20)} of memory for pods, and ${bytesQuantity(resources.memoryRequest)} are requested`;
  return null;
}

function problemsWithStorage(props: CheckProps): string[] {
  const { plan, settings, facts, stack } = props;
  if (settings.volumes.kind === 'local') return problemsWithLocalVolumes(plan, settings, facts, stack);
  return usedClasses(settings).flatMap((name) => {
    const found = classNamed(facts, name);
    if (found !== undefined) {
      return found.bindsLate
        ? []
        : [
            `storage class ${found.name} makes volumes before it is known where their pod can run (volumeBindingMode: Immediate), so they may lie in another zone; use one with WaitForFirstConsumer`,
          ];
    }
    const known = facts.storageClasses.map((one) => one.name).join(', ') || 'none';
    return [
      name === null
        ? `the cluster has no default storage class; write volumes.storageClass, one of: ${known}`
        : `there is no storage class ${name}; there are: ${known}`,
    ];
  });
}

function problemsWithLocalVolumes(
  plan: Plan,
  settings: KubernetesSettings,
  { volumes }: KubernetesFacts,
  { manifests }: KubernetesStack,
): string[] {
  const own = manifests.filter(({ kind }) => kind === 'PersistentVolume');
  return own.flatMap(({ metadata, spec }) => {
    const { claimRef } = spec as { claimRef: { namespace: string; name: string } };
    const claim = `${claimRef.namespace}/${claimRef.name}`;
    const found = volumes.find(({ name }) => name === metadata.name);
    if (found === undefined) return [];
    if (found.claim !== null && found.claim !== claim)
      return [
        `volume ${metadata.name} belongs to claim ${found.claim}, and not to ${claim}; ${localClass(plan, settings)} is somebody else's`,
      ];
    if (found.phase === 'Released')
      return [
        `volume ${metadata.name} waits for a claim that was deleted; its data is there. To give it to the new one: kubectl patch pv ${metadata.name} --type json -p '[{"op": "remove", "path": "/spec/claimRef/uid"}]'`,
      ];
    return found.phase === 'Failed'
      ? [`volume ${metadata.name} has failed; kubectl describe pv ${metadata.name} says why`]
      : [];
  });
}

function remarksOnStorage({ settings, facts }: CheckProps): string[] {
  if (settings.volumes.kind === 'local') {
    return [
      'what is mounted on the hosts cannot be seen from here; a directory that is not there keeps its pod from starting',
    ];
  }
  return usedClasses(settings).flatMap((name) => {
    const found = classNamed(facts, name);
    if (found === undefined) return [];
    return [
      ...(found.reclaimPolicy === 'Retain'
        ? []
        : [
            `storage class ${found.name} deletes the data of a claim that is deleted (reclaimPolicy: ${found.reclaimPolicy}); Retain keeps it`,
          ]),
      ...(found.growsVolumes ? [] : [`volumes of storage class ${found.name} cannot grow (allowVolumeExpansion)`]),
    ];
  });
}

function remarksOnHosts({ plan, settings, facts }: CheckProps): string[] {
  return plan.zones.flatMap((zone) => {
    const count = nodesOfZone(plan, zone).length;
    const fit = facts.hosts.filter(
      (host) =>
        (settings.zoneLabel === null || host.labels[settings.zoneLabel] === zoneValue(settings, zone)) &&
        whyUnfit(host, settings) === null,
    );
    return fit.length === count && settings.volumes.kind === 'class'
      ? [`zone ${zone} has exactly as many hosts as nodes: while one is down, its node is, too`]
      : [];
  });
}

/** The network of the pods is the cluster's, and says its MTU nowhere where it could be read. */
function remarksOnNetwork({ linkMtu }: CheckProps): string[] {
  if (linkMtu === null) return [];
  const sizes = `${linkMtu} (routed), ${linkMtu - VXLAN_HEADER_BYTES} (VXLAN) or ${linkMtu - WIREGUARD_HEADER_BYTES} (WireGuard)`;
  return [`the storage network of the hosts has MTU ${linkMtu}: give the network of the pods ${sizes}`];
}

function usedClasses({ volumes }: KubernetesSettings): (string | null)[] {
  if (volumes.kind === 'local') return [];
  const wal = volumes.wal === null ? [] : [volumes.wal.storageClass ?? volumes.storageClass];
  return [...new Set([volumes.storageClass, ...wal])];
}

function classNamed({ storageClasses }: KubernetesFacts, name: string | null): StorageClassFacts | undefined {
  return storageClasses.find((one) => (name === null ? one.isDefault : one.name === name));
}
