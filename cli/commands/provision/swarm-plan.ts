// Which host of a rack joins the Swarm as what, and what is left to do of it: pure. What is done already is left out, so that the
// command may be run again at any time.
import type { ClusterSpec } from '../../../spec/cluster-spec.ts';
import { type HostSpec, storageNetwork } from '../../../spec/hosts.ts';

/** What `docker info` says on a host. */
export interface SwarmMembership {
  readonly name: string;
  /** "inactive", "active", "pending", "error", "locked" */
  readonly state: string;
  readonly isManager: boolean;
  /** Empty while it is in no Swarm. */
  readonly nodeId: string;
}

export type SwarmRole = 'manager' | 'worker';

export interface SwarmPlan {
  /** The manager through which the others join. */
  readonly leader: string;
  /** Whether it has to make the Swarm first. */
  readonly mustInit: boolean;
  /** Hosts that are in no Swarm yet, in the order of the spec; not the leader. */
  readonly joins: readonly { readonly name: string; readonly role: SwarmRole }[];
}

/** An odd number that outlives the loss of one zone; more only make every change slower. */
const MANAGERS = 3;

/** By name: a manager in each of the first zones, and where there are fewer zones, further hosts. Below three hosts it is one. */
export function rolesOf({ hosts, nodes }: ClusterSpec): ReadonlyMap<string, SwarmRole> {
  const zoneOf = new Map(nodes.map(({ name, zone }) => [name, zone]));
  const zones = new Set<string>();
  const firsts = hosts.filter(({ name }) => {
    const zone = zoneOf.get(name)!;
    return !zones.has(zone) && zones.add(zone);
  });
  const others = hosts.filter((host) => !firsts.includes(host));
  const managers = [...firsts, ...others].slice(0, hosts.length < MANAGERS ? 1 : MANAGERS);
  return new Map(hosts.map((host) => [host.name, managers.includes(host) ? 'manager' : 'worker']));
}

/** Or why it cannot be done, a sentence each. */
export function planSwarm(
  roles: ReadonlyMap<string, SwarmRole>,
  members: readonly SwarmMembership[],
): SwarmPlan | { readonly problems: readonly string[] } {
  const problems = members
    .filter(({ state }) => state !== 'active' && state !== 'inactive')
    .map(
      ({ name, state }) =>
        `the engine of ${name} says that its Swarm is "${state || 'not there'}"; look at it with "docker info"`,
    );
  const active = members.filter(({ state }) => state === 'active');
  const managing = active.find(({ isManager }) => isManager);
  if (active.length > 0 && managing === undefined) {
    const names = active.map(({ name }) => name).join(', ');
    problems.push(
      `${names} are in a Swarm that none of these hosts manages; name its manager's host in the spec, or let them leave it`,
    );
  }
  if (problems.length > 0) return { problems };
  const first = members.find(({ name }) => roles.get(name) === 'manager');
  const leader = (managing ?? first)!.name;
  return {
    leader,
    mustInit: managing === undefined,
    joins: members
      .filter(({ name, state }) => state === 'inactive' && name !== leader)
      .map(({ name }) => ({ name, role: roles.get(name)! })),
  };
}

/** Labels that are not as they should be, by the id of the Swarm's node. */
export function labelChanges(
  wanted: ReadonlyMap<string, Readonly<Record<string, string>>>,
  has: ReadonlyMap<string, Readonly<Record<string, string>>>,
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  return new Map(
    [...wanted].flatMap(([id, labels]) => {
      const missing = Object.entries(labels).filter(([key, value]) => has.get(id)?.[key] !== value);
      return missing.length === 0 ? [] : [[id, Object.fromEntries(missing)] as const];
    }),
  );
}

/** Where the other nodes reach it, without the prefix. */
export function swarmAddress(host: HostSpec): string {
  return storageNetwork(host).addresses[0]!.replace(/\/.*/, '');
}
