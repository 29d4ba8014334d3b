// `ashlar down`: stops the processes of a local cluster and, when asked by name, deletes its data.
import { rmdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { BALANCER } from '../../stacks/local/data-directory.ts';
import { type DownEvent, takeDown } from '../../stacks/local/take-down.ts';
import { CLUSTERS_DIRECTORY, findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { displayPath } from '../display-path.ts';

interface Options extends ClusterOptions {
  readonly purge?: boolean;
}

export const define: CommandModule['define'] = (command, context) => {
  addClusterOptions(command)
    .option('--purge', 'delete all of its objects, its credentials and its logs, too')
    .action(async (options: Options) => {
      const cluster = await findCluster(context.workingDirectory, options);
      const where = displayPath(context.workingDirectory, cluster.directory);
      const { stopped, foreign } = await takeDown({
        cluster,
        purge: options.purge === true,
        onEvent: (event) => context.note(downEventText(event)),
      });
      const { name } = cluster.state.spec;
      context.print(stopped.length > 0 ? `Stopped ${name} (${stopped.join(', ')}).` : `${name} was not running.`);
      if (options.purge !== true) {
        context.print(`Its data stays in ${where}; "ashlar up" brings it back, "ashlar down --purge" deletes it.`);
      } else if (foreign.length === 0) {
        removeIfEmpty(dirname(cluster.directory));
        context.print(`Deleted ${where}.`);
      } else {
        context.print(`Deleted what was ours in ${where}; left there, as it is not ours: ${foreign.join(', ')}.`);
      }
    });
};

export function downEventText(event: DownEvent): string {
  switch (event.kind) {
    case 'stopping':
      return `Stopping ${event.names.map(processText).join(', ')} …`;
    case 'killing':
      return `${processText(event.name)} did not stop within ${(event.afterMs / 1_000).toFixed(0)} s; killing it.`;
  }
}

/** The directory of all clusters of a place is not left there for none. */
function removeIfEmpty(parent: string): void {
  if (basename(parent) !== CLUSTERS_DIRECTORY) return;
  try {
    rmdirSync(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

function processText(name: string): string {
  return name === BALANCER ? 'the endpoint' : name;
}
