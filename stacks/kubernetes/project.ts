// A directory from which a cluster is deployed to Kubernetes: the spec, kubernetes.yaml with the settings of the platform beside it, and
// the secrets under .ashlar. What the Pulumi program and the commands of `ashlar kubernetes` start from.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { type ClusterSecrets, readSecretFiles, writeSecretFiles } from '../secret-files.ts';
import { readSpecFile } from '../spec-file.ts';
import { KubernetesError } from './errors.ts';
import { type KubernetesSettings, type KubernetesSettingsInput, parseKubernetesSettings } from './settings.ts';

export interface ProjectChoice {
  readonly directory: string;
  /** Instead of cluster.yaml. */
  readonly specFile?: string | undefined;
  /** Instead of kubernetes.yaml. */
  readonly settingsFile?: string | undefined;
  /** Instead of the one in the settings. */
  readonly image?: string | undefined;
  /** Instead of the one in the settings. */
  readonly context?: string | undefined;
}

export interface KubernetesProject {
  readonly directory: string;
  readonly spec: ClusterSpec;
  readonly plan: Plan;
  readonly settings: KubernetesSettings;
  /** What the settings were made from. */
  readonly settingsInput: KubernetesSettingsInput;
  /** From the project's directory. */
  readonly secretsDirectory: string;
  /** null: external, or not made yet. */
  readonly secrets: ClusterSecrets | null;
}

export const SPEC_FILE = 'cluster.yaml';
export const SETTINGS_FILE = 'kubernetes.yaml';

/** Throws KubernetesError with what is wrong with the files. The plan may be unsafe, and the secrets missing. */
export function openKubernetesProject(choice: ProjectChoice): KubernetesProject {
  const specFile = choice.specFile ?? SPEC_FILE;
  const spec = readSpecFile(
    resolve(choice.directory, specFile),
    specFile,
    (message) => new KubernetesError('input', message),
  );
  const settingsFile = choice.settingsFile ?? SETTINGS_FILE;
  const given = {
    ...readSettings(resolve(choice.directory, settingsFile), settingsFile),
    ...(choice.image === undefined ? {} : { image: choice.image }),
    ...(choice.context === undefined ? {} : { context: choice.context }),
  };
  const settings = parseKubernetesSettings(given, settingsFile);
  const secretsDirectory = join('.ashlar', `${spec.name}.kubernetes`, 'secrets');
  const isManaged = settings.secrets.kind === 'managed';
  return {
    directory: choice.directory,
    spec,
    plan: makePlan(spec),
    settings,
    // It was understood, so it is of this shape.
    settingsInput: given as KubernetesSettingsInput,
    secretsDirectory,
    secrets: isManaged ? readSecretFiles(resolve(choice.directory, secretsDirectory)) : null,
  };
}

/** Draws them, once; false when they are there already. */
export function makeKubernetesSecrets(project: KubernetesProject): boolean {
  const { settings, secrets, directory, secretsDirectory, spec } = project;
  if (settings.secrets.kind === 'external') {
    throw new KubernetesError(
      'input',
      `the secrets are external: ${settings.secrets.name} is made by whoever keeps them, for instance with "kubectl create secret generic"`,
    );
  }
  if (secrets !== null) return false;
  writeSecretFiles(resolve(directory, secretsDirectory), spec, directory);
  return true;
}

/** Without the file everything is as by default but the image, which then must come from elsewhere. */
function readSettings(path: string, name: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && name === SETTINGS_FILE) return {};
    throw new KubernetesError('input', `the settings ${name} cannot be read: ${(error as Error).message}`);
  }
  try {
    const value: unknown = parse(text) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new KubernetesError('input', `${name} is not YAML: ${(error as Error).message}`);
  }
  throw new KubernetesError('input', `${name} is no list of settings; write for instance "image: …"`);
}
