// A promise that a run found broken, and which of the checks found it.
import { StuckError } from './scheduler.ts';

/** The checks, and what each of them judges. */
export const CHECKERS = {
  linearizability: 'the answers that clients got, per object',
  answers: 'single answers: wrong bytes, errors that the store must not give',
  protocol: 'what replicas promise and hold, when it happens',
  health: 'nobody calls the cluster healthy while something is missing',
  recovery: 'all is whole again some time after the last fault',
  liveness: 'operations end',
  rejections: 'no rejection is left unhandled',
  errors: 'nothing else throws',
} as const;
export type Checker = keyof typeof CHECKERS;

export interface Violation {
  readonly checker: Checker;
  readonly text: string;
}

/** The store broke a promise in a way that needs no history to see. */
export class PromiseBroken extends Error {
  override readonly name = 'PromiseBroken';
  readonly checker: Checker;

  constructor(checker: Checker, message: string, options?: ErrorOptions) {
    super(message, options);
    this.checker = checker;
  }
}

/** What an error that ended a run says about the store. */
export function violationOf(error: unknown): Violation {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (error instanceof PromiseBroken) return { checker: error.checker, text };
  return { checker: error instanceof StuckError ? 'liveness' : 'errors', text };
}
