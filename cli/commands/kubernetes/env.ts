// `ashlar kubernetes env`: what S3 clients read from the environment, for eval "$(ashlar kubernetes env --endpoint URL)".
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import type { CommandModule } from '../../command.ts';
import { UsageError } from '../../errors.ts';
import { exportLines } from '../env.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly endpoint?: string;
}

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .option('--endpoint <url>', 'where clients reach the cluster (default: its service, as pods do)')
    .action(({ endpoint, ...options }: Options) => {
      const project = projectOf(context, options);
      const { plan, secrets } = project;
      if (secrets === null) {
        throw new UsageError(
          `the secrets of ${plan.name} are not here; "ashlar kubernetes secrets" makes them, and external ones are in their Secret`,
        );
      }
      const url = endpoint ?? describeKubernetes(project).endpoint;
      context.print(exportLines({ endpoint: url, region: plan.region, credentials: secrets }));
    });
};
