// The rollout's port to a real Kubernetes, through kubectl.
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../plan/plan.ts';
import { adminToken } from '../local/node-client.ts';
import type { ClusterSecrets } from '../secret-files.ts';
import { SECRET_FILES } from '../secret-files.ts';
import { readClusterState } from './cluster-state.ts';
import type { KubernetesStack } from './describe.ts';
import { KubernetesError } from './errors.ts';
import { type Kubectl, readJson, runKubectl } from './kubectl.ts';
import { portOf } from './names.ts';
import { askOtherEngine } from './other-engine-gate.ts';
import { askPods } from './pod-gate.ts';
import type { RollPort } from './roll.ts';
import type { KubernetesSettings } from './settings.ts';

export interface RollerProps {
  readonly kubectl: Kubectl;
  readonly plan: Plan;
  readonly stack: Pick<KubernetesStack, 'cluster' | 'namespace' | 'zones' | 'secretName'>;
  readonly settings: KubernetesSettings;
  /** null: external; then the token comes from the Secret in the cluster. */
  readonly secrets: ClusterSecrets | null;
}

export function rollPort(props: RollerProps): RollPort {
  const { kubectl, plan, stack, settings } = props;
  let token: Promise<string> | null = null;
  return {
    state: () => readClusterState(kubectl, stack.cluster),
    askGate: async (node, state) => {
      if (plan.engine !== 'ashlar') {
        return askOtherEngine({ kubectl, zones: stack.zones, port: portOf(plan), engine: plan.engine }, node, state);
      }
      token ??= gateToken(props);
      const { endpoints } = settings.rollout;
      return askPods(
        { kubectl, zones: stack.zones, port: portOf(plan), endpoints, token: await token },
        { node },
        state,
      );
    },
    evict: (pod) => evict(kubectl, stack.namespace, pod),
    remove: async (pod) => {
      await runKubectl(kubectl, ['delete', 'pod', pod, '--wait=false', '--ignore-not-found']);
    },
    nowMs: () => performance.now(),
    sleep: (ms) => delay(ms),
  };
}

/** Of the admin interface. Throws KubernetesError when the external Secret cannot be read. */
export async function gateToken({ secrets, kubectl, stack }: Omit<RollerProps, 'plan' | 'settings'>): Promise<string> {
  if (secrets !== null) return adminToken(secrets.clusterSecret);
  const { data } = (await readJson(kubectl, ['get', 'secret', stack.secretName])) as { data?: Record<string, string> };
  const encoded = data?.[SECRET_FILES.clusterSecret];
  if (encoded === undefined) {
    throw new KubernetesError('input', `the Secret ${stack.secretName} has no key ${SECRET_FILES.clusterSecret}`);
  }
  return adminToken(Buffer.from(encoded, 'base64').toString('utf8').trim());
}

async function evict(kubectl: Kubectl, namespace: string, pod: string): Promise<string | null> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
  const url = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
  const { exitCode, stderr } = await kubectl.try(['create', '--raw', url, '-f', '-'], JSON.stringify(eviction));
  if (exitCode === 0 || /not ?found/i.test(stderr)) return null;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (/disruption budget|TooManyRequests/i.test(said)) return `the disruption budget: ${said}`;
  throw new KubernetesError('failure', `pod ${pod} cannot be evicted: ${said}`);
}
