// The spec that a command works with: the file that was named, else cluster.yaml of the directory, else the default one.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { defaultSpecFile } from '../stacks/local/program-files.ts';
import { readSpecFile } from '../stacks/spec-file.ts';
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
  const spec = readSpecFile(
    path,
    fileName,
    (message, why) => new UsageError(why === 'unreadable' ? `${message}; name another with -f` : message),
  );
  return { spec, fileName, directory: dirname(path) };
}

function choose(workingDirectory: string, file: string | undefined): string {
  if (file !== undefined) return resolve(workingDirectory, file);
  const own = resolve(workingDirectory, SPEC_FILE);
  return existsSync(own) ? own : defaultSpecFile();
}
