// `ashlar env`: what S3 clients read from the environment, for eval "$(ashlar env)".

import type { Credentials } from '../../stacks/credentials.ts';
import { endpointUrl } from '../../stacks/local/cluster-processes.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';

export const define: CommandModule['define'] = (command, context) => {
  addClusterOptions(command)
    .addHelpText('after', '\nUse it with: eval "$(npx ashlar env)"')
    .action(async (options: ClusterOptions) => {
      const cluster = await findCluster(context.workingDirectory, options);
      context.print(
        exportLines({
          endpoint: endpointUrl(cluster),
          region: cluster.state.spec.region,
          credentials: cluster.credentials,
        }),
      );
    });
};

export interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
}

/** For a POSIX shell to evaluate. */
export function exportLines({ endpoint, region, credentials }: ClientSettings): string {
  const variables = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    // The SDK for Python and the first aws cli know the region by this name only.
    AWS_DEFAULT_REGION: region,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoted(value)}`)
    .join('\n');
}

/** As a word of a POSIX shell. */
function quoted(value: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
