// Finds out which of the listed endpoints are this node's own, and with that its name: by its listening address where that
// decides, else by asking every address who is there and recognising its own process.
import type { Endpoint } from './core/endpoints.ts';
import { type Clock, sleep } from './io/clock.ts';
import type { Log } from './io/log.ts';

const RETRY_MS = 250;
const COMPLAIN_EVERY = 20;

export interface OwnEndpointsOptions {
  readonly endpoints: readonly Endpoint[];
  /** --name, or null for the host of the own endpoints. */
  readonly name: string | null;
  /** Where this node listens. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Resolves with true when it is this process that answers at the address. Rejects when nobody does. */
  readonly isSelf: (address: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OwnEndpoints {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
}

export const addressOf = ({ protocol, host, port }: Endpoint): string => `${protocol}://${host}:${port}`;

/** Waits until one address turns out to be this node: its name may not be resolvable yet. */
export async function findOwnEndpoints(options: OwnEndpointsOptions): Promise<OwnEndpoints> {
  const addresses = [...new Set(options.endpoints.map(addressOf))];
  for (let attempt = 0; ; attempt++) {
    const own = await ownAddress(options, addresses);
    if (own !== null) {
      const endpoints = options.endpoints.filter((endpoint) => addressOf(endpoint) === own);
      return { name: options.name ?? endpoints[0]!.host, endpoints };
    }
    if (attempt % COMPLAIN_EVERY === COMPLAIN_EVERY - 1) {
      options.log.warn('none of the listed endpoints leads to this node yet; it goes on looking', { addresses });
    }
    await sleep(options.clock, RETRY_MS);
  }
}

async function ownAddress(
  { listen, isSelf }: OwnEndpointsOptions,
  addresses: readonly string[],
): Promise<string | null> {
  const listening = `http://${listen.host}:${listen.port}`;
  if (addresses.includes(listening)) return listening;
  // Whoever does not answer is not this node, which does.
  const answers = await Promise.allSettled(addresses.map(isSelf));
  const at = answers.findIndex((answer) => answer.status === 'fulfilled' && answer.value);
  return addresses[at] ?? null;
}
