// Where the programs of this package lie, in the repository (TypeScript, run as it is) as in the published package
// (compiled), and where their compiled code is cached between starts.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const SOURCE_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The file to give to Node for a module named from the root without its ending, for instance "node/main". */
export function programFile(module: string): string {
  return join(SOURCE_ROOT, `${module}${EXTENSION}`);
}

/** Where package.json lies: above dist, when this is compiled. */
export function packageRoot(): string {
  return EXTENSION === '.ts' ? SOURCE_ROOT : dirname(SOURCE_ROOT);
}

/** The spec that is used where a directory has no cluster.yaml of its own. */
export function defaultSpecFile(): string {
  return join(packageRoot(), 'cluster.yaml');
}

/**
 * For NODE_COMPILE_CACHE: beside the installed packages, because that place belongs to whoever runs the code (a shared
 * temporary directory may not) and goes away with them. Node does without when it cannot write there.
 */
export function compileCacheDirectory(): string {
  return join(packagesDirectory(), '.cache', 'ashlar');
}

function packagesDirectory(): string {
  for (let directory = SOURCE_ROOT; directory !== dirname(directory); directory = dirname(directory)) {
    if (basename(directory) === 'node_modules') return directory;
    if (existsSync(join(directory, 'node_modules'))) return join(directory, 'node_modules');
  }
  return SOURCE_ROOT;
}
