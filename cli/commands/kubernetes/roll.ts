// `ashlar kubernetes roll`: the rollout of manifests that were applied. Exit 0 all pods are as they should be and ready, 1 it stopped.
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { kubectlOf } from '../../../stacks/kubernetes/kubectl.ts';
import { roll } from '../../../stacks/kubernetes/roll.ts';
import { rollPort } from '../../../stacks/kubernetes/roller.ts';
import type { CommandModule } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { UsageError } from '../../errors.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly zone?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

const HELP = `
A pod that does not run is replaced at once; one that does only after the gate said that its node can be spared, and
through the disruption budget. The next one follows when it is ready again. Started again it goes on where it stopped, also
backwards: apply the version before, and roll.

Exit code: 0 all pods are as they should be, 1 it stopped (the pod and the reason are named), 2 bad input.`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .option('--zone <name>', 'only the pods of this zone')
    .option('--timeout <duration>', 'for each pod: 90s, 10m, 2h (default: the settings)', parseDuration)
    .addHelpText('after', HELP)
    .action(async ({ zone, timeout, ...options }: Options) => {
      const project = projectOf(context, options);
      const stack = describeKubernetes(project);
      const zones = zone === undefined ? stack.zones : stack.zones.filter((one) => one.zone === zone);
      if (zones.length === 0)
        throw new UsageError(`there is no zone ${zone}; the zones are ${project.plan.zones.join(', ')}`);
      const { gateSeconds, readySeconds } = project.settings.rollout;
      const { replaced } = await roll(rollPort({ ...project, stack, kubectl: kubectlOf(project.settings) }), {
        zones,
        budget: stack.budget,
        gateMs: timeout ?? gateSeconds * 1_000,
        readyMs: timeout ?? readySeconds * 1_000,
        say: (text) => context.note(text),
      });
      const count = zones.flatMap(({ pods }) => pods).length;
      context.print(`${count} pods are as they should be, and ready; ${replaced.length} were replaced.`);
    });
};
