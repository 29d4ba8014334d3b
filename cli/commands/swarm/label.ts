// `ashlar swarm label`: decides which host runs which node, and says so with labels.
import { InvalidArgumentError } from 'commander';
import { refusal } from '../../../stacks/swarm/errors.ts';
import { assignHosts, type LabelChange } from '../../../stacks/swarm/host-labels.ts';
import { readHosts } from '../../../stacks/swarm/swarm-facts.ts';
import type { CommandModule } from '../../command.ts';
import { tableLines } from '../../table.ts';
import {
  addHostOption,
  addProjectOptions,
  dockerOf,
  type HostOptions,
  type ProjectOptions,
  projectOf,
} from './project-options.ts';

interface Options extends ProjectOptions, HostOptions {
  readonly host?: ReadonlyMap<string, string>;
  readonly dryRun?: boolean;
}

const HELP = `
A host that has a node keeps it. Without --host, nodes go to the hosts whose addresses the spec gives them, and else to
hosts that have the label of their zone (docker node update --label-add zone=a HOST).

Exit code: 0 all nodes have a host, 2 not all of them can have one, and then nothing was changed.

Examples:
  ashlar swarm label
  ashlar swarm label --host a1=worker1 --host b1=worker2`;

export const define: CommandModule['define'] = (command, context) => {
  addHostOption(addProjectOptions(command))
    .option('--host <node=host>', 'run this node on this host; may be given again', collect)
    .option('--dry-run', 'only say what would be done')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const project = projectOf(context, options);
      const docker = await dockerOf(project, options);
      const hosts = await readHosts(docker);
      const { changes, problems } = assignHosts(project.plan, project.settings, hosts, options.host ?? new Map());
      if (problems.length > 0) throw refusal(`not every node of ${project.plan.name} has a host`, problems);
      for (const { host, labels } of changes) {
        const flags = Object.entries(labels).flatMap(([key, value]) => ['--label-add', `${key}=${value}`]);
        if (flags.length > 0 && options.dryRun !== true) await docker.run(['node', 'update', ...flags, host.id]);
      }
      context.print(changesText(changes));
    });
};

function changesText(changes: readonly LabelChange[]): string {
  const rows = changes.map(({ node, host, labels }) => [
    node,
    host.hostname,
    host.address,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' ') || 'right already',
  ]);
  return tableLines([{ title: 'node' }, { title: 'host' }, { title: 'address' }, { title: 'labels set' }], rows).join(
    '\n',
  );
}

function collect(text: string, before: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const [node, host, ...rest] = text.split('=');
  if (!node || !host || rest.length > 0) throw new InvalidArgumentError('Write NODE=HOST, for instance a1=worker1.');
  return new Map([...before, [node, host]]);
}
