// `ashlar drill`: accidents on purpose on the local cluster, and what the plan promises about them.
import { Argument } from 'commander';
import { DRILL_ACTIONS, DRILL_KINDS, type DrillAction, type DrillKind, drill } from '../../stacks/local/drill.ts';
import { promiseNow } from '../../stacks/local/promise.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';

const HELP = `
What the drills do:
  kill node|zone     SIGKILL to the process of the node, or of every node in the zone.
  kill drive         The drive's directory is set aside and a file put in its place, so that every access
                     fails, as on a dead disk; its node is killed and started again for that.
  wipe node|zone     Deletes the data of nodes that were killed.
  wipe drive         Deletes the data of a drive that was killed, or whose node was.
  revive             Undoes a kill. What was wiped comes back blank; the cluster is asked to admit it in
                     place of the lost drive, and heals onto it.

Examples:
  ashlar drill kill zone a
  ashlar drill kill drive b1/d2
  ashlar drill revive zone a`;

export const define: CommandModule['define'] = (command, context) => {
  command
    .addArgument(new Argument('<action>', 'what to do').choices(DRILL_ACTIONS))
    .addArgument(new Argument('<kind>', 'to what').choices(DRILL_KINDS))
    .argument('<name>', 'the name of a node or zone, or a drive as NODE/DRIVE');
  addClusterOptions(command)
    .addHelpText('after', HELP)
    .action(async (action: DrillAction, kind: DrillKind, name: string, options: ClusterOptions) => {
      const cluster = await findCluster(context.workingDirectory, options);
      const report = await drill({ cluster, action, kind, name, programs: context.programs });
      context.print([...report, ...promiseNow(cluster)].join('\n'));
    });
};
