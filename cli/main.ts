// The program `ashlar`: binds the command line to this process. The only place of the CLI that reads the environment.
import { readFileSync } from 'node:fs';
import { defaultPrograms } from '../stacks/local/cluster-processes.ts';
import { packageRoot } from '../stacks/local/program-files.ts';
import { runCli } from './run.ts';

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const { SUDO_UID, SUDO_GID } = process.env;
const { version } = JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as { version: string };

// Whoever reads the output may have seen enough, as "| head" has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCli(process.argv.slice(2), {
  workingDirectory: process.cwd(),
  programs: defaultPrograms(),
  debug: process.env.ASHLAR_DEBUG === '1',
  version,
  sudoUser: SUDO_UID === undefined ? null : { uid: Number(SUDO_UID), gid: Number(SUDO_GID) },
  print: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
  onInterrupt: (listener) => {
    for (const signal of INTERRUPTS) process.on(signal, listener);
  },
});
