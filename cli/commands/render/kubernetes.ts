// `ashlar render kubernetes`: the objects that the Pulumi program would register, as manifests for `kubectl apply -k`.
import { describeKubernetes } from '../../../stacks/kubernetes/describe.ts';
import { renderKubernetes } from '../../../stacks/kubernetes/render.ts';
import type { CommandModule } from '../../command.ts';
import { reportRendered, writeRendered } from '../../rendered-files.ts';
import { addProjectOptions, type ProjectOptions, projectOf } from '../kubernetes/project-options.ts';

interface Options extends ProjectOptions {
  readonly out: string;
  readonly force?: boolean;
}

const HELP = `
Needs the settings in kubernetes.yaml, and the secrets ("ashlar kubernetes secrets"), whose digest is in the name by which
the pods use them. The secrets themselves are not written: "ashlar kubernetes secrets --apply" brings them to the cluster.

Drives of hosts are in volumes.yaml, apart from the rest, so that "kubectl delete -k" leaves them.

Applying a changed directory takes nothing down by itself; "ashlar kubernetes roll" does, pod by pod, when the gate says so.

Example:
  ashlar render kubernetes --out rendered && kubectl apply --server-side -k rendered`;

export const define: CommandModule['define'] = (command, context) => {
  addProjectOptions(command)
    .requiredOption('--out <dir>', 'the directory to write to; made if it is not there')
    .option('--force', 'overwrite files that were changed since, or are not from here')
    .addHelpText('after', HELP)
    .action((options: Options) => {
      const files = renderKubernetes(describeKubernetes(projectOf(context, options)));
      const { workingDirectory } = context;
      reportRendered(
        context,
        writeRendered({ workingDirectory, out: options.out, files, force: options.force === true }),
      );
    });
};
