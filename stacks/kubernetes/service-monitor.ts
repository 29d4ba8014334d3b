// For the Prometheus operator, where it is installed: every node is scraped for itself. Pure.
import type { Plan } from '../../plan/plan.ts';
import { engineParts } from './engine.ts';
import type { Manifest } from './manifest.ts';
import { HEADLESS_LABEL, labelsOf, ZONE_LABEL } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

export function serviceMonitors(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { serviceMonitor, namespace } = settings;
  const { metricsPath } = engineParts(plan, plan.zones[0]!, plan.nodes, { hasWal: false, drainSeconds: 0 });
  if (serviceMonitor === null || metricsPath === null) return [];
  return [
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: plan.name, namespace, labels: { ...labelsOf(plan), ...serviceMonitor.labels } },
      spec: {
        endpoints: [{ port: 's3', path: metricsPath, interval: `${serviceMonitor.intervalSeconds}s` }],
        podTargetLabels: [ZONE_LABEL],
        // The headless service: it also has the nodes that are not ready, which is when their numbers matter.
        selector: { matchLabels: { [HEADLESS_LABEL]: plan.name } },
      },
    },
  ];
}
