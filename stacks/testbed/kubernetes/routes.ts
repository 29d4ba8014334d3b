// Ways to the pods of every host, from the hosts, the control plane and the clients: an address of a pod is one in the whole testbed.
import { runProgram } from '../../run-program.ts';
import type { NetworkMember } from '../layout.ts';
import type { KubernetesLayout } from './layout.ts';

/** For a member whose cable is in. */
export async function ensureRoutes({ hosts }: KubernetesLayout, { name, namespace }: NetworkMember): Promise<void> {
  for (const host of hosts.filter((other) => other.name !== name)) {
    await runProgram('ip', ['-n', namespace, 'route', 'replace', host.podNetwork, 'via', host.address]);
  }
}
