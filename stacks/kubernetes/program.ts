// What Pulumi.yaml runs: the cluster of the project's directory. Reads Pulumi's configuration, looks at what runs already, refuses what
// could not work before anything is registered, and registers the component.
import k8s from '@pulumi/kubernetes';
import type { Output } from '@pulumi/pulumi';
import pulumi from '@pulumi/pulumi';
import { type ClusterState, isComplete, readClusterState } from './cluster-state.ts';
import { describeKubernetes, type KubernetesStack } from './describe.ts';
import { refusal } from './errors.ts';
import { problemsWithRunning } from './immutable.ts';
import { type Kubectl, kubectlOf, whyUnreachable } from './kubectl.ts';
import { type KubernetesProject, openKubernetesProject } from './project.ts';
import { type RollPort, roll } from './roll.ts';
import { rollPort } from './roller.ts';
import { StorageCluster, type ZoneRollout } from './storage-cluster.ts';

export interface ProgramOutputs {
  readonly endpoint: Output<string>;
  readonly credentialsSecret: Output<string>;
  readonly status: Output<string>;
}

/** Where the program meets the world; tests give their own. */
export interface ProgramSurroundings {
  readonly directory: string;
  kubectl(project: KubernetesProject): Kubectl;
}

/** In a run of Pulumi. Rejects with RunError, which Pulumi shows without a stack. */
export async function program(surroundings: Partial<ProgramSurroundings> = {}): Promise<ProgramOutputs> {
  try {
    return await deploy({ directory: pulumi.getRootDirectory(), kubectl: kubectlOfProject, ...surroundings });
  } catch (error) {
    if (error instanceof Error && 'kind' in error) throw new pulumi.RunError(error.message);
    throw error;
  }
}

async function deploy({ directory, kubectl: kubectlFor }: ProgramSurroundings): Promise<ProgramOutputs> {
  const config = new pulumi.Config('ashlar');
  const project = openKubernetesProject({
    directory,
    specFile: config.get('spec'),
    settingsFile: config.get('settings'),
    image: config.get('image'),
    context: config.get('context'),
  });
  const stack = describeKubernetes(project);
  const kubectl = kubectlFor(project);
  const running = await look(kubectl, stack);
  if (running !== null) {
    const problems = problemsWithRunning(stack, running);
    if (problems.length > 0) throw refusal(`${stack.cluster} runs, and cannot become what is wanted`, problems);
  }
  const { plan, settings, secrets } = project;
  const { image, ...rest } = project.settingsInput;
  const provider = new k8s.Provider('kubernetes', {
    enableServerSideApply: true,
    // Volumes and their class outlive a destroy, and are taken up again by the next deploy.
    upsertExistingObjects: true,
    ...(settings.context === null ? {} : { context: settings.context }),
  });
  const cluster = new StorageCluster(
    stack.cluster,
    {
      plan,
      image,
      settings: rest,
      secrets,
      rollout: running === null ? null : zoneRollout(project, stack, running, rollPort({ ...project, kubectl, stack })),
    },
    { provider },
  );
  return { endpoint: cluster.endpoint, credentialsSecret: cluster.credentialsSecret, status: cluster.status };
}

function kubectlOfProject({ settings }: KubernetesProject): Kubectl {
  return kubectlOf(settings);
}

/** null in a preview where nobody could look. A deploy must know what runs: else it could not keep the order. */
async function look(kubectl: Kubectl, stack: KubernetesStack): Promise<ClusterState | null> {
  try {
    return await readClusterState(kubectl, stack.cluster);
  } catch (error) {
    const why = `what runs already could not be looked at (${whyUnreachable(error)})`;
    if (!pulumi.runtime.isDryRun()) {
      throw refusal('the rollout needs kubectl, and the same cluster as Pulumi', [why]);
    }
    await pulumi.log.warn(`${why}; nothing is refused here that a deploy would refuse`);
    return null;
  }
}

export function zoneRollout(
  { settings: { rollout } }: Pick<KubernetesProject, 'settings'>,
  stack: KubernetesStack,
  running: ClusterState,
  port: RollPort,
): ZoneRollout {
  const limits = {
    budget: stack.budget,
    gateMs: rollout.gateSeconds * 1_000,
    readyMs: rollout.readySeconds * 1_000,
    say: (text: string) => void pulumi.log.info(text),
  };
  const worded = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      if (error instanceof Error && 'kind' in error) throw new RolloutError(error.message);
      throw error;
    }
  };
  return {
    zones: zoneOrder(stack, running),
    zone: (name) =>
      worded(async () => {
        // Before all zones are there the cluster cannot have been founded, and no pod can be ready: they are made, and nobody waits.
        if (!isComplete(stack, running)) return;
        await roll(port, { zones: stack.zones.filter(({ zone }) => zone === name), ...limits });
      }),
    all: () =>
      worded(async () => {
        await roll(port, { zones: stack.zones, ...limits });
      }),
    outcome: `${stack.zones.flatMap(({ pods }) => pods).length} nodes ready`,
  };
}

/** The library sets the names of the outputs that wait for the rollout before the message; these words stay as they are. */
class RolloutError extends pulumi.RunError {
  constructor(message: string) {
    super(message);
    Object.defineProperty(this, 'message', { get: () => message, set: () => {} });
  }
}

/** Those with pods that are not ready first: what is broken may be what this deploy puts right, and no gate lets others go before. */
export function zoneOrder({ zones }: Pick<KubernetesStack, 'zones'>, { pods }: ClusterState): string[] {
  const unready = (zone: KubernetesStack['zones'][number]) =>
    zone.pods.filter(({ pod }) => pods.some(({ name, isReady }) => name === pod && !isReady)).length;
  return [...zones].sort((a, b) => unready(b) - unready(a)).map(({ zone }) => zone);
}
