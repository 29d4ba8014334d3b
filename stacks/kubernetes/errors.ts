// What can go wrong with the Kubernetes target, worded for the person who has to act on it.

/** 'input': it cannot be done as asked, and nothing was changed. 'failure': it was tried and did not work. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** All of them in one error: nobody likes to be told one thing at a time. */
export function refusal(headline: string, problems: readonly string[]): KubernetesError {
  return new KubernetesError('input', [`${headline}:`, ...problems.map((problem) => `  - ${problem}`)].join('\n'));
}
