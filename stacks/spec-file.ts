// A spec that lies in a file, read for the person who named it: by the command line, and by the projects of the targets.
import { readFileSync } from 'node:fs';
import { type ClusterSpec, parseClusterSpec, type SpecProblem } from '../spec/cluster-spec.ts';

/** Makes the error that is thrown. why: the file cannot be read, or what it says is wrong. */
export type SpecRefusal = (message: string, why: 'unreadable' | 'wrong') => Error;

/** name: as a person knows the file. Throws what `refusal` makes of everything that is wrong with it, each with its place and remedy. */
export function readSpecFile(path: string, name: string, refusal: SpecRefusal): ClusterSpec {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refusal(`the spec ${name} cannot be read: ${reasonOf(error as NodeJS.ErrnoException)}`, 'unreadable');
  }
  const result = parseClusterSpec(text, name);
  if (!result.ok) throw refusal(problemText(name, result.problems), 'wrong');
  return result.spec;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  return code === 'EISDIR' ? 'it is a directory' : (code ?? message);
}

function problemText(name: string, problems: readonly SpecProblem[]): string {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.flatMap(({ where, path, message, remedy }) => [
    `  ${where}: ${path === '' ? '' : `${path}: `}${message}`,
    `      ${remedy}`,
  ]);
  return [`${name} does not describe a cluster (${count}):`, ...lines].join('\n');
}
