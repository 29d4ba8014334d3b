// How an image gets to the hosts of a Swarm testbed: through its registry.
import type { Docker } from '../../../stacks/docker.ts';
import { pushImage } from '../../../stacks/image/build-image.ts';

/** Of an image with a short name. Resolves with its reference by digest. */
export function publishTo(docker: Docker, registry: string): (tag: string) => Promise<string> {
  return (tag) => pushImage(docker, tag, `${registry}/${tag}`);
}
