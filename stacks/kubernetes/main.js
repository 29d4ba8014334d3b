// What Pulumi's language host loads, with whatever `node` is on the PATH: in the repository it must be one that runs TypeScript as it
// is. It has to be understood by any Node, however old, to say so.
import { delimiter, resolve } from 'node:path';
import pulumi from '@pulumi/pulumi';

const NODE_MAJOR_MIN = 24;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  // Of this error Pulumi shows the message alone.
  throw new pulumi.RunError(
    `Pulumi runs this program with Node ${process.versions.node} (${process.execPath}), and Node ${NODE_MAJOR_MIN} or newer is needed. ` +
      'The one of this repository does: PATH="$PWD/node_modules/.bin:$PATH" pulumi up',
  );
}
// Pulumi runs this, and the provider, in this file's directory: a relative path was meant from the project's.
const { KUBECONFIG = '' } = process.env;
if (KUBECONFIG !== '') {
  const paths = KUBECONFIG.split(delimiter).filter((path) => path !== '');
  process.env.KUBECONFIG = paths.map((path) => resolve(pulumi.getRootDirectory(), path)).join(delimiter);
}
const { program } = await import('./program.ts');

export default () => program();
