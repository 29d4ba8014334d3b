// What can go wrong with the Swarm target, worded for the person who has to act on it.

/** 'input': it cannot be done as asked, and nothing was changed. 'failure': it was tried and did not work. */
export class SwarmError extends Error {
  override readonly name = 'SwarmError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** All of them in one error: nobody likes to be told one thing at a time. */
export function refusal(headline: string, problems: readonly string[]): SwarmError {
  return new SwarmError('input', [`${headline}:`, ...problems.map((problem) => `  - ${problem}`)].join('\n'));
}
