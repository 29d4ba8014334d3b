// `ashlar kubernetes secrets`: draws the secrets of a cluster, once, into files that only their owner can read; with --apply brings them to
// the cluster as a Secret.
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { kubectlOf, runKubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { makeKubernetesSecrets } from '../../../stacks/kubernetes/project.ts';
import { manifestsText } from '../../../stacks/kubernetes/render.ts';
import type { CommandModule } from '../../command.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly apply?: boolean;
}

const HELP = `
Keep the directory: with other secrets the cluster cannot be deployed again. What the spec says of the root user is
taken over. To change the password of the root user, write another into its file and deploy. Pulumi brings the Secret to
the cluster itself; --apply is for manifests that were rendered.`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .option('--apply', 'bring them to the cluster, for rendered manifests')
    .addHelpText('after', HELP)
    .action(async ({ apply, ...options }: Options) => {
      const project = projectOf(context, options);
      const made = makeKubernetesSecrets(project);
      context.print(
        made
          ? `Made the secrets of ${project.plan.name} in ${project.secretsDirectory}. Keep them: they are needed for every deploy.`
          : `The secrets of ${project.plan.name} are in ${project.secretsDirectory} already.`,
      );
      if (apply !== true) return;
      // Read again: now they are there.
      const { manifests } = describeKubernetes(projectOf(context, options));
      const secrets = manifests.filter(({ kind }) => kind === 'Secret');
      const args = ['apply', '--server-side', '--field-manager', 'ashlar', '-f', '-'];
      context.print((await runKubectl(kubectlOf(project.settings), args, manifestsText(secrets))).trim());
    });
};
