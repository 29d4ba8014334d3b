// A node's membership in its cluster: from the endpoint list through the founding to registers that work, a map that follows
// what happens, and drives that are brought up to date. Everything above (objects, healing, S3) stands on this.
import type { ClusterMap } from '../core/cluster-map.ts';
import type { FoundingStep, Hello } from '../core/founding.ts';
import type { RegisterKey } from '../core/keys.ts';
import { type Clock, sleep } from '../io/clock.ts';
import type { Network, NodeName } from '../io/network.ts';
import type { Random } from '../io/random.ts';
import type { DriveStore } from '../storage/drive-store.ts';
import { Bootstrap, type Introductions } from './bootstrap.ts';
import { CatchUp } from './catch-up.ts';
import { Generations } from './generations.ts';
import { Groups } from './groups.ts';
import { Liveness, type UsableDrive } from './liveness.ts';
import { type LocalDrive, LocalDrives } from './local-drives.ts';
import { CurrentTopology, MapKeeper } from './map-keeper.ts';
import { MEMBERSHIP_METHODS } from './membership-methods.ts';
import { Proposer } from './proposer.ts';
import { RegisterClient } from './register-client.ts';
import { RegisterScanner } from './register-scan.ts';
import { Replicas, serveRegisters } from './register-service.ts';
import type { Decide, RegisterMaintenance, Registers, Summarize } from './registers.ts';
import { type ReplacementOptions, replaceDrive, takePromises } from './replacement.ts';
import { Rpc } from './rpc.ts';

const RETRY_MS = 200;
/** Deleted registers that are remembered for forgetting; the others are found by a walk. */
const EMPTIED_MAX = 100_000;
const DRIVE_CHECK_INTERVAL_MS = 1_000;

export interface MemberOptions {
  readonly name: NodeName;
  readonly zone: string;
  /** "k+m" */
  readonly scheme: string;
  /** The whole list as started with. */
  readonly endpoints: readonly string[];
  /** The distinct addresses ("http://host:port") in the list. */
  readonly addresses: readonly string[];
  readonly drives: readonly LocalDrive[];
  readonly network: Network;
  readonly introductions: Introductions;
  readonly clock: Clock;
  readonly random: Random;
  readonly decide: Decide;
  readonly summarize: Summarize;
  readonly observer: MemberObserver;
}

/** What operators should hear of, and what the parts above should. */
export interface MemberObserver {
  step(step: FoundingStep): void;
  map(map: ClusterMap): void;
  problem(what: string, error: unknown): void;
  /** A change that got no answer came true later, when the register was read. */
  revived(key: RegisterKey): void;
  /** Another node answers for the first time, or was restarted. */
  newLife(node: NodeName): void;
}

/** The settings contradict the cluster that the drives belong to: nothing was changed, and starting again will not help. */
export class StartRefusedError extends Error {
  override readonly name = 'StartRefusedError';
}

