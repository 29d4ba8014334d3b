// The StatefulSets and pods of a cluster as they are: asked here, judged elsewhere. The parsing of what kubectl prints is apart from the
// asking, so that recorded answers can stand in for a Kubernetes.
import type { KubernetesStack } from './describe.ts';
import { type Kubectl, readJson } from './kubectl.ts';
import { COMPONENT_LABEL, INSTANCE_LABEL } from './names.ts';

export interface ClusterState {
  readonly statefulSets: readonly StatefulSetState[];
  readonly pods: readonly PodState[];
}

export interface StatefulSetState {
  readonly name: string;
  /** What its pods should be. null: its controller has not seen the newest version of it yet. */
  readonly updateRevision: string | null;
  readonly replicas: number;
  /** As it is, for those who compare. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PodState {
  readonly name: string;
  readonly uid: string;
  readonly revision: string;
  readonly isReady: boolean;
  /** Its process runs. */
  readonly isStarted: boolean;
  readonly isTerminating: boolean;
  /** Why it does not run, in one line; null when nothing is known to be wrong. */
  readonly problem: string | null;
  /** Nobody but a person will put that right. */
  readonly isStuck: boolean;
}

/** Throws KubernetesError, or ProgramError without kubectl. */
export async function readClusterState(kubectl: Kubectl, cluster: string): Promise<ClusterState> {
  const selector = ['-l', `${INSTANCE_LABEL}=${cluster},${COMPONENT_LABEL}=storage`];
  return parseClusterState(await readJson(kubectl, ['get', 'statefulsets,pods', ...selector]));
}

export function parseClusterState(answer: unknown): ClusterState {
  const items = (answer as { items: readonly KubernetesObject[] }).items;
  return {
    statefulSets: items.filter(({ kind }) => kind === 'StatefulSet').map(statefulSetState),
    pods: items.filter(({ kind }) => kind === 'Pod').map(podState),
  };
}

/** Whether every StatefulSet of the stack is there: before that, nobody can have founded the cluster. */
export function isComplete(stack: Pick<KubernetesStack, 'zones'>, { statefulSets }: ClusterState): boolean {
  return stack.zones.every(({ statefulSet, pods }) =>
    statefulSets.some(({ name, replicas }) => name === statefulSet && replicas >= pods.length),
  );
}

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly updateRevision?: string;
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly started?: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: Ended;
  };
  readonly lastState?: { readonly terminated?: Ended };
}

interface Ended {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Of a container that waits: these do not pass. An image that cannot be pulled may be there a minute later, but seldom is. */
const STUCK = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'RunContainerError',
]);

function statefulSetState({ metadata, spec, status }: KubernetesObject): StatefulSetState {
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  return {
    name: metadata.name,
    updateRevision: isSeen ? (status?.updateRevision ?? null) : null,
    replicas: typeof spec.replicas === 'number' ? spec.replicas : 1,
    spec,
    labels: metadata.labels ?? {},
  };
}

function podState({ metadata, status }: KubernetesObject): PodState {
  const [container] = status?.containerStatuses ?? [];
  const { waiting } = container?.state ?? {};
  const isUnscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    revision: metadata.labels?.['controller-revision-hash'] ?? '',
    isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    isStarted: container?.started === true,
    isTerminating: metadata.deletionTimestamp !== undefined,
    problem:
      waiting !== undefined && waiting.reason !== 'ContainerCreating'
        ? sentence(waiting.reason, waiting.message, container?.lastState?.terminated)
        : isUnscheduled !== undefined
          ? sentence(isUnscheduled.reason, isUnscheduled.message)
          : container?.state?.terminated !== undefined
            ? sentence('its process ended', undefined, container.state.terminated)
            : (status?.message ?? null),
    isStuck: STUCK.has(waiting?.reason ?? ''),
  };
}

function sentence(reason: string | undefined, message: string | undefined, ended?: Ended): string {
  const exit =
    ended === undefined
      ? undefined
      : `it ended with exit code ${ended.exitCode ?? '?'}${ended.message ? ` (${ended.message.trim().split('\n').at(-1)})` : ended.reason ? ` (${ended.reason})` : ''}`;
  return [reason, message?.trim().split('\n').at(-1), exit]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
}
