// What can be wrong with a testbed, worded for people where it is thrown.

/** 'input': the person can change it, or there is no testbed to work on. 'failure': it was tried and did not work. */
export class TestbedError extends Error {
  override readonly name = 'TestbedError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string) {
    super(message);
    this.kind = kind;
  }
}
