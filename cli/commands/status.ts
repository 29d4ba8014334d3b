// `ashlar status`: how the local cluster is. Exit 0 healthy, 1 not healthy, 2 not running.
import { isStopped, localStatus } from '../../stacks/local/local-status.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions, jsonOption } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { statusText } from '../status-text.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
}

export const define: CommandModule['define'] = (command, context) => {
  addClusterOptions(command)
    .addOption(jsonOption())
    .addHelpText('after', '\nExit code: 0 healthy, 1 not healthy, 2 not running.')
    .action(async (options: Options) => {
      const status = await localStatus(await findCluster(context.workingDirectory, options));
      context.print(options.json === true ? JSON.stringify(status, null, 2) : statusText(status));
      if (isStopped(status)) context.setExitCode(2);
      else context.setExitCode(status.healthy ? 0 : 1);
    });
};
