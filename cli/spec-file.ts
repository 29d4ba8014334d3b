// The spec that a command works with: the file that was named, else cluster.yaml of the directory, else the default one.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ClusterSpec, SpecProblem } from '../spec/cluster-spec.ts';
import { parseClusterSpec } from '../spec/parse.ts';
import { defaultSpecFile } from '../stacks/local/program-files.ts';
import { displayPath } from './display-path.ts';
import { UsageError } from './errors.ts';

export interface LoadedSpec {
  readonly spec: ClusterSpec;
  /** As a person would name it from where they are. */
  readonly fileName: string;
  /** Files that the spec names start here. */
  readonly directory: string;
}

const SPEC_FILE = 'cluster.yaml';

/** Throws UsageError with everything that is wrong with the file, each with its place and remedy. */
export function loadSpec(workingDirectory: string, file: string | undefined): LoadedSpec {
  const path = choose(workingDirectory, file);
  const fileName = displayPath(workingDirectory, path);
  const result = parseClusterSpec(readSpec(path, fileName), fileName);
  if (!result.ok) throw new UsageError(problemText(fileName, result.problems));
  return { spec: result.spec, fileName, directory: dirname(path) };
}

export function problemText(fileName: string, problems: readonly SpecProblem[]): string {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.flatMap(({ where, path, message, remedy }) => [
    `  ${where}: ${path === '' ? '' : `${path}: `}${message}`,
    `      ${remedy}`,
  ]);
  return [`${fileName} does not describe a cluster (${count}):`, ...lines].join('\n');
}

function choose(workingDirectory: string, file: string | undefined): string {
  if (file !== undefined) return resolve(workingDirectory, file);
  const own = resolve(workingDirectory, SPEC_FILE);
  return existsSync(own) ? own : defaultSpecFile();
}

function readSpec(path: string, fileName: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : String(code);
    throw new UsageError(`the spec ${fileName} cannot be read: ${why}; name another with -f`);
  }
}
