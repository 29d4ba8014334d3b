// Plans, settings and descriptions for the tests of the Kubernetes target.
import type { Plan } from '../../plan/plan.ts';
import { describeKubernetes, type KubernetesStack } from '../../stacks/kubernetes/describe.ts';
import { type KubernetesSettings, parseKubernetesSettings } from '../../stacks/kubernetes/settings.ts';
import { IMAGE, SECRETS } from './swarm-specs.ts';

export { FOUR_NODES, IMAGE, planOf, SECRETS, SIX_NODES } from './swarm-specs.ts';

export const CLASS_VOLUMES = { kind: 'class', size: '1TiB' };

export function kubernetesSettingsOf(settings: Readonly<Record<string, unknown>> = {}): KubernetesSettings {
  return parseKubernetesSettings({ image: IMAGE, volumes: CLASS_VOLUMES, ...settings }, 'the settings');
}

export function stackOf(plan: Plan, settings: Readonly<Record<string, unknown>> = {}): KubernetesStack {
  return describeKubernetes({ plan, settings: kubernetesSettingsOf(settings), secrets: SECRETS });
}
