// Runs a program of this repository under the pinned Node, after installing what the lockfile asks for.
// It must run on whatever Node the user has (20 or newer), so it uses nothing newer and imports nothing of ours.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockfile = join(root, 'package-lock.json');
/** npm's own record of the tree, and ours of the lockfile that it was installed from. */
const npmRecord = join(root, 'node_modules', '.package-lock.json');
const installedFrom = join(root, 'node_modules', '.installed-from');
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');

const [program, ...programArguments] = process.argv.slice(2);
if (program === undefined) {
  console.error('usage: node scripts/run.mjs PROGRAM [ARGUMENTS]');
  process.exit(2);
}

requireNode(20);
if (!isInstalled()) install();
const child = spawn(pinnedNode, [resolveProgram(program), ...programArguments], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(pinnedNode)}:${process.env.PATH ?? ''}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal !== null) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code ?? 1);
  }
});

function requireNode(majorMin) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= majorMin) return;
  console.error(
    `ashlar: Node ${process.versions.node} is too old to install the pinned Node; use Node ${majorMin} or newer.`,
  );
  process.exit(2);
}

/**
 * Installed means: from a lockfile with this content, or by hand since it was written. Its date alone says little: a checkout
 * renews it, and installing again would take the packages from under a running cluster.
 */
function isInstalled() {
  if (!existsSync(npmRecord) || !existsSync(pinnedNode)) return false;
  if (existsSync(installedFrom)) return readFileSync(installedFrom, 'utf8') === lockfileDigest();
  return statSync(npmRecord).mtimeMs >= statSync(lockfile).mtimeMs;
}

function lockfileDigest() {
  return createHash('sha256').update(readFileSync(lockfile)).digest('hex');
}

function install() {
  console.error('ashlar: installing the packages of package-lock.json (once; about half a minute) …');
  const startedAt = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // The pinned Node arrives with this install, so npm's own "unsupported engine" warnings say nothing useful yet.
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (result.error !== undefined || result.status !== 0) {
    console.error(
      `ashlar: "npm ci" failed${result.error ? `: ${result.error.message}` : ''}; run it by hand to see why.`,
    );
    process.exit(1);
  }
  writeFileSync(installedFrom, lockfileDigest());
  console.error(`ashlar: installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s.`);
}

/** A path in the repository, or the name of a program that one of our packages brings. */
function resolveProgram(name) {
  const local = join(root, name);
  if (existsSync(local) && statSync(local).isFile()) return local;
  const owner = { tsc: 'typescript', vitest: 'vitest', biome: '@biomejs/biome' }[name];
  if (owner === undefined) {
    console.error(`ashlar: there is no program ${name} in this repository.`);
    process.exit(2);
  }
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules', owner, 'package.json'), 'utf8'));
  return join(root, 'node_modules', owner, typeof bin === 'string' ? bin : bin[name]);
}
