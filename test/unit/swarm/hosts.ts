// Hosts of a Swarm for tests, all well unless said otherwise.
import type { SwarmHost } from '../../../stacks/swarm/swarm-facts.ts';

export function host(
  hostname: string,
  labels: Readonly<Record<string, string>> = {},
  change: Partial<SwarmHost> = {},
): SwarmHost {
  return {
    id: `id-of-${hostname}`,
    hostname,
    address: `10.0.0.${hostname.replace(/\D/g, '') || '1'}`,
    state: 'ready',
    availability: 'active',
    isManager: false,
    engineVersion: '20.10.24+dfsg1',
    labels,
    ...change,
  };
}
