// What can go wrong with the Kubernetes target.
import { problemList, WordedError } from '../worded-error.ts';

export class KubernetesError extends WordedError {
  override readonly name = 'KubernetesError';
}

export function refusal(headline: string, problems: readonly string[]): KubernetesError {
  return new KubernetesError('input', problemList(headline, problems));
}
