// The options by which the commands of `ashlar kubernetes` find their project.
import type { Command } from 'commander';
import { type KubernetesProject, openKubernetesProject } from '../../../stacks/kubernetes/project.ts';
import type { CommandContext } from '../../command.ts';

export interface ProjectOptions {
  readonly file?: string;
  readonly settings?: string;
  readonly image?: string;
  readonly context?: string;
}

export function addProjectOptions(command: Command): Command {
  return command
    .option('-f, --file <file>', 'the spec (default: cluster.yaml)')
    .option('--settings <file>', 'the settings of the platform (default: kubernetes.yaml)')
    .option('--image <reference>', 'the image, with its digest (default: the one in the settings)')
    .option('--context <name>', 'of the kubeconfig (default: the one in the settings, else the current one)');
}

export function projectOf(
  { workingDirectory }: CommandContext,
  { file, settings, image, context }: ProjectOptions,
): KubernetesProject {
  return openKubernetesProject({ directory: workingDirectory, specFile: file, settingsFile: settings, image, context });
}
