// What can be wrong with a testbed.
import { WordedError } from '../worded-error.ts';

export class TestbedError extends WordedError {
  override readonly name = 'TestbedError';
}
