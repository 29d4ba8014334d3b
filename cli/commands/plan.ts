// `ashlar plan`: prints what a spec amounts to before anything is built: where data goes, which losses are survived, what fits.
// Exit code 0 when the plan keeps the spec's promise, 2 when it does not.
import { Option } from 'commander';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { jsonOption } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { planText } from '../plan-text/plan-text.ts';
import { loadSpec } from '../spec-file.ts';

interface Options {
  readonly file?: string;
  readonly json?: boolean;
  readonly all?: boolean;
}

export const define: CommandModule['define'] = (command, context) => {
  command
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .addOption(new Option('-a, --all', 'every drive, every pair of drives and every drive with every other zone'))
    .addOption(jsonOption())
    .addHelpText('after', '\nExits with 0 when the plan is safe, and with 2 when it is not or the spec is wrong.')
    .action((options: Options) => {
      const { spec } = loadSpec(context.workingDirectory, options.file);
      const plan = makePlan(spec);
      const all = options.all === true;
      context.print(options.json === true ? planJson(plan, all) : planText(plan, { all }));
      if (!plan.verdict.safe) context.setExitCode(2);
    });
};

/** The plan as it is; without --all the long lists of double losses are left out, not their counts. */
function planJson(plan: Plan, all: boolean): string {
  const losses = plan.losses.map(({ cases, ...group }) =>
    all || (group.kind !== 'pair' && group.kind !== 'drive+zone') ? { ...group, cases } : group,
  );
  return JSON.stringify({ ...plan, losses }, null, 2);
}
