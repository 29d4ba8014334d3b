// What can go wrong with a local cluster.
import { WordedError } from '../worded-error.ts';

export class LocalError extends WordedError {
  override readonly name = 'LocalError';
}
