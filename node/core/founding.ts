// How a cluster is born, as pure decisions over what the nodes tell each other: who founds, when, and what stands in the way.
// The first format needs every listed endpoint present and the same list on all, else two clusters could be born.
import type { ClusterMap, MapDrive } from './cluster-map.ts';
import { parseScheme } from './cluster-map.ts';
import { chooseKeepers } from './keepers.ts';
import { defaultPartitionCount } from './placement.ts';

export interface HelloDrive {
  readonly slot: string;
  readonly state: 'blank' | 'formatted' | 'refused';
  readonly problem: string;
}

/** What a node says of itself before there is a map. */
export interface Hello {
  readonly zone: string;
  readonly scheme: string;
  readonly endpoints: string[];
  /** null: it has not yet found out which endpoints are its own. */
  readonly drives: HelloDrive[] | null;
  readonly clusterId: string | null;
  readonly founded: boolean;
  readonly map: Uint8Array | null;
}

export interface Peer {
  readonly name: string;
  /** As listed, "http://host:port". */
  readonly address: string;
  readonly hello: Hello;
}

export type FoundingStep =
  | { readonly kind: 'wait'; readonly reason: string }
  /** The operator must mend something first; nothing is formatted. */
  | { readonly kind: 'conflict'; readonly problems: readonly string[] }
  /** The cluster exists: take the map from this node. */
  | { readonly kind: 'join'; readonly from: string }
  /** This node founds; `resume` is the map of an interrupted founding. */
  | { readonly kind: 'found'; readonly resume: Uint8Array | null };

/** self is one of peers; missing are listed addresses that do not answer. */
export function foundingStep(self: string, peers: readonly Peer[], missing: readonly string[]): FoundingStep {
  const problems = conflicts(peers);
  if (problems.length > 0) return { kind: 'conflict', problems };
  const founded = peers.find((peer) => peer.hello.founded && peer.name !== self);
  if (founded !== undefined) return { kind: 'join', from: founded.name };
  if (missing.length > 0) return { kind: 'wait', reason: `waiting for ${missing.join(', ')}` };
  const undecided = peers.filter((peer) => peer.hello.drives === null);
  if (undecided.length > 0) return { kind: 'wait', reason: `waiting for the drives of ${names(undecided)}` };
  const founder = peers.map((peer) => peer.name).sort()[0]!;
  if (founder !== self) return { kind: 'wait', reason: `waiting for ${founder} to found the cluster` };
  const interrupted = peers.find((peer) => peer.hello.map !== null);
  return { kind: 'found', resume: interrupted?.hello.map ?? null };
}

/**
 * Which cluster a node belongs to whose drives were formatted for several: the one that most of its peers are in. slots: of
 * this node's drives, by cluster.
 */
export function ownCluster(
  self: string,
  slots: ReadonlyMap<string, readonly string[]>,
  peers: readonly Peer[],
): { readonly clusterId: string; readonly problem: null } | { readonly clusterId: null; readonly problem: string } {
  const peersIn = (clusterId: string) =>
    peers.filter((peer) => peer.name !== self && peer.hello.clusterId === clusterId).length;
  const ranked = [...slots.keys()].sort((a, b) => peersIn(b) - peersIn(a));
  const [first, second] = ranked;
  if (first !== undefined && (second === undefined || peersIn(first) > peersIn(second))) {
    return { clusterId: first, problem: null };
  }
  const parts = [...slots].map(([clusterId, drives]) => `${drives.join(', ')} to ${clusterId}`);
  const problem =
    `the drives of ${self} belong to different clusters (${parts.join('; ')}), and its peers do not say which is right; ` +
    'start the other nodes, or take the foreign drives out';
  return { clusterId: null, problem };
}

/** What makes it impossible for these nodes to be one cluster. Each sentence names the nodes and what to do. */
export function conflicts(peers: readonly Peer[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const peer of peers) {
    const other = seen.get(peer.name);
    if (other !== undefined && other !== peer.address) {
      problems.push(`${other} and ${peer.address} both call themselves ${peer.name}; give each node its own --name`);
    }
    seen.set(peer.name, peer.address);
  }
  const [first] = peers;
  if (first === undefined) return problems;
  for (const peer of peers.slice(1)) {
    if (peer.hello.scheme !== first.hello.scheme) {
      problems.push(
        `${first.name} was started with --scheme ${first.hello.scheme} and ${peer.name} with --scheme ${peer.hello.scheme}; start all nodes with the same scheme`,
      );
    }
    if (peer.hello.endpoints.join(' ') !== first.hello.endpoints.join(' ')) {
      problems.push(
        `${first.name} and ${peer.name} were started with different endpoint lists (${difference(first.hello.endpoints, peer.hello.endpoints)}); start all nodes with the same list in the same order`,
      );
    }
  }
  const clusters = new Map<string, string[]>();
  for (const { name, hello } of peers) {
    if (hello.clusterId !== null) clusters.set(hello.clusterId, [...(clusters.get(hello.clusterId) ?? []), name]);
  }
  if (clusters.size > 1) {
    const parts = [...clusters].map(([id, members]) => `${members.join(', ')} to ${id}`);
    problems.push(`the drives belong to different clusters: ${parts.join('; ')}; take the foreign drives out`);
  }
  const isOld = clusters.size > 0;
  for (const { hello } of peers) {
    for (const drive of hello.drives ?? []) {
      // In an existing cluster a bad drive is that drive's trouble; a new one is not born with a part missing.
      if (drive.state === 'refused' && !isOld) problems.push(drive.problem);
    }
  }
  return problems;
}

/** The first map of a cluster. ids: one for the cluster, then one per drive in order. Throws RangeError when it cannot be. */
export function firstMap(peers: readonly Peer[], newId: () => string): ClusterMap {
  const scheme = parseScheme(peers[0]!.hello.scheme);
  const sorted = [...peers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const clusterId = newId();
  const drives: MapDrive[] = sorted.flatMap(({ name, hello }) =>
    (hello.drives ?? []).map(({ slot }) => ({ id: newId(), slot, node: name, weight: 1, state: 'up' as const })),
  );
  const zoneOf = new Map(sorted.map(({ name, hello }) => [name, hello.zone]));
  const keepers = chooseKeepers(
    drives.map(({ slot, node, weight }) => ({ slot, node, weight, zone: zoneOf.get(node)! })),
    scheme,
  );
  return {
    clusterId,
    epoch: 1,
    scheme,
    partitionCount: defaultPartitionCount(drives.length),
    nodes: sorted.map(({ name, address, hello }) => ({ name, address, zone: hello.zone })),
    drives,
    keepers,
  };
}

function names(peers: readonly Peer[]): string {
  return peers.map((peer) => peer.name).join(', ');
}

function difference(a: readonly string[], b: readonly string[]): string {
  const onlyA = a.filter((item) => !b.includes(item));
  const onlyB = b.filter((item) => !a.includes(item));
  if (onlyA.length === 0 && onlyB.length === 0) return 'the same endpoints in another order';
  const parts = [];
  if (onlyA.length > 0) parts.push(`only the first has ${onlyA.join(', ')}`);
  if (onlyB.length > 0) parts.push(`only the second has ${onlyB.join(', ')}`);
  return parts.join('; ');
}
