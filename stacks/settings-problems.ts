// What is wrong with the settings of a platform, in the words of both targets. Pure.
import type { z } from 'zod';

/** A sentence for each setting that is wrong, with its path. */
export function settingsProblems({ issues }: z.ZodError): string[] {
  return issues.map(({ path: at, message }) => `${at.map(String).join('.') || 'it'}: ${remedied(at, message)}`);
}

function remedied(at: readonly PropertyKey[], message: string): string {
  const isMissingImage = at.length === 1 && at[0] === 'image' && message.includes('undefined');
  return isMissingImage ? 'is missing; write REGISTRY/NAME@sha256:… as "ashlar image push" prints it' : message;
}
