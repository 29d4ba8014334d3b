// What can be wrong with making an image.
import { WordedError } from '../worded-error.ts';

export class ImageError extends WordedError {
  override readonly name = 'ImageError';
}
