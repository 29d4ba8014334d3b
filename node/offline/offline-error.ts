// Why work on bare drives cannot be done as asked; worded for the person who asked.

export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
