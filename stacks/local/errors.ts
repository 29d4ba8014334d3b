// What can go wrong with a local cluster, worded for the person who has to act on it.

/** 'input': what was asked for cannot be done as asked, and nothing was changed. 'failure': it was tried and did not work. */
export type LocalErrorKind = 'input' | 'failure';

export class LocalError extends Error {
  override readonly name = 'LocalError';
  readonly kind: LocalErrorKind;
  constructor(kind: LocalErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
