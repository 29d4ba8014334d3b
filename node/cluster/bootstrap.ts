// From "a list of endpoints" to "a member of a cluster with a map": founds the cluster together with the other nodes when all
// drives are blank, goes on where an interrupted founding stopped, or takes the map of the cluster that exists. Waits for
// peers as long as it takes, saying for what; formats nothing that is not blank.
import type { ClusterMap } from '../core/cluster-map.ts';
import { type FoundingStep, firstMap, foundingStep, type Hello, ownCluster, type Peer } from '../core/founding.ts';
import { clusterMapFormat, helloFormat } from '../format/membership-formats.ts';
import { type Clock, sleep } from '../io/clock.ts';
import type { NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';
import type { LocalDrives } from './local-drives.ts';
import { MEMBERSHIP_METHODS } from './membership-methods.ts';
import { type Rpc, RpcError } from './rpc.ts';

const RETRY_MS = 100;
const FORMAT_TIMEOUT_MS = 60_000;

/** Finds out who is behind an address, before names are known. Part of the transport, beside Network. */
export interface Introductions {
  /** Rejects when nobody answers, or not with the cluster's secret. hello is helloFormat's bytes. */
  probe(address: string): Promise<{ readonly name: NodeName; readonly hello: Uint8Array }>;
}

export interface BootstrapOptions {
  readonly self: NodeName;
  readonly zone: string;
  /** "k+m" */
  readonly scheme: string;
  /** The whole list as started with. */
  readonly endpoints: readonly string[];
  /** The distinct addresses ("http://host:port") in the list. */
  readonly addresses: readonly string[];
  readonly drives: LocalDrives;
  readonly rpc: Rpc;
  readonly introductions: Introductions;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Called whenever what is being waited for changes. */
  readonly onStep: (step: FoundingStep) => void;
}

export class Bootstrap {
  readonly #options: BootstrapOptions;
  #map: ClusterMap | null = null;
  #founded = false;
  /** The last step that was told, as JSON. */
  #said = '';

  constructor(options: BootstrapOptions) {
    this.#options = options;
    const { rpc } = options;
    rpc.handle(MEMBERSHIP_METHODS.found, async ({ map }) => {
      await this.#format(clusterMapFormat.decode(map));
      return {};
    });
    rpc.handle(MEMBERSHIP_METHODS.founded, async ({ clusterId }) => {
      await this.#endFounding(clusterId);
      return {};
    });
  }

  /** What this node tells those who ask before there is a cluster. */
  hello(): Hello {
    const { zone, scheme, endpoints, drives } = this.#options;
    const clusters = [...drives.slotsByCluster().keys()];
    return {
      zone,
      scheme,
      endpoints: [...endpoints],
      drives: drives.all().map((drive) => ({
        slot: drive.slot,
        state: drive.kind === 'open' ? 'formatted' : drive.kind,
        problem: drive.kind === 'refused' ? drive.reason : '',
      })),
      clusterId: clusters.length === 1 ? clusters[0]! : null,
      founded: this.#founded,
      map: this.#map === null ? null : clusterMapFormat.encode(this.#map),
    };
  }

  /** Resolves with the map once this node belongs to a cluster. Rejects only with the signal's reason. */
  async run(): Promise<ClusterMap> {
    const { drives, clock, signal, self } = this.#options;
    await this.#settleCluster();
    this.#map = await drives.newestMap();
    this.#founded = this.#map !== null && !(await drives.isFounding());
    while (!this.#founded || this.#map === null) {
      signal.throwIfAborted();
      const { peers, missing } = await this.#meet();
      const step = foundingStep(self, peers, missing);
      this.#say(step);
      if (step.kind === 'found') await this.#found(peers, step.resume).catch(rethrowUnlessRpc);
      else if (step.kind === 'join') await this.#join(step.from).catch(rethrowUnlessRpc);
      if (!this.#founded) await sleep(clock, RETRY_MS, signal);
    }
    return this.#map;
  }

  /** A foreign drive among one's own must not decide where the node belongs: the peers in its list do. */
  async #settleCluster(): Promise<void> {
    const { drives, clock, signal, self } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const candidates = drives.slotsByCluster();
      if (candidates.size <= 1) return;
      const { peers } = await this.#meet();
      const own = ownCluster(self, candidates, peers);
      if (own.clusterId !== null) return drives.refuseForeign(own.clusterId);
      this.#say({ kind: 'conflict', problems: [own.problem] });
      await sleep(clock, RETRY_MS, signal);
    }
  }

  #say(step: FoundingStep): void {
    const text = JSON.stringify(step);
    if (text !== this.#said) this.#options.onStep(step);
    this.#said = text;
  }

  async #meet(): Promise<{ peers: Peer[]; missing: string[] }> {
    const { addresses, introductions } = this.#options;
    const peers: Peer[] = [];
    const missing: string[] = [];
    await Promise.all(
      addresses.map(async (address) => {
        try {
          const { name, hello } = await introductions.probe(address);
          peers.push({ name, address, hello: helloFormat.decode(hello) });
        } catch {
          // Whatever the reason, the node behind the address is not there for us yet; the transport logs why.
          missing.push(address);
        }
      }),
    );
    const inListOrder = (address: string) => addresses.indexOf(address);
    peers.sort((a, b) => inListOrder(a.address) - inListOrder(b.address));
    missing.sort((a, b) => inListOrder(a) - inListOrder(b));
    return { peers, missing };
  }

  async #found(peers: readonly Peer[], resume: Uint8Array | null): Promise<void> {
    const { rpc, random, self } = this.#options;
    const newId = () => random.bytes(16).toString('hex');
    const map = resume === null ? this.#withOwnIdentities(firstMap(peers, newId)) : clusterMapFormat.decode(resume);
    const request = { map: clusterMapFormat.encode(map) };
    // First here: so a drive that is formatted anywhere else belongs to a map that the founder has, whatever fails then.
    await rpc.call(self, MEMBERSHIP_METHODS.found, request, { timeoutMs: FORMAT_TIMEOUT_MS });
    // The others one after the other would be as right; but formatting takes syncs, and people wait for it.
    await Promise.all(
      peers.map(({ name }) => rpc.call(name, MEMBERSHIP_METHODS.found, request, { timeoutMs: FORMAT_TIMEOUT_MS })),
    );
    await Promise.all(
      peers.map(({ name }) => rpc.call(name, MEMBERSHIP_METHODS.founded, { clusterId: map.clusterId })),
    );
  }

  /** What a founding that was interrupted before it had written the map has made of this node's drives stays as it is. */
  #withOwnIdentities(map: ClusterMap): ClusterMap {
    const identities = new Map(this.#options.drives.open().map(({ identity }) => [identity.slot, identity]));
    const [first] = identities.values();
    const drives = map.drives.map((drive) => ({ ...drive, id: identities.get(drive.slot)?.driveId ?? drive.id }));
    return { ...map, clusterId: first?.clusterId ?? map.clusterId, drives };
  }

  async #format(map: ClusterMap): Promise<void> {
    const { self } = this.#options;
    if (this.#founded || (this.#map !== null && this.#map.clusterId !== map.clusterId)) {
      throw new RpcError('refused', `this node belongs to cluster ${this.#map?.clusterId} already`);
    }
    const own = map.drives.filter((drive) => drive.node === self);
    await Promise.all(own.map(({ slot, id }) => this.#formatDrive(slot, id, map)));
    this.#map = map;
  }

  async #formatDrive(slot: string, driveId: string, map: ClusterMap): Promise<void> {
    const { drives } = this.#options;
    const drive = drives.get(slot);
    if (drive?.kind === 'blank') {
      await drives.format(slot, { clusterId: map.clusterId, driveId, slot }, map, 'founding');
    } else if (drive?.kind !== 'open') {
      throw new RpcError('refused', `drive ${slot} cannot be formatted: it is ${drive?.kind ?? 'not here'}`);
    } else if (drive.store.identity.driveId !== driveId) {
      throw new RpcError('refused', `drive ${slot} has another id than the map says`);
    } else if (!(await drives.isMarked(drive.store))) {
      await drives.mark(drive.store, map, 'founding');
    }
  }

  async #endFounding(clusterId: string): Promise<void> {
    if (this.#map?.clusterId !== clusterId)
      throw new RpcError('refused', `this node has not formatted for cluster ${clusterId}`);
    await this.#options.drives.endFounding();
    this.#founded = true;
  }

  /** The cluster exists, and this node's drives know nothing of it, or do not know that the founding has ended. */
  async #join(from: NodeName): Promise<void> {
    const answer = await this.#options.rpc.call(from, MEMBERSHIP_METHODS.map, {});
    const map = clusterMapFormat.decode(answer.map);
    if (this.#map !== null) await this.#options.drives.endFounding();
    this.#map = map;
    this.#founded = true;
  }
}

function rethrowUnlessRpc(error: unknown): void {
  // The peer vanished or refused between being asked and answering: the next round sees it as it is then.
  if (!(error instanceof RpcError)) throw error;
}
