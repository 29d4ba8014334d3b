// The StatefulSet of one zone: its nodes as pods, each on a host of its own in that zone, with its drives. Pure.
import type { Plan } from '../../plan/plan.ts';
import { engineParts, NODE_MAP_DIRECTORY, peersOf, SECRETS_DIRECTORY, USER_ID } from './engine.ts';
import type { Manifest } from './manifest.ts';
import {
  labelsOf,
  nodeMapName,
  nodesOfZone,
  nodesServiceName,
  portOf,
  selectorOf,
  statefulSetName,
  ZONE_LABEL,
} from './names.ts';
import { priorityClassName } from './priority-class.ts';
import { bytesQuantity, cpuQuantity } from './quantity.ts';
import { RESTRICTED_CONTAINER, restrictedPod } from './restricted.ts';
import { type KubernetesSettings, walTemplate, zoneValue } from './settings.ts';
import { claimTemplates, HOSTNAME_LABEL, volumeMounts } from './volumes.ts';

/** A probe that comes too late on a starved host must not start a node again; that would make it worse. Ten in a row do. */
const LIVENESS = { periodSeconds: 10, timeoutSeconds: 20, failureThreshold: 10 } as const;
const READINESS = { periodSeconds: 5, timeoutSeconds: 10, failureThreshold: 3 } as const;
const START_PERIOD_SECONDS = 2;

export const CONTAINER = 'storage';

export function statefulSet(plan: Plan, zone: string, settings: KubernetesSettings, secretName: string): Manifest {
  const nodes = nodesOfZone(plan, zone);
  const labels = { ...labelsOf(plan), [ZONE_LABEL]: zone };
  const selector = { ...selectorOf(plan), [ZONE_LABEL]: zone };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: statefulSetName(plan, zone), namespace: settings.namespace, labels },
    spec: {
      replicas: nodes.length,
      serviceName: nodesServiceName(plan),
      // All at once: nobody can found a cluster alone, and after a power cut nobody should wait for anybody.
      podManagementPolicy: 'Parallel',
      // Nothing is taken down because a template changed, but when the gate says that it may be ("ashlar kubernetes roll", or pulumi up).
      updateStrategy: { type: 'OnDelete' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      revisionHistoryLimit: 10,
      selector: { matchLabels: selector },
      template: { metadata: { labels }, spec: podSpec(plan, zone, settings, secretName) },
      volumeClaimTemplates: claimTemplates(plan, zone, settings),
    },
  };
}

function podSpec(plan: Plan, zone: string, settings: KubernetesSettings, secretName: string): object {
  const hasWal = walTemplate(settings, nodesOfZone(plan, zone)[0]!.wal);
  const parts = engineParts(plan, zone, peersOf(plan, zone, settings.founders), {
    hasWal,
    drainSeconds: settings.drainSeconds,
  });
  const further = Object.entries(settings.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  const scratch = parts.scratch.map((path) => ({ name: path.slice(1), mountPath: path }));
  const isOurs = plan.engine === 'ashlar';
  return {
    ...(settings.priorityClass === null ? {} : { priorityClassName: priorityClassName(plan, settings) }),
    serviceAccountName: plan.name,
    automountServiceAccountToken: false,
    // They would fill the environment with settings that look like ours.
    enableServiceLinks: false,
    securityContext: { ...restrictedPod(USER_ID), fsGroupChangePolicy: 'OnRootMismatch' },
    terminationGracePeriodSeconds: settings.stopGraceSeconds,
    affinity: affinity(plan, zone, settings),
    ...(Object.keys(settings.nodeSelector).length === 0 ? {} : { nodeSelector: settings.nodeSelector }),
    ...(settings.tolerations.length === 0 ? {} : { tolerations: settings.tolerations }),
    ...(settings.imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: settings.imagePullSecrets.map((name) => ({ name })) }),
    containers: [
      {
        name: CONTAINER,
        image: settings.image,
        imagePullPolicy: 'IfNotPresent',
        ...(parts.command === null ? {} : { command: parts.command }),
        args: parts.args,
        env: [...parts.environment, ...further.map(([name, value]) => ({ name, value }))],
        ports: [{ name: 's3', containerPort: portOf(plan), protocol: 'TCP' }],
        resources: resourcesOf(settings.resources),
        securityContext: RESTRICTED_CONTAINER,
        startupProbe: {
          ...probe(parts.livePath),
          periodSeconds: START_PERIOD_SECONDS,
          timeoutSeconds: LIVENESS.timeoutSeconds,
          failureThreshold: Math.ceil(settings.startSeconds / START_PERIOD_SECONDS),
        },
        livenessProbe: { ...probe(parts.livePath), ...LIVENESS },
        readinessProbe: { ...probe(parts.readyPath), ...READINESS },
        volumeMounts: [
          ...volumeMounts(plan, zone, settings),
          { name: 'secrets', mountPath: SECRETS_DIRECTORY, readOnly: true },
          ...(isOurs ? [{ name: 'nodes', mountPath: NODE_MAP_DIRECTORY, readOnly: true }] : []),
          ...scratch,
        ],
      },
    ],
    volumes: [
      {
        name: 'secrets',
        secret: {
          secretName,
          // For the group of the pod alone.
          defaultMode: 0o440,
          items: parts.secretKeys.map((key) => ({ key, path: key })),
        },
      },
      ...(isOurs ? [{ name: 'nodes', configMap: { name: nodeMapName(plan), defaultMode: 0o444 } }] : []),
      ...scratch.map(({ name }) => ({ name, emptyDir: { sizeLimit: bytesQuantity(256 * 2 ** 20) } })),
    ],
  };
}

/** In its zone, and never two on one host: with the host the plan loses one node. */
function affinity(plan: Plan, zone: string, settings: KubernetesSettings): object {
  const inZone = {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: settings.zoneLabel, operator: 'In', values: [zoneValue(settings, zone)] }] },
      ],
    },
  };
  return {
    ...(settings.zoneLabel === null ? {} : { nodeAffinity: inZone }),
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: selectorOf(plan) }, topologyKey: HOSTNAME_LABEL },
      ],
    },
  };
}

export function resourcesOf(resources: KubernetesSettings['resources']): object {
  return {
    requests: { cpu: cpuQuantity(resources.cpuRequest), memory: bytesQuantity(resources.memoryRequest) },
    limits: { cpu: cpuQuantity(resources.cpuLimit), memory: bytesQuantity(resources.memoryLimit) },
  };
}

function probe(path: string): object {
  return { httpGet: { path, port: 's3', scheme: 'HTTP' } };
}
