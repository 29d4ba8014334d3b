// `ashlar kubernetes grow`: claims that ask for less than the settings say ask for it now. Volumes grow in place, under running pods.
import { type Claim, growthsOf } from '../../../stacks/kubernetes/grow.ts';
import { kubectlOf, readJson, runKubectl } from '../../../stacks/kubernetes/kubectl.ts';
import { INSTANCE_LABEL } from '../../../stacks/kubernetes/names.ts';
import type { CommandModule } from '../../command.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly dryRun?: boolean;
}

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .option('--dry-run', 'only say what would be done')
    .action(async ({ dryRun, ...options }: Options) => {
      const { plan, settings } = projectOf(context, options);
      const kubectl = kubectlOf(settings);
      const { items } = (await readJson(kubectl, [
        'get',
        'persistentvolumeclaims',
        '-l',
        `${INSTANCE_LABEL}=${plan.name}`,
      ])) as {
        items: readonly Claim[];
      };
      const growths = growthsOf(plan, settings, items);
      for (const { claim, from, to } of growths) {
        const patch = JSON.stringify({ spec: { resources: { requests: { storage: to } } } });
        if (dryRun !== true) await runKubectl(kubectl, ['patch', 'pvc', claim, '--patch', patch]);
        context.print(`${claim}: ${from} → ${to}`);
      }
      if (growths.length === 0) context.print('All volumes are as large as they should be.');
    });
};
