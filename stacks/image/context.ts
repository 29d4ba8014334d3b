// Lays out what `docker build` gets: the storage node compiled, the packages that it imports at the versions of the lockfile,
// the Dockerfile. The same sources give the same bytes, with the same times, so that builders reuse their layers.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { runProgram, tryProgram } from '../run-program.ts';
import { digestOfDirectory, type ImageFacts } from './contents.ts';
import { ImageError } from './errors.ts';
import { importedPackages, lockedPackages } from './node-packages.ts';
import { isRunTimeFile } from './run-time-files.ts';

export interface ContextProps {
  /** Root of a checkout with its packages installed. */
  readonly repository: string;
  /** Empty, or to be made. */
  readonly directory: string;
  /** For which the packages with binaries are chosen, as Node names it: x64, arm64. */
  readonly architecture: string;
}

export interface ImageContext {
  readonly facts: ImageFacts;
  /** When the revision was committed, ISO 8601; null outside a repository. */
  readonly created: string | null;
}

/** Rejects with ImageError or ProgramError. */
export async function layOutContext(props: ContextProps): Promise<ImageContext> {
  const { repository, directory } = props;
  requireCheckout(repository);
  const app = join(directory, 'app');
  mkdirSync(app, { recursive: true });
  const { version } = readJson(join(repository, 'package.json')) as { version: string };
  await compileNode(repository, app);
  await installPackages(props, app, version);
  cpSync(join(repository, 'LICENSE'), join(app, 'LICENSE'));
  cpSync(join(repository, 'node', 'image', 'Dockerfile'), join(directory, 'Dockerfile'));
  const { revision, created } = await revisionOf(repository);
  normalize(directory, created === null ? new Date(0) : new Date(created));
  return { facts: { version, revision, contentDigest: digestOfDirectory(app) }, created };
}

function requireCheckout(repository: string): void {
  const needed = ['package-lock.json', 'scripts/tsconfig.image.json', 'node_modules/typescript/bin/tsc'];
  const missing = needed.filter((path) => !existsSync(join(repository, path)));
  if (missing.length === 0) return;
  throw new ImageError(
    'input',
    `an image is built from a checkout of the repository, and ${repository} has no ${missing.join(', ')}; ` +
      'clone it and run "npx ashlar image build" there',
  );
}

/** Types were checked where the change was made; here they are only taken off, in a quarter of the time. */
async function compileNode(repository: string, app: string): Promise<void> {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(repository, 'scripts', 'tsconfig.image.json');
  await runProgram(process.execPath, [tsc, '-p', project, '--noCheck', '--outDir', app]);
  const sources = join(repository, 'node');
  for (const path of filesBelow(sources)) {
    if (!path.endsWith('.ts') && !path.startsWith('image/')) cpSync(join(sources, path), join(app, 'node', path));
  }
}

async function installPackages(
  { repository, architecture }: ContextProps,
  app: string,
  version: string,
): Promise<void> {
  const scripts = filesBelow(app).filter((path) => path.endsWith('.js'));
  const names = importedPackages(scripts.map((path) => readFileSync(join(app, path), 'utf8')));
  const project = { name: 'ashlar-node', version };
  const { dependencies, lockfile } = lockedPackages(readJson(join(repository, 'package-lock.json')), names, project);
  const manifest = { ...project, private: true, type: 'module', dependencies };
  writeFileSync(join(app, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(app, 'package-lock.json'), `${JSON.stringify(lockfile, null, 2)}\n`);
  // Install scripts would compile for this machine; the packages bring binaries for the image's.
  const target = ['--os=linux', `--cpu=${architecture}`, '--libc=glibc'];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await runProgram('npm', ['ci', ...target, ...quiet], { cwd: app });
  const modules = join(app, 'node_modules');
  rmSync(join(modules, '.bin'), { recursive: true, force: true });
  for (const path of filesBelow(modules)) if (!isRunTimeFile(path)) rmSync(join(modules, path));
  removeEmptyDirectories(modules);
}

async function revisionOf(repository: string): Promise<{ revision: string; created: string | null }> {
  const git = async (...args: string[]) => (await tryProgram('git', args, { cwd: repository })).stdout.trim();
  try {
    const [commit, created] = (await git('log', '-1', '--format=%H %cI')).split(' ');
    if (commit === undefined || created === undefined) return { revision: 'unknown', created: null };
    const changed = await git('status', '--porcelain', '--', 'node', 'package.json', 'package-lock.json', 'scripts');
    return { revision: changed === '' ? commit : `${commit}-dirty`, created: new Date(created).toISOString() };
  } catch {
    return { revision: 'unknown', created: null };
  }
}

/** Whatever the umask and the clock were: readable for everybody, writable for the owner, and of this time. */
function normalize(directory: string, time: Date): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) normalize(path, time);
    else {
      chmodSync(path, 0o644);
      utimesSync(path, time, time);
    }
  }
  chmodSync(directory, 0o755);
  utimesSync(directory, time, time);
}

function removeEmptyDirectories(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyDirectories(join(directory, entry.name));
  }
  if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
