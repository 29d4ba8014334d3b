// Which cluster a command is about. `up` goes by the spec's name; the other commands find what is there, so that a cluster can
// be looked at and stopped even when its spec has been broken since.
import { join, resolve } from 'node:path';
import { clustersUnder, type LocalCluster, openCluster } from '../stacks/local/data-directory.ts';
import { displayPath } from './display-path.ts';
import { UsageError } from './errors.ts';

export interface ClusterChoice {
  /** -f */
  readonly file?: string | undefined;
  /** --data */
  readonly data?: string | undefined;
}

/** Clusters of a working directory live here, each under its name. */
export const CLUSTERS_DIRECTORY = '.ashlar';

export function directoryFor(workingDirectory: string, clusterName: string, data: string | undefined): string {
  return resolve(workingDirectory, data ?? join(CLUSTERS_DIRECTORY, clusterName));
}

/** Throws UsageError when there is none, or when it is not clear which one is meant. */
export async function findCluster(workingDirectory: string, choice: ClusterChoice): Promise<LocalCluster> {
  const directory = await chooseDirectory(workingDirectory, choice);
  const cluster = openCluster(directory);
  if (cluster === null) throw noCluster(displayPath(workingDirectory, directory));
  return cluster;
}

async function chooseDirectory(workingDirectory: string, { file, data }: ClusterChoice): Promise<string> {
  if (data !== undefined) return resolve(workingDirectory, data);
  const parent = resolve(workingDirectory, CLUSTERS_DIRECTORY);
  const names = clustersUnder(parent);
  if (file === undefined && names.length === 1) return join(parent, names[0]!);
  if (file === undefined && names.length === 0) throw noCluster(CLUSTERS_DIRECTORY);
  // Loaded here, because the usual case needs neither YAML nor a schema.
  const { loadSpec } = await import('./spec-file.ts');
  const { spec } = loadSpec(workingDirectory, file);
  if (file !== undefined || names.includes(spec.name)) return join(parent, spec.name);
  const several = names.map((name) => join(CLUSTERS_DIRECTORY, name)).join(', ');
  throw new UsageError(`there are several clusters here (${several}); say which one with --data`);
}

function noCluster(where: string): UsageError {
  return new UsageError(
    `there is no cluster in ${where}; start one with "ashlar up", or name its directory with --data`,
  );
}
