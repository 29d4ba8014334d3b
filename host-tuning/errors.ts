// What goes wrong with describing, rendering or checking hosts, worded for the person at the terminal.

/** 'input': the spec or the command asks for something that is not there. 'failure': a program or a host failed. */
export class HostError extends Error {
  override readonly name = 'HostError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string) {
    super(message);
    this.kind = kind;
  }
}
