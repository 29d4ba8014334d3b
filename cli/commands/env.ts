// `ashlar env`: what S3 clients read from the environment, for eval "$(ashlar env)".
import { endpointUrl } from '../../stacks/local/cluster-processes.ts';
import type { LocalCluster } from '../../stacks/local/data-directory.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';

export const define: CommandModule['define'] = (command, context) => {
  addClusterOptions(command)
    .addHelpText('after', '\nUse it with: eval "$(npx ashlar env)"')
    .action(async (options: ClusterOptions) => {
      const cluster = await findCluster(context.workingDirectory, options);
      const lines = Object.entries(clientEnvironment(cluster)).map(
        ([name, value]) => `export ${name}=${quoted(value)}`,
      );
      context.print(lines.join('\n'));
    });
};

export function clientEnvironment(cluster: LocalCluster): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: cluster.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cluster.credentials.secretAccessKey,
    AWS_ENDPOINT_URL: endpointUrl(cluster),
    AWS_REGION: cluster.state.spec.region,
    // The SDK for Python and the first aws cli know the region by this name only.
    AWS_DEFAULT_REGION: cluster.state.spec.region,
  };
}

/** As a word of a POSIX shell. */
function quoted(value: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
