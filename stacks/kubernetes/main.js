// What Pulumi's language host loads, with whatever `node` is on the PATH: in the repository it must be one that runs TypeScript as it
// is. It has to be understood by any Node, however old, to say so.
const NODE_MAJOR_MIN = 24;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  throw new Error(
    `Pulumi runs this program with Node ${process.versions.node} (${process.execPath}), and Node ${NODE_MAJOR_MIN} or newer is needed. ` +
      'The one of this repository does: PATH="$PWD/node_modules/.bin:$PATH" pulumi up',
  );
}
const { program } = await import('./program.ts');

export default () => program();
