// `ashlar swarm env`: what S3 clients read from the environment, for eval "$(ashlar swarm env --endpoint URL)".
import type { CommandModule } from '../../command.ts';
import { UsageError } from '../../errors.ts';
import { exportLines } from '../env.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly endpoint: string;
}

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .requiredOption('--endpoint <url>', 'where clients reach the cluster, for instance http://10.0.0.1:8080')
    .action(({ endpoint, ...options }: Options) => {
      const { plan, secrets } = projectOf(context, options);
      if (secrets === null)
        throw new UsageError(`the secrets of ${plan.name} are not here; external ones cannot be read back`);
      context.print(exportLines({ endpoint, region: plan.region, credentials: secrets }));
    });
};
