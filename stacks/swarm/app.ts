// The cdktf app of one cluster: a stack with the provider and the cluster in it. Reads nothing but what it is given.
import { DockerProvider } from '@cdktf/provider-docker/lib/provider/index.js';
import { App, LocalBackend, TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import type { SwarmProject } from './project.ts';
import type { SwarmSettings } from './settings.ts';
import { StorageCluster } from './storage-cluster.ts';
import type { RunningService } from './swarm-facts.ts';

export interface AppProps {
  readonly project: Pick<SwarmProject, 'plan' | 'settings' | 'secrets' | 'secretFile'>;
  /** What runs on the Swarm already; null where nobody looked. */
  readonly running: readonly RunningService[] | null;
  /** Which of the managers to talk to. */
  readonly dockerHost: string;
  /** The program `ashlar`, as a shell command from the project's directory. */
  readonly ashlarCommand: string;
  /** Where the stack is written; null: where cdktf wants it. */
  readonly outdir: string | null;
}

/** From where Terraform runs, cdktf.out/stacks/NAME, to the project. */
const PROJECT_DIRECTORY = '../../..';

/** Throws SwarmError. Nothing is written before synth(). */
export function swarmApp({ project, running, dockerHost, ashlarCommand, outdir }: AppProps): App {
  const { plan, settings, secrets, secretFile } = project;
  const app = new App(outdir === null ? {} : { outdir });
  const stack = new TerraformStack(app, plan.name);
  // cdktf would write the absolute path of this machine. Beside the spec, where `cdktf` itself would have it.
  new LocalBackend(stack, { path: `${PROJECT_DIRECTORY}/terraform.${plan.name}.tfstate` });
  const host = variable(stack, 'docker_host', dockerHost, 'A manager of the Swarm, as in DOCKER_HOST.');
  const program = variable(
    stack,
    'gate_command',
    `${ashlarCommand} swarm gate`,
    'What is run before each zone is touched; it must exit with 0 when the zone may be taken down.',
  );
  dockerProvider(stack, settings, host);
  new StorageCluster(stack, 'cluster', {
    plan,
    settings,
    secrets,
    running,
    gate: { program, dockerHost: host, secretFile, directory: `\${path.root}/${PROJECT_DIRECTORY}` },
  });
  return app;
}

/**
 * The provider, in the version of the settings: the bindings ask for exactly the one that they were generated from (3.6.2), in which
 * networks could not be attached by id.
 */
export function dockerProvider(scope: Construct, settings: SwarmSettings, host: string): DockerProvider {
  TerraformStack.of(scope).addOverride('terraform.required_providers.docker.version', settings.providerVersion);
  return new DockerProvider(scope, 'docker', {
    host,
    ...(settings.registries.length === 0
      ? {}
      : {
          registryAuth: settings.registries.map(({ address, configFile }) => ({
            address,
            ...(configFile === null ? {} : { configFile }),
          })),
        }),
  });
}

function variable(stack: TerraformStack, name: string, value: string, description: string): string {
  const result = new TerraformVariable(stack, name, { type: 'string', default: value, description });
  result.overrideLogicalId(name);
  return result.stringValue;
}
