// Holds the newest cluster map that this node knows, spreads it, and — on the node that proposes for the map's register —
// changes it when drives go or come back. The map's register decides; this file only notices and asks.
import type { ClusterMap, DriveState, MapDrive } from '../core/cluster-map.ts';
import { MAP_KEY } from '../core/keys.ts';
import { readMap, readSetMapReply, setMapCommand } from '../core/map-commands.ts';
import { clusterMapFormat } from '../format/membership-formats.ts';
import type { Clock } from '../io/clock.ts';
import type { NodeName } from '../io/network.ts';
import { type Groups, MAP_PARTITION } from './groups.ts';
import type { Liveness, PeerState } from './liveness.ts';
import type { LocalDrives } from './local-drives.ts';
import { MEMBERSHIP_METHODS } from './membership-methods.ts';
import type { RegisterClient } from './register-client.ts';
import { UnavailableError } from './registers.ts';
import type { Rpc } from './rpc.ts';
import { Topology, type TopologySource } from './topology.ts';

/** A node must have been silent for so long before its drives are called down: writes wait or use hand-offs meanwhile. */
export const DOWN_AFTER_MS = 2_000;
const WATCH_INTERVAL_MS = 250;

/** The map that this node goes by. Separate from the keeper, because the registers need it before the keeper can run. */
export class CurrentTopology implements TopologySource {
  readonly #listeners: ((topology: Topology) => void)[] = [];
  #topology: Topology;
  #seemsUp: (node: NodeName) => boolean = () => true;

  constructor(map: ClusterMap) {
    this.#topology = new Topology(map);
  }

  current(): Topology {
    return this.#topology;
  }

  seemsUp(node: NodeName): boolean {
    return this.#seemsUp(node);
  }

  watchWith(seemsUp: (node: NodeName) => boolean): void {
    this.#seemsUp = seemsUp;
  }

  onChange(listener: (topology: Topology) => void): void {
    this.#listeners.push(listener);
  }

  /** Ignores what is not newer. */
  advance(map: ClusterMap): boolean {
    if (map.epoch <= this.#topology.epoch) return false;
    this.#topology = new Topology(map, this.#topology);
    for (const listener of this.#listeners) listener(this.#topology);
    return true;
  }
}

export interface MapKeeperOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly topology: CurrentTopology;
  readonly groups: Groups;
  readonly client: RegisterClient;
  readonly liveness: Liveness;
  readonly drives: LocalDrives;
  readonly onProblem: (what: string, error: unknown) => void;
}

export class MapKeeper {
  readonly #options: MapKeeperOptions;
  #fetching = false;
  #changing = false;
  #stopped = false;

  constructor(options: MapKeeperOptions) {
    this.#options = options;
    options.rpc.handle(MEMBERSHIP_METHODS.map, async () => ({
      map: clusterMapFormat.encode(options.topology.current().map),
    }));
  }

  start(): void {
    const watch = () => {
      if (this.#stopped) return;
      void this.#watch();
      this.#options.clock.setTimer(WATCH_INTERVAL_MS, watch);
    };
    watch();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Takes over a newer map that a peer has. */
  async fetchFrom(peer: NodeName): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      const { map } = await this.#options.rpc.call(peer, MEMBERSHIP_METHODS.map, {});
      await this.#take(clusterMapFormat.decode(map));
    } catch (error) {
      this.#options.onProblem(`fetching the map from ${peer}`, error);
    } finally {
      this.#fetching = false;
    }
  }

  /**
   * Reads the map's register, so that this node is not behind. The first map was agreed by all nodes when they founded the
   * cluster; whoever comes first writes it to the register. Rejects with UnavailableError.
   */
  async refresh(): Promise<void> {
    const { client, topology } = this.#options;
    const record = readMap(await client.read(MAP_KEY));
    if (record !== null) {
      await this.#take(clusterMapFormat.decode(record.map));
      return;
    }
    const { map } = topology.current();
    if (map.epoch > 1)
      throw new UnavailableError(`epoch ${map.epoch} is known here, but no keeper has a map: they lost it`);
    await client.change(MAP_KEY, setMapCommand(0, clusterMapFormat.encode(map)));
  }

  /**
   * Changes the map: `edit` gets the newest one and gives the drives as they should be, or null to leave it. Tries again when
   * somebody else changed it in between. Rejects with UnavailableError.
   */
  async change(edit: (map: ClusterMap) => readonly MapDrive[] | null): Promise<void> {
    const { topology, client } = this.#options;
    for (;;) {
      const { map } = topology.current();
      const drives = edit(map);
      if (drives === null) return;
      const next: ClusterMap = { ...map, epoch: map.epoch + 1, drives };
      const reply = await client.change(MAP_KEY, setMapCommand(map.epoch, clusterMapFormat.encode(next)));
      // An empty reply: it was carried out, and only the reply was lost.
      if (reply.length === 0 || readSetMapReply(reply).isSet) {
        await this.#take(next);
        return;
      }
      await this.refresh();
    }
  }

  async #take(map: ClusterMap): Promise<void> {
    const { topology, drives } = this.#options;
    if (map.epoch <= topology.current().epoch) return;
    await drives.saveMap(map);
    topology.advance(map);
  }

  async #watch(): Promise<void> {
    const { groups, rpc, liveness, clock } = this.#options;
    if (this.#changing || groups.proposer(groups.group(MAP_PARTITION)) !== rpc.self) return;
    this.#changing = true;
    try {
      await this.change((map) => withStates(map, (node) => liveness.state(node), clock.monotonicMs()));
    } catch (error) {
      this.#options.onProblem('changing the map', error);
    } finally {
      this.#changing = false;
    }
  }
}

/** The drives with the states they should have by what is known of their nodes; null when that is what they have. */
export function withStates(
  map: ClusterMap,
  stateOf: (node: NodeName) => PeerState | null,
  nowMs: number,
): readonly MapDrive[] | null {
  let changed = false;
  const drives = map.drives.map((drive) => {
    const state = wantedState(drive, stateOf(drive.node), nowMs);
    if (state === drive.state) return drive;
    changed = true;
    return { ...drive, state };
  });
  return changed ? drives : null;
}

function wantedState(drive: MapDrive, node: PeerState | null, nowMs: number): DriveState {
  // Never heard of: this node may just have started itself.
  if (node === null) return drive.state;
  if (!node.answers) return nowMs - node.sinceMs >= DOWN_AFTER_MS ? 'down' : drive.state;
  const usable = node.drives.find(({ slot, id }) => slot === drive.slot && id === drive.id);
  if (usable === undefined) return 'down';
  return usable.caughtUp ? 'up' : drive.state;
}