export class Member {
  readonly rpc: Rpc;
  readonly drives: LocalDrives;
  readonly #options: MemberOptions;
  readonly #bootstrap: Bootstrap;
  readonly #stop = new AbortController();
  readonly #caughtUp = new Set<string>();
  readonly #joining = new Set<string>();
  /** Of these, the drives that hold the promises of the lost ones: a comparison that began before says nothing. */
  readonly #hasPromises = new Set<string>();
  readonly #emptied = new Set<RegisterKey>();
  /** Drives that are being replaced right now. */
  readonly #replacing = new Map<string, Promise<void>>();
  readonly #failing = new Map<string, string>();
  /** Peers that belong to another cluster, as far as was told already. */
  readonly #strangers = new Set<NodeName>();
  #running: Running | null = null;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.rpc = new Rpc(options.network, options.clock, options.random);
    this.drives = new LocalDrives(options.drives);
    this.#bootstrap = new Bootstrap({
      ...options,
      self: options.name,
      drives: this.drives,
      rpc: this.rpc,
      signal: this.#stop.signal,
      onStep: options.observer.step,
    });
  }

  /** For the transport to hand out. */
  hello(): Hello {
    return this.#bootstrap.hello();
  }

  /**
   * Resolves when this node belongs to a cluster and can reach a quorum for its map. Waits for peers as long as that takes.
   * Rejects with StartRefusedError, or with the reason given to stop.
   */
  async start(): Promise<void> {
    const map = await this.#bootstrap.run();
    this.rpc.belongTo(map.clusterId);
    this.#requireSameSettings(map);
    await this.#takeStockOfDrives(map);
    const running = this.#assemble(map);
    this.#running = running;
    for (const store of this.drives.open()) {
      if (this.#joining.has(store.identity.slot)) running.replicas.addJoining(store);
      else running.replicas.add(store);
    }
    await running.liveness.start();
    await this.#untilDone('reading the cluster map', () => running.mapKeeper.refresh());
    for (const store of this.drives.open()) void this.#bringUp(store.identity.slot);
    running.generations.start();
    running.catchUp.start();
    running.mapKeeper.start();
    this.#watchDrives();
  }

  /** The parts that the object layer builds on. Only after start. */
  get running(): Running {
    if (this.#running === null) throw new Error('the node has not joined its cluster yet');
    return this.#running;
  }

  get joined(): boolean {
    return this.#running !== null;
  }

  /** Caught up once since its own start; what happens to other nodes afterwards does not change it. */
  ready(): boolean {
    return this.#running !== null && this.drives.open().every((store) => this.#caughtUp.has(store.identity.slot));
  }

  /** Why the drive cannot be used, or null. */
  driveProblem(slot: string): string | null {
    const drive = this.drives.get(slot);
    if (drive === null) return 'not on this node';
    if (drive.kind === 'refused') return drive.reason;
    if (drive.kind === 'blank')
      return 'blank: its data is gone or it was never part of the cluster; replace it by name to use it';
    return this.#failing.get(slot) ?? null;
  }

  usableDrives(): UsableDrive[] {
    return this.drives
      .open()
      .filter((store) => !this.#failing.has(store.identity.slot))
      .map(({ identity }) => ({
        slot: identity.slot,
        id: identity.driveId,
        caughtUp: this.#caughtUp.has(identity.slot),
      }));
  }

  /** Puts the blank drive in the slot in the place of the lost one; on whichever node it is. Rejects with RpcError. */
  async replaceDrive(slot: string): Promise<void> {
    const drive = this.running.topology.current().drive(slot);
    const node = drive?.node ?? this.#options.name;
    await this.rpc.call(node, MEMBERSHIP_METHODS.replace, { slot }, { timeoutMs: 30_000 });
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the node is stopping'));
    this.#running?.liveness.stop();
    this.#running?.generations.stop();
    this.#running?.catchUp.stop();
    this.#running?.mapKeeper.stop();
    await Promise.allSettled(this.drives.open().map((store) => store.close()));
  }

  #assemble(map: ClusterMap): Running {
    const { clock, random, decide, summarize, observer, name } = this.#options;
    const { rpc, drives } = this;
    const topology = new CurrentTopology(map);
    const groups = new Groups(topology);
    const replicas = new Replicas(summarize, (slot, key) => catchUp.unreadable(slot, key));
    const generations: Generations = new Generations({
      clock,
      read: (key) => client.read(key),
      change: (key, command) => client.change(key, command),
    });
    const generation = () => generations.known;
    const client = new RegisterClient({ rpc, groups, clock, random, generations });
    const scanner = new RegisterScanner({ rpc, groups, topology, client, replicas, summarize, generation });
    const catchUp: CatchUp = new CatchUp({
      clock,
      topology,
      client,
      scanner,
      generation,
      onCaughtUp: (slot) => void this.#whenCaughtUp(slot),
      isReadable: (slot, key) => replicas.learner(slot).isReadable(key),
      onProblem: (slot, error) => observer.problem(`bringing ${slot} up to date`, error),
    });
    const proposer = new Proposer({
      rpc,
      groups,
      clock,
      random,
      decide,
      onMissed: (slot, key) => catchUp.missed(slot, key),
      onRevived: (key) => observer.revived(key),
      onEmptied: (key) => {
        if (this.#emptied.size < EMPTIED_MAX) this.#emptied.add(key);
      },
    });
    serveRegisters(rpc, replicas, proposer, groups);
    // A proposer that died, or was restarted, may have known of misses that nobody else knows of.
    const compareOwnDrives = () => {
      for (const slot of [...replicas.slots(), ...this.#hasPromises]) catchUp.compare(slot);
    };
    const liveness: Liveness = new Liveness({
      rpc,
      clock,
      peers: () => topology.current().map.nodes.map((node) => node.name),
      self: () => ({ epoch: topology.current().epoch, ready: this.ready(), drives: this.usableDrives() }),
      random,
      onNewerEpoch: (peer) => void mapKeeper.fetchFrom(peer),
      onNewLife: (peer) => {
        compareOwnDrives();
        observer.newLife(peer);
      },
      onOtherCluster: (peer, error) => {
        if (!this.#strangers.has(peer)) observer.problem(`talking to ${peer}`, error);
        this.#strangers.add(peer);
      },
    });
    topology.watchWith((node) => liveness.seemsUp(node));
    rpc.onBroken((node) => liveness.broken(node));
    const mapKeeper: MapKeeper = new MapKeeper({
      rpc,
      clock,
      topology,
      groups,
      client,
      liveness,
      drives,
      onProblem: (what, error) => observer.problem(what, error),
    });
    const replacement = {
      rpc,
      random,
      topology,
      groups,
      drives,
      mapKeeper,
      replicas,
      generation: () => generations.refresh(),
    };
    rpc.handle(MEMBERSHIP_METHODS.replace, async ({ slot }) => {
      // Two at once would each enter an id of its own in the map, and the drive can have only one.
      const replacing = this.#replacing.get(slot) ?? this.#replace(replacement, slot);
      this.#replacing.set(slot, replacing);
      await replacing.finally(() => this.#replacing.delete(slot));
      return {};
    });
    let downBefore = new Set<string>();
    topology.onChange((next) => {
      observer.map(next.map);
      this.#refuseReplaced(next.map, replicas);
      const down = new Set(next.map.drives.filter((drive) => drive.state === 'down').map((drive) => drive.slot));
      const isNew = [...down].some((slot) => !downBefore.has(slot) && next.drive(slot)?.node !== name);
      downBefore = down;
      if (isNew) compareOwnDrives();
    });
    const registers: Registers & RegisterMaintenance = {
      read: (key) => client.read(key),
      change: (key, command) => client.change(key, command),
      scan: (from: RegisterKey, to: RegisterKey, limit) => scanner.scan(from, to, limit),
      walkOwned: (from, limit) => scanner.walkOwned(from, limit),
    };
    return {
      topology,
      groups,
      replicas,
      catchUp,
      liveness,
      mapKeeper,
      registers,
      generations,
      takeEmptied: () => {
        const keys = [...this.#emptied];
        this.#emptied.clear();
        return keys;
      },
      readRecord: (key) => client.readRecord(key),
      forget: (partition, tombstones, since) => proposer.forget(partition, tombstones, since),
      takePromises: (slot) => takePromises(replacement, slot),
    };
  }

  #requireSameSettings(map: ClusterMap): void {
    const { name, zone, scheme } = this.#options;
    const found = `${map.scheme.k}+${map.scheme.m}`;
    if (scheme !== found) {
      throw new StartRefusedError(
        `the cluster was founded with scheme ${found}, this node was started with ${scheme}; start it with ${found}`,
      );
    }
    const self = map.nodes.find((node) => node.name === name);
    if (self === undefined) {
      const members = map.nodes.map((node) => node.name).join(', ');
      throw new StartRefusedError(
        `node ${name} is not a member of cluster ${map.clusterId} (${members}); use a member's --name`,
      );
    }
    if (self.zone !== zone) {
      throw new StartRefusedError(
        `node ${name} is in zone ${self.zone}, it was started with --zone ${zone}; start it with ${self.zone}`,
      );
    }
  }

  async #takeStockOfDrives(map: ClusterMap): Promise<void> {
    this.drives.refuseForeign(map.clusterId);
    for (const store of this.drives.open()) {
      try {
        await this.#takeStock(store, map);
      } catch (error) {
        this.drives.refuse(store.identity.slot, `what it is cannot be read from it: ${error}`);
      }
    }
  }

  async #takeStock(store: DriveStore, map: ClusterMap): Promise<void> {
    const { slot, driveId } = store.identity;
    const entry = map.drives.find((drive) => drive.slot === slot);
    if (entry === undefined) {
      this.drives.refuse(slot, `slot ${slot} is not in the cluster map`);
    } else if (entry.id === driveId) {
      if (!(await this.drives.isJoining(store))) return;
      if (!(await this.drives.isMarked(store))) await this.drives.mark(store, map, 'joining');
      this.#joining.add(slot);
    } else if (await this.drives.isUntouched(store)) {
      // A replacement whose formatting was cut short, and which somebody then asked for again.
      this.drives.treatAsBlank(store);
    } else {
      this.drives.refuse(slot, replacedText(driveId, entry.id));
    }
  }

  /** A drive that was put back after another had taken its place may have been taken stock of by the old map that it brought. */
  #refuseReplaced(map: ClusterMap, replicas: Replicas): void {
    for (const { identity } of this.drives.open()) {
      const { slot, driveId } = identity;
      const entry = map.drives.find((drive) => drive.slot === slot);
      if (entry === undefined || entry.id === driveId) continue;
      replicas.remove(slot);
      for (const known of [this.#joining, this.#hasPromises, this.#caughtUp]) known.delete(slot);
      this.drives.refuse(slot, replacedText(driveId, entry.id));
    }
  }

  async #replace(replacement: ReplacementOptions, slot: string): Promise<void> {
    await replaceDrive(replacement, slot);
    this.#joining.add(slot);
    replacement.replicas.addJoining(this.drives.open().find((store) => store.identity.slot === slot)!);
    void this.#bringUp(slot);
  }

  async #bringUp(slot: string): Promise<void> {
    const running = this.running;
    if (this.#joining.has(slot)) {
      const taking = this.#untilDone(`taking over the promises for ${slot}`, () => running.takePromises(slot));
      // Only a stop of the node ends it without success.
      if (!(await taking.then(() => true).catch(() => false))) return;
      this.#hasPromises.add(slot);
    }
    running.catchUp.compare(slot);
  }

  async #whenCaughtUp(slot: string): Promise<void> {
    const store = this.drives.open().find((open) => open.identity.slot === slot);
    if (store === undefined) return;
    if (this.#joining.has(slot)) {
      // The comparison that counts began when the promises were there; until then values might have been accepted that it missed.
      if (!this.#hasPromises.has(slot) || this.running.catchUp.isToBeCompared(slot)) return;
      await this.drives.endJoining(store);
      this.running.replicas.admit(slot);
      this.#joining.delete(slot);
      this.#hasPromises.delete(slot);
    }
    this.#caughtUp.add(slot);
  }

  async #untilDone(what: string, run: () => Promise<void>): Promise<void> {
    for (;;) {
      this.#stop.signal.throwIfAborted();
      try {
        return await run();
      } catch (error) {
        this.#options.observer.problem(what, error);
      }
      await sleep(this.#options.clock, RETRY_MS, this.#stop.signal);
    }
  }

  /** A drive that refuses writes, or whose identity can no longer be read, is reported as unusable. */
  #watchDrives(): void {
    const check = async () => {
      if (this.#stop.signal.aborted) return;
      for (const store of this.drives.open()) {
        const { slot } = store.identity;
        const failure = await store.status().then(
          (status) => status.failure,
          (error) => String(error),
        );
        if (failure === null) this.#failing.delete(slot);
        else this.#failing.set(slot, failure);
      }
      this.#options.clock.setTimer(DRIVE_CHECK_INTERVAL_MS, () => void check());
    };
    void check();
  }
}

/** What exists once the node belongs to a cluster. */
export interface Running {
  readonly topology: CurrentTopology;
  readonly groups: Groups;
  readonly replicas: Replicas;
  readonly catchUp: CatchUp;
  readonly liveness: Liveness;
  readonly mapKeeper: MapKeeper;
  readonly registers: Registers & RegisterMaintenance;
  readonly generations: Generations;
  /** Registers that this node's proposer left with nothing to remember, since the last call. */
  takeEmptied(): RegisterKey[];
  readRecord: RegisterClient['readRecord'];
  /** As Proposer.forget. */
  forget: Proposer['forget'];
  takePromises(slot: string): Promise<void>;
}

const replacedText = (driveId: string, by: string) =>
  `it is drive ${driveId}, which was replaced by ${by}; take it out, or give an empty one`;
