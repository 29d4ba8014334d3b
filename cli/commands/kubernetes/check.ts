// `ashlar kubernetes check`: everything that must be true of a Kubernetes before a deploy, and is not. Exit 0 nothing, 2 something.
import { storageMtu } from '../../../spec/hosts.ts';
import { checkKubernetes, neededSecrets } from '../../../stacks/kubernetes/check.ts';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { refusal } from '../../../stacks/kubernetes/errors.ts';
import { readFacts } from '../../../stacks/kubernetes/facts.ts';
import { kubectlOf } from '../../../stacks/kubernetes/kubectl.ts';
import type { CommandModule } from '../../command.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

const HELP = `
Looks at version, namespace and its Pod Security, your permissions, hosts and their zones, storage classes and volumes,
what the settings name, and what runs already. Changes nothing.

Exit code: 0 nothing stands against a deploy, 2 something does.`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .addHelpText('after', HELP)
    .action(async (options: ProjectOptions) => {
      const project = projectOf(context, options);
      const { plan, settings, spec } = project;
      const stack = describeKubernetes(project);
      const facts = await readFacts(kubectlOf(settings), stack, { secrets: neededSecrets(project) });
      const { problems, remarks } = checkKubernetes({ plan, settings, stack, facts, linkMtu: storageMtu(spec.hosts) });
      for (const remark of remarks) context.note(`Remark: ${remark}.`);
      if (problems.length > 0) throw refusal(`${plan.name} cannot be deployed to this Kubernetes as it is`, problems);
      context.print(
        `Nothing stands against a deploy: ${plan.nodes.length} nodes in ${plan.zones.length} zones, of which ${stack.budget} may be away at once.`,
      );
    });
};
