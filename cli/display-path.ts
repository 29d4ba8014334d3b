// How the CLI names files to a person.
import { relative } from 'node:path';

/** Relative when that is shorter and below; else as it is. */
export function displayPath(workingDirectory: string, path: string): string {
  const below = relative(workingDirectory, path);
  return below === '' || below.startsWith('..') ? path : below;
}
