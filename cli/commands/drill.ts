// `ashlar drill`: accidents on purpose on the local cluster, and what the plan promises about them.
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { CORRUPTION_TARGETS, type CorruptionTarget } from '../../stacks/local/corruption.ts';
import { DRILL_ACTIONS, DRILL_KINDS, type DrillAction, type DrillKind, drill } from '../../stacks/local/drill.ts';
import { promiseNow } from '../../stacks/local/promise.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { UsageError } from '../errors.ts';

const HELP = `
What the drills do:
  kill node|zone     SIGKILL to the process of the node, or of every node in the zone.
  kill drive         The drive's directory is set aside and a file put in its place, so that every access
                     fails, as on a dead disk; its node is killed and started again for that.
  wipe node|zone     Deletes the data of nodes that were killed.
  wipe drive         Deletes the data of a drive that was killed, or whose node was.
  revive             Undoes a kill. What was wiped comes back blank; the cluster is asked to admit it in
                     place of the lost drive, and heals onto it.
  corrupt            Flips bytes at random places in the files of the drive, or of all drives of the node or
                     zone, and tells nobody, as a disk that rots. What, with --what:
                       shards      of objects larger than 8 KiB (the default), while the node runs
                       manifests   the records of objects, with the bodies of small ones, while it runs
                       log         what a node starts again from; damage shows when it does
                       index       where everything is found on the drive
                     For log and index the node is killed first and started again afterwards, as files
                     that a database works on must not change under it. A drive whose log or index is
                     damaged is refused by its node; give it back empty with: kill drive, wipe drive,
                     revive drive. One flip in a large index may hit nothing of value: raise --flips.

Examples:
  ashlar drill kill zone a
  ashlar drill kill drive b1/d2
  ashlar drill revive zone a
  ashlar drill corrupt drive c1/d1
  ashlar drill corrupt node c1 --what index --flips 100`;

const FLIPS_MAX = 1_000_000;

interface DrillOptions extends ClusterOptions {
  readonly what?: CorruptionTarget;
  readonly flips?: number;
}

export const define: CommandModule['define'] = (command, context) => {
  command
    .addArgument(new Argument('<action>', 'what to do').choices(DRILL_ACTIONS))
    .addArgument(new Argument('<kind>', 'to what').choices(DRILL_KINDS))
    .argument('<name>', 'the name of a node or zone, or a drive as NODE/DRIVE');
  addCorruptionOptions(addClusterOptions(command))
    .addHelpText('after', HELP)
    .action(async (action: DrillAction, kind: DrillKind, name: string, options: DrillOptions) => {
      const { what, flips } = options;
      if (action !== 'corrupt' && (what !== undefined || flips !== undefined)) {
        throw new UsageError(`--what and --flips belong to "drill corrupt", not to "drill ${action}"`);
      }
      const corruption = { ...(what === undefined ? {} : { what }), ...(flips === undefined ? {} : { flips }) };
      const cluster = await findCluster(context.workingDirectory, options);
      const report = await drill({ cluster, action, kind, name, programs: context.programs, corruption });
      context.print([...report, ...promiseNow(cluster)].join('\n'));
    });
};

function addCorruptionOptions(command: Command): Command {
  return command
    .addOption(new Option('--what <kind>', 'corrupt: which files').choices(CORRUPTION_TARGETS))
    .option('--flips <n>', 'corrupt: bytes in each shard or record, or in each file of the log or index', parseFlips);
}

function parseFlips(text: string): number {
  const flips = Number(text);
  if (!/^\d+$/.test(text) || flips < 1 || flips > FLIPS_MAX) {
    throw new InvalidArgumentError(`A number of bytes from 1 to ${FLIPS_MAX}.`);
  }
  return flips;
}
