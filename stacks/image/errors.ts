// What can be wrong with making an image, worded for people where it is thrown.

/** 'input': the person can change it (something is missing, a wrong name). 'failure': it was tried and did not work. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly kind: 'input' | 'failure';
  constructor(kind: 'input' | 'failure', message: string) {
    super(message);
    this.kind = kind;
  }
}
