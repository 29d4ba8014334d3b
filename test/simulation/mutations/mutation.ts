// A deliberate mistake in the real code, as a change of its source text. Simulation must notice every one of them: what it
// does not notice it does not test. A text that is not found exactly once means that the code has moved on, and fails loudly.
import type { Focus } from '../plan.ts';

export interface Edit {
  /** Below the root of the repository. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface Mutation {
  readonly name: string;
  /** The rule that is broken, as a sentence about the mutant. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Where to look, so that it is found in seconds: what is left out, the seed draws. */
  readonly focus: Focus;
  /** Where the search starts: a seed that found it once. Any other may, too. */
  readonly firstSeed: number;
}

export class StaleMutationError extends Error {
  override readonly name = 'StaleMutationError';
}

/** The source with all edits to this file. Throws StaleMutationError. */
export function mutate(mutation: Mutation, file: string, source: string): string {
  return mutation.edits
    .filter((edit) => edit.file === file)
    .reduce((text, edit) => replaceOnce(mutation, edit, text), source);
}

function replaceOnce({ name }: Mutation, { file, from, to }: Edit, text: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) {
    throw new StaleMutationError(
      `mutation ${name} is stale: its text is ${parts.length - 1} times in ${file}, not once; adapt test/simulation/mutations`,
    );
  }
  return parts.join(to);
}
