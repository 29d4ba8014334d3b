// `ashlar render swarm`: the stack that cdktf would deploy, as a file for `docker stack deploy`.
import { describeSwarm } from '../../../stacks/swarm/describe.ts';
import { openProject } from '../../../stacks/swarm/project.ts';
import { renderStackFile } from '../../../stacks/swarm/stack-file.ts';
import type { CommandModule } from '../../command.ts';
import { reportRendered, writeRendered } from '../../rendered-files.ts';

interface Options {
  readonly file?: string;
  readonly image?: string;
  readonly out: string;
  readonly force?: boolean;
}

const HELP = `
Needs the settings in cdktf.json, and the secrets ("ashlar swarm secrets"), whose digests are in the names by which the
file mounts them. The secrets themselves are not written.

Example:
  ashlar render swarm --out rendered && docker stack deploy -c rendered/stack.yaml archive`;

export const define: CommandModule['define'] = (command, context) => {
  command
    .option('-f, --file <file>', 'the spec (default: the one that cdktf.json names)')
    .option('--image <reference>', 'the image, with its digest (default: the one that cdktf.json names)')
    .requiredOption('--out <dir>', 'the directory to write to; made if it is not there')
    .option('--force', 'overwrite files that were changed since, or are not from here')
    .addHelpText('after', HELP)
    .action(({ file, image, out, force = false }: Options) => {
      const project = openProject({ directory: context.workingDirectory, specFile: file, image });
      const files = renderStackFile(describeSwarm({ ...project, running: null }));
      reportRendered(context, writeRendered({ workingDirectory: context.workingDirectory, out, files, force }));
    });
};
