// HAProxy in front of the nodes, with the configuration that `ashlar render load-balancer` writes: ends TLS, and keeps from clients what is
// the nodes' own. Pure.
import { createHash } from 'node:crypto';
import type { Plan } from '../../plan/plan.ts';
import { loadBalancerOf } from '../load-balancer/load-balancer.ts';
import { renderHaproxy } from '../load-balancer/render-haproxy.ts';
import { certificateSecret } from './certificates.ts';
import type { Manifest } from './manifest.ts';
import { balancerName, labelsOf, podHost, selectorOf } from './names.ts';
import { RESTRICTED_CONTAINER, restrictedPod } from './restricted.ts';
import type { KubernetesSettings } from './settings.ts';
import { resourcesOf } from './stateful-set.ts';
import { HOSTNAME_LABEL } from './volumes.ts';

/** Above those that need a privilege. */
const PORT = 8443;
const STATS_PORT = 8404;
const CONFIG_DIRECTORY = '/usr/local/etc/haproxy';
const CERTIFICATE_DIRECTORY = '/etc/haproxy-certificate';
/** Any will do: the image writes nothing. */
const USER_ID = 10_002;
const RESOURCES = {
  cpuRequest: 0.1,
  cpuLimit: 2,
  memoryRequest: 64 * 2 ** 20,
  memoryLimit: 512 * 2 ** 20,
} as const;

/** Throws LoadBalancerError. */
export function balancerManifests(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { balancer, namespace } = settings;
  if (balancer === null) return [];
  const text = configText(plan, settings);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const config = `${balancerName(plan)}-${digest}`;
  const labels = labelsOf(plan, 'balancer');
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: config, namespace, labels },
      immutable: true,
      data: { 'haproxy.cfg': text },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: balancerName(plan), namespace, labels },
      spec: {
        replicas: balancer.replicas,
        selector: { matchLabels: selectorOf(plan, 'balancer') },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: { metadata: { labels }, spec: podSpec(plan, settings, balancer.image, config) },
      },
    },
    ...(balancer.replicas === 1
      ? []
      : [
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata: { name: balancerName(plan), namespace, labels },
            spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(plan, 'balancer') } },
          },
        ]),
  ];
}

function configText(plan: Plan, settings: KubernetesSettings): string {
  const { namespace, clusterDomain } = settings;
  // HAProxy asks name servers for exactly what stands there, so the whole name must.
  const nodes = plan.nodes.map((node) => ({
    ...node,
    host: `${podHost(plan, node)}.${namespace}.svc.${clusterDomain}`,
  }));
  return renderHaproxy(
    loadBalancerOf(
      { ...plan, nodes },
      {
        listen: { host: null, port: PORT },
        tls:
          settings.tls === null
            ? { kind: 'none' }
            : { kind: 'terminate', certificatePath: `${CERTIFICATE_DIRECTORY}/tls.crt` },
        zone: null,
        stats: { host: null, port: STATS_PORT },
        nodeAddress: null,
        nameServers: [],
      },
    ),
  );
}

function podSpec(plan: Plan, settings: KubernetesSettings, image: string, config: string): object {
  const secretName = certificateSecret(plan, settings);
  const probe = { tcpSocket: { port: 's3' } };
  return {
    serviceAccountName: plan.name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(USER_ID),
    terminationGracePeriodSeconds: settings.stopGraceSeconds,
    ...(settings.tolerations.length === 0 ? {} : { tolerations: settings.tolerations }),
    ...(settings.imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: settings.imagePullSecrets.map((name) => ({ name })) }),
    topologySpreadConstraints: [settings.zoneLabel, HOSTNAME_LABEL]
      .filter((key) => key !== null)
      .map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(plan, 'balancer') },
      })),
    containers: [
      {
        name: 'haproxy',
        image,
        imagePullPolicy: 'IfNotPresent',
        // -W: a master process, which passes signals on; -db: in the foreground.
        command: ['haproxy', '-W', '-db', '-f', `${CONFIG_DIRECTORY}/haproxy.cfg`],
        ports: [
          { name: 's3', containerPort: PORT, protocol: 'TCP' },
          { name: 'statistics', containerPort: STATS_PORT, protocol: 'TCP' },
        ],
        resources: resourcesOf(RESOURCES),
        securityContext: RESTRICTED_CONTAINER,
        // Serves on until everybody has heard that it is no endpoint any more; then it finishes what is under way (STOPSIGNAL SIGUSR1).
        lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
        livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6 },
        readinessProbe: { ...probe, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 2 },
        volumeMounts: [
          { name: 'config', mountPath: CONFIG_DIRECTORY, readOnly: true },
          ...(secretName === null ? [] : [{ name: 'certificate', mountPath: CERTIFICATE_DIRECTORY, readOnly: true }]),
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: config, defaultMode: 0o444 } },
      ...(secretName === null
        ? []
        : [
            {
              name: 'certificate',
              secret: {
                secretName,
                defaultMode: 0o440,
                // Beside a certificate FILE HAProxy looks for its key in FILE.key.
                items: [
                  { key: 'tls.crt', path: 'tls.crt' },
                  { key: 'tls.key', path: 'tls.crt.key' },
                ],
              },
            },
          ]),
    ],
  };
}
