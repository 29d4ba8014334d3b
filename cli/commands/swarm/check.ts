// `ashlar swarm check`: everything that must be true of a Swarm before a deploy, and is not. Exit 0 nothing, 2 something.

import type { Docker } from '../../../stacks/docker.ts';
import { describeSwarm } from '../../../stacks/swarm/describe.ts';
import { refusal } from '../../../stacks/swarm/errors.ts';
import { type HostProbe, probeHost } from '../../../stacks/swarm/host-probe.ts';
import { hostOf, judgeSwarm } from '../../../stacks/swarm/preconditions.ts';
import type { SwarmProject } from '../../../stacks/swarm/project.ts';
import { readHosts, readNetwork, type SwarmHost } from '../../../stacks/swarm/swarm-facts.ts';
import type { CommandModule } from '../../command.ts';
import {
  addHostOption,
  addProjectOptions,
  dockerOf,
  type HostOptions,
  type ProjectOptions,
  projectOf,
} from './project-options.ts';

interface Options extends ProjectOptions, HostOptions {
  readonly probe: boolean;
}

const HELP = `
Beside what Docker's own API says (labels, versions, network) it runs the image once on every host, to see what is
mounted, who may write there, which MTU the link has, and what time it is. --no-probe leaves that out; so do engines
other than ours.

Exit code: 0 nothing stands against a deploy, 2 something does.`;

export const define: CommandModule['define'] = (command, context) => {
  addHostOption(addProjectOptions(command))
    .option('--no-probe', 'do not run anything on the hosts')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const project = projectOf(context, options);
      const { plan, settings } = project;
      describeSwarm({ ...project, running: null });
      const docker = await dockerOf(project, options);
      const hosts = await readHosts(docker);
      const network = await readNetwork(docker, plan.name);
      const withoutProbes = judgeSwarm(plan, settings, { hosts, network, probes: null });
      for (const remark of withoutProbes.remarks) context.note(`Note: ${remark}.`);
      const probes =
        options.probe && plan.engine === 'ashlar' && withoutProbes.problems.length === 0
          ? await probeHosts(docker, project, hosts, (text) => context.note(text))
          : null;
      const { problems } = judgeSwarm(plan, settings, { hosts, network, probes });
      if (problems.length > 0) throw refusal(`${plan.name} cannot be deployed to this Swarm yet`, problems);
      context.print(`Nothing stands against deploying ${plan.name} to these ${plan.nodes.length} hosts.`);
    });
};

async function probeHosts(
  docker: Docker,
  { plan, settings }: SwarmProject,
  hosts: readonly SwarmHost[],
  say: (text: string) => void,
): Promise<Map<string, HostProbe>> {
  say(`Looking at ${plan.nodes.length} hosts from within …`);
  const probes = await Promise.all(
    plan.nodes.map(async (node): Promise<[string, HostProbe]> => {
      const host = hostOf(plan, settings, hosts, node.name)!;
      return [node.name, await probeHost(docker, plan, settings, node, host)];
    }),
  );
  return new Map(probes);
}
