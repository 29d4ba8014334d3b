// The options by which the commands of `ashlar swarm` find their project and their Swarm.
import type { Command } from 'commander';
import { Docker } from '../../../stacks/docker.ts';
import { chooseManager } from '../../../stacks/swarm/managers.ts';
import { openProject, type SwarmProject } from '../../../stacks/swarm/project.ts';
import type { CommandContext } from '../../command.ts';

export interface ProjectOptions {
  readonly file?: string;
  readonly image?: string;
}

export interface HostOptions {
  readonly dockerHost?: string;
}

export function addProjectOptions(command: Command): Command {
  return command
    .option('-f, --file <file>', 'the spec (default: the one that cdktf.json names)')
    .option('--image <reference>', 'the image, with its digest (default: the one that cdktf.json names)');
}

export function addHostOption(command: Command): Command {
  return command.option('--docker-host <host>', 'a manager (default: those in cdktf.json, else DOCKER_HOST)');
}

export function projectOf(context: CommandContext, { file, image }: ProjectOptions): SwarmProject {
  return openProject({ directory: context.workingDirectory, specFile: file, image });
}

export async function dockerOf({ settings }: SwarmProject, { dockerHost }: HostOptions): Promise<Docker> {
  return new Docker(dockerHost ?? (await chooseManager(settings.managers)));
}
