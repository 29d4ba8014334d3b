// The errors of the targets: worded, where they are thrown, for the person who has to act on them. The command line shows them as they
// are, and tells them by their kind from defects.

/** 'input': it cannot be done as asked, the person can change that, and nothing was changed. 'failure': it was tried and did not work. */
export type WordedErrorKind = 'input' | 'failure';

export abstract class WordedError extends Error {
  readonly kind: WordedErrorKind;
  constructor(kind: WordedErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** All of them in one text: nobody likes to be told one thing at a time. */
export function problemList(headline: string, problems: readonly string[]): string {
  return [`${headline}:`, ...problems.map((problem) => `  - ${problem}`)].join('\n');
}
