// The spec that a target's project names, read for those who deploy it.
import { readFileSync } from 'node:fs';
import { type ClusterSpec, parseClusterSpec } from '../spec/cluster-spec.ts';
import type { WordedError } from './worded-error.ts';

/** name: as a person knows the file. Throws what `refusal` makes of everything that is wrong with it. */
export function readSpecFile(path: string, name: string, refusal: (message: string) => WordedError): ClusterSpec {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refusal(`the spec ${name} cannot be read: ${(error as Error).message}`);
  }
  const result = parseClusterSpec(text, name);
  if (result.ok) return result.spec;
  const lines = result.problems.map(
    ({ where, path: at, message, remedy }) => `  ${where}: ${at === '' ? '' : `${at}: `}${message}\n      ${remedy}`,
  );
  throw refusal([`${name} does not describe a cluster:`, ...lines].join('\n'));
}
