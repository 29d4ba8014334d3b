// `ashlar swarm secrets`: draws the secrets of a cluster, once, into files that only their owner can read.
import { makeSecrets } from '../../../stacks/swarm/project.ts';
import type { CommandModule } from '../../command.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

const HELP = `
Keep the directory: with other secrets the cluster cannot be deployed again. What the spec says of the root user is
taken over. To change the password of the root user, write another into its file and deploy.`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .addHelpText('after', HELP)
    .action((options: ProjectOptions) => {
      const project = projectOf(context, options);
      const made = makeSecrets(project);
      context.print(
        made
          ? `Made the secrets of ${project.plan.name} in ${project.secretsDirectory}. Keep them: they are needed for every deploy.`
          : `The secrets of ${project.plan.name} are in ${project.secretsDirectory} already.`,
      );
    });
};
