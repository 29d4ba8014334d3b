// What the tests of the local target share: the command line run in-process, on a storage node that stores nothing.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExitCode } from '../../cli/command.ts';
import { runCli } from '../../cli/run.ts';
import { defaultPrograms, type Programs } from '../../stacks/local/cluster-processes.ts';
import { removeCluster } from '../../stacks/local/remove-cluster.ts';

export const FAKE_NODE = join(dirname(fileURLToPath(import.meta.url)), 'fake-node.ts');

export function fakePrograms(): Programs {
  return { ...defaultPrograms(), node: FAKE_NODE };
}

/** An empty directory to work in. `remove` ends the clusters in it, too, in case the test has not. */
export function workplace(): { readonly directory: string; remove(): Promise<void> } {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-cli-'));
  return {
    directory,
    remove: async () => {
      const parent = join(directory, '.ashlar');
      for (const name of listed(parent)) await removeCluster(join(parent, name));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface CliResult {
  readonly exitCode: ExitCode;
  /** What went to stdout. */
  readonly printed: string;
  /** What went to stderr. */
  readonly noted: string;
}

export interface RunningCli {
  readonly finished: Promise<CliResult>;
  /** So far, on stderr. */
  noted(): string;
  interrupt(): void;
}

export function startCli(workingDirectory: string, line: string, programs = fakePrograms()): RunningCli {
  const printed: string[] = [];
  const noted: string[] = [];
  let interrupt = () => {};
  const finished = runCli(line.split(' '), {
    workingDirectory,
    programs,
    debug: false,
    version: '0.0.0-test',
    sudoUser: null,
    print: (text) => printed.push(text),
    note: (text) => noted.push(text),
    onInterrupt: (listener) => {
      interrupt = listener;
    },
  });
  return {
    finished: finished.then((exitCode) => ({ exitCode, printed: printed.join('\n'), noted: noted.join('\n') })),
    noted: () => noted.join('\n'),
    interrupt: () => interrupt(),
  };
}

export function cli(workingDirectory: string, line: string, programs = fakePrograms()): Promise<CliResult> {
  return startCli(workingDirectory, line, programs).finished;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
