// What can go wrong with the Swarm target.
import { problemList, WordedError } from '../worded-error.ts';

export class SwarmError extends WordedError {
  override readonly name = 'SwarmError';
}

export function refusal(headline: string, problems: readonly string[]): SwarmError {
  return new SwarmError('input', problemList(headline, problems));
}
