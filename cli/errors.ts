// The one place where an error becomes what a person reads and the code that a script sees. A mistake of the person's never
// shows a stack; a defect of ours says that it is one.
import type { ExitCode } from './command.ts';

/** The person asked for something that cannot be done as asked: says what is wrong and what would be right. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly kind = 'input';
}

export interface PresentedError {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/**
 * Errors that carry a `kind` of 'input' or 'failure' were worded for people where they were thrown; by that mark (and not by
 * class, which would make the CLI load every module that can throw) they are told from defects.
 */
export function presentError(error: unknown, debug: boolean): PresentedError {
  if (isWorded(error)) {
    return { text: `ashlar: ${error.message}`, exitCode: error.kind === 'input' ? 2 : 1 };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = debug && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  const hint = debug ? '' : ' Run it again with ASHLAR_DEBUG=1 to see where.';
  return {
    text: `ashlar: this should not have happened: ${message}.${hint}${stack}`,
    exitCode: 1,
  };
}

function isWorded(error: unknown): error is Error & { kind: 'input' | 'failure' } {
  return error instanceof Error && 'kind' in error && (error.kind === 'input' || error.kind === 'failure');
}
