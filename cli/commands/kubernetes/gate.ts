// `ashlar kubernetes gate`: whether a node, or a zone, may be taken down now, asked through "kubectl port-forward". For people before they
// take down a host. Exit 0 it may, 1 not now (each reason in a sentence), 2 bad input.
import { setTimeout as delay } from 'node:timers/promises';
import type { GateTarget } from '../../../stacks/gate.ts';
import { readClusterState } from '../../../stacks/kubernetes/cluster-state.ts';
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { kubectlOf } from '../../../stacks/kubernetes/kubectl.ts';
import { portOf } from '../../../stacks/kubernetes/names.ts';
import { askPods } from '../../../stacks/kubernetes/pod-gate.ts';
import { gateToken } from '../../../stacks/kubernetes/roller.ts';
import type { CommandModule } from '../../command.ts';
import { timeoutOption } from '../../duration.ts';
import { UsageError } from '../../errors.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from './project-options.ts';

interface Options extends ProjectOptions {
  readonly zone?: string;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

const POLL_MS = 2_000;
const HELP = `
Name the node as the plan does (a1) or as Kubernetes does (its pod, ashlar-a-0).

Examples:
  ashlar kubernetes gate a1 && kubectl drain HOST --ignore-daemonsets
  ashlar kubernetes gate --zone a --wait`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .argument('[node]', 'the node that is to be taken down')
    .option('--zone <name>', 'the zone, with all of its nodes at once')
    .option('--wait', 'ask until it may be taken down')
    .addOption(timeoutOption('with --wait, for how long', '10m'))
    .addHelpText('after', HELP)
    .action(async (node: string | undefined, { zone, wait, timeout, ...options }: Options) => {
      const project = projectOf(context, options);
      const { plan, settings } = project;
      if (plan.engine !== 'ashlar') throw new UsageError(`${plan.engine} has no gate; ask its own status`);
      const stack = describeKubernetes(project);
      const target = targetOf(node, zone, stack.zones);
      const name = 'zone' in target ? `Zone ${target.zone}` : `Node ${target.node}`;
      const kubectl = kubectlOf(settings);
      const token = await gateToken({ ...project, kubectl, stack });
      const props = { kubectl, zones: stack.zones, port: portOf(plan), endpoints: settings.rollout.endpoints, token };
      const endMs = performance.now() + (wait === true ? timeout : 0);
      let told = '';
      for (;;) {
        const answer = await askPods(props, target, await readClusterState(kubectl, plan.name));
        if (answer.kind === 'refused') throw new UsageError(answer.message);
        if (answer.kind === 'clear') {
          context.print(`${name} may be taken down now.`);
          return;
        }
        const words = [`${name} must stay up for now:`, ...answer.reasons.map((reason) => `  - ${reason}`)].join('\n');
        if (performance.now() >= endMs) {
          context.print(words);
          context.setExitCode(1);
          return;
        }
        if (words !== told) context.note(words);
        told = words;
        await delay(POLL_MS);
      }
    });
};

function targetOf(
  name: string | undefined,
  zone: string | undefined,
  zones: readonly {
    readonly zone: string;
    readonly pods: readonly { readonly pod: string; readonly node: string }[];
  }[],
): GateTarget {
  if ((name === undefined) === (zone === undefined))
    throw new UsageError('say what is to be taken down: either a NODE or --zone NAME');
  if (zone !== undefined) return { zone };
  const found = zones.flatMap(({ pods }) => pods).find(({ pod, node }) => node === name || pod === name);
  if (found === undefined) throw new UsageError(`there is no node or pod ${name} in the plan`);
  return { node: found.node };
}
