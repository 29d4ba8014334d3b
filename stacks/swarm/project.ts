// A directory from which a cluster is deployed to a Swarm: cdktf.json with the settings of the platform, the spec beside it, and the
// secrets under .ashlar. What cdktf and the commands of `ashlar swarm` start from.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { type ClusterSecrets, readSecretFiles, SECRET_FILES, writeSecretFiles } from '../secret-files.ts';
import { readSpecFile } from '../spec-file.ts';
import { SwarmError } from './errors.ts';
import { parseSwarmSettings, type SwarmSettings, withHosts } from './settings.ts';

export interface ProjectChoice {
  readonly directory: string;
  /** Instead of the one that cdktf.json names. */
  readonly specFile?: string | undefined;
  /** Instead of the one in cdktf.json. */
  readonly image?: string | undefined;
}

export interface SwarmProject {
  readonly directory: string;
  readonly spec: ClusterSpec;
  readonly plan: Plan;
  readonly settings: SwarmSettings;
  /** From the project's directory. */
  readonly secretsDirectory: string;
  /** null: external, or not made yet. */
  readonly secrets: ClusterSecrets | null;
  /** Of the cluster secret, from the project's directory. */
  readonly secretFile: string;
}

const PROJECT_FILE = 'cdktf.json';
const SPEC_FILE = 'cluster.yaml';

/** Throws SwarmError with what is wrong with the files. The plan may be unsafe, and the secrets missing. */
export function openProject(choice: ProjectChoice): SwarmProject {
  const context = readContext(choice.directory);
  const specFile = choice.specFile ?? (typeof context.spec === 'string' ? context.spec : SPEC_FILE);
  const spec = readSpecFile(
    resolve(choice.directory, specFile),
    specFile,
    (message) => new SwarmError('input', message),
  );
  const given = typeof context.swarm === 'object' && context.swarm !== null ? context.swarm : {};
  const settings = parseSwarmSettings(
    withHosts(choice.image === undefined ? given : { ...given, image: choice.image }, spec.hosts),
    `"swarm" in ${PROJECT_FILE}`,
  );
  const secretsDirectory = join('.ashlar', `${spec.name}.swarm`, 'secrets');
  return {
    directory: choice.directory,
    spec,
    plan: makePlan(spec),
    settings,
    secretsDirectory,
    secrets: settings.secrets.kind === 'managed' ? readSecretFiles(resolve(choice.directory, secretsDirectory)) : null,
    secretFile: settings.gate.secretFile ?? join(secretsDirectory, SECRET_FILES.clusterSecret),
  };
}

/**
 * Draws them, once. Never again by itself: nodes with another cluster secret are strangers to those that run. false when they
 * are there already.
 */
export function makeSecrets({ directory, spec, settings, secrets, secretsDirectory }: SwarmProject): boolean {
  if (settings.secrets.kind === 'external')
    throw new SwarmError('input', 'the secrets are external; make them with "docker secret create"');
  if (secrets !== null) return false;
  writeSecretFiles(resolve(directory, secretsDirectory), spec, directory);
  return true;
}

function readContext(directory: string): { spec?: unknown; swarm?: unknown } {
  const file = join(directory, PROJECT_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new SwarmError(
      'input',
      `${file} cannot be read: ${(error as Error).message}; it names the spec and the settings of the Swarm`,
    );
  }
  try {
    const { context } = JSON.parse(text) as { context?: unknown };
    return typeof context === 'object' && context !== null ? context : {};
  } catch (error) {
    throw new SwarmError('input', `${file} is not JSON: ${(error as Error).message}`);
  }
}
