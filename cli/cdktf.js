#!/usr/bin/env node
// What npm links as `cdktf`: hands over to cdktn, the maintained fork of the cdktf command line. It is 254 packages and 217 MB
// that only `cdktf` itself needs, so nothing of it is in Ashlar's own installation: the first call installs it, from a lockfile
// of its own, beside the other packages. A project that has cdktn-cli among its own packages uses that.
// In the repository it runs under the pinned Node, as bin.js does; it has to be understood by any Node, however old.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 22;
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const isRepository = existsSync(join(here, 'main.ts'));
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');

if (isRepository && process.execPath !== pinnedNode) {
  process.argv.splice(2, 0, 'cli/cdktf.js');
  await import('../scripts/run.mjs');
} else if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  fail(`Node ${NODE_MAJOR_MIN} or newer is needed, and this is ${process.versions.node} (${process.execPath}).`);
} else {
  handOver(ownProgram() ?? installedProgram());
}

/** The one that the project in the working directory has chosen; null when it has none. */
function ownProgram() {
  try {
    return programIn(dirname(createRequire(join(process.cwd(), 'package.json')).resolve('cdktn-cli/package.json')));
  } catch {
    return null;
  }
}

function installedProgram() {
  const source = isRepository
    ? join(root, 'stacks', 'swarm', 'cdktf-cli')
    : join(root, 'dist', 'stacks', 'swarm', 'cdktf-cli');
  const lockfile = readFileSync(join(source, 'package-lock.json'));
  const digest = createHash('sha256').update(lockfile).digest('hex').slice(0, 12);
  const directory = join(packagesDirectory(), '.cache', 'ashlar', `cdktf-cli-${digest}`);
  if (!existsSync(directory)) install(source, directory);
  return programIn(join(directory, 'node_modules', 'cdktn-cli'));
}

function programIn(packageDirectory) {
  const { bin } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8'));
  return join(packageDirectory, bin.cdktn);
}

/** Aside first, then renamed, so that an interruption leaves nothing half installed. */
function install(source, directory) {
  const building = `${directory}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(source, file), join(building, file));
  console.error('cdktf: installing the cdktf command line (cdktn; once, 217 MB, about a minute) …');
  const startedAt = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(npm, args, { cwd: building, stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.error !== undefined || result.status !== 0) {
    rmSync(building, { recursive: true, force: true });
    fail(
      `"npm ${args.join(' ')}" failed${result.error ? `: ${result.error.message}` : ''}; ` +
        'where no registry can be reached, add the package cdktn-cli to your own project',
    );
  }
  try {
    renameSync(building, directory);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    // Another call was faster.
    if (!existsSync(directory)) throw error;
  }
  console.error(`cdktf: installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s.`);
}

/** Of this package: where its dependencies lie, above it when it is one itself. */
function packagesDirectory() {
  for (let directory = root; directory !== dirname(directory); directory = dirname(directory)) {
    if (basename(directory) === 'node_modules') return directory;
    if (existsSync(join(directory, 'node_modules'))) return join(directory, 'node_modules');
  }
  return join(root, 'node_modules');
}

/** The app that cdktf.json names is to run under the same Node. */
function handOver(program) {
  const child = spawn(process.execPath, [program, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exit(code ?? 1);
    } else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}

function fail(message) {
  console.error(`cdktf: ${message}`);
  process.exit(2);
}
