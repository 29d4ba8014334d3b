// The network of a simulated world. Frames between two hosts may be dropped, duplicated, delayed and overtake each other;
// links may be cut in one or both directions; connections break with and without a hint. A frame goes to whichever
// process has the name when it arrives, even to one that was started after it was sent.
import type { Network, NodeName } from '../../node/io/network.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimHost } from './sim-host.ts';
import type { SimRandom } from './sim-random.ts';

/** How one direction of a link behaves. */
export interface LinkQuality {
  dropChance: number;
  duplicateChance: number;
  minMs: number;
  meanMs: number;
  /** Chance that a frame takes strayMs longer: the delayed message that arrives when everybody has forgotten it. */
  strayChance: number;
  strayMs: number;
}

export const GOOD_LINK: LinkQuality = {
  dropChance: 0,
  duplicateChance: 0,
  minMs: 0.1,
  meanMs: 0.5,
  strayChance: 0,
  strayMs: 0,
};

export interface SimNetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: SimRandom;
  /** What a frame is, for the trace. */
  readonly describe?: (frame: Buffer) => string;
}

interface Link {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly random: SimRandom;
  cut: boolean;
  queuedBytes: number;
  quality: LinkQuality | null;
  /** Grows when the connection breaks: frames of an older one are lost. */
  connection: number;
}

export class SimNetwork {
  /** Of every link without a quality of its own; change the values at any time. */
  readonly quality: LinkQuality = { ...GOOD_LINK };
  /** Chance that the ends of a broken connection hear of it. */
  hintChance = 0.9;
  readonly #scheduler: Scheduler;
  readonly #random: SimRandom;
  readonly #describe: (frame: Buffer) => string;
  readonly #ports = new Map<NodeName, Port>();
  readonly #links = new Map<string, Link>();

  constructor({ scheduler, random, describe }: SimNetworkOptions) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#describe = describe ?? ((frame) => `${frame.length} bytes`);
  }

  /** The port of a process that just started under the host's name; it takes the place of the process before it. */
  attach(host: SimHost): Network {
    const port = new Port(
      host,
      (to, pieces) => this.#send(host, to, pieces),
      (to) => this.#link(host.name, to).queuedBytes,
    );
    this.#ports.set(host.name, port);
    host.onKill(() => {
      if (this.#ports.get(host.name) !== port) return;
      this.#ports.delete(host.name);
      for (const peer of this.#ports.keys()) this.breakConnection(host.name, peer);
    });
    return port;
  }

  /** Frames from → to are lost until heal(). */
  cut(from: NodeName, to: NodeName): void {
    this.#link(from, to).cut = true;
  }

  mend(from: NodeName, to: NodeName): void {
    this.#link(from, to).cut = false;
  }

  /** Nobody in one group reaches anybody in another; who is in no group reaches all. */
  partition(groups: readonly (readonly NodeName[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.cut(from, to);
      }
    }
  }

  setQuality(from: NodeName, to: NodeName, quality: LinkQuality | null): void {
    this.#link(from, to).quality = quality;
  }

  /** All links are whole and good again. */
  heal(): void {
    Object.assign(this.quality, GOOD_LINK);
    for (const link of this.#links.values()) {
      link.cut = false;
      link.quality = null;
    }
  }

  /** What is under way between the two is lost, and both may be told. */
  breakConnection(a: NodeName, b: NodeName): void {
    this.#scheduler.note(`net  ${a} x ${b}: connection broken`);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const link = this.#link(from, to);
      link.connection++;
      const port = this.#ports.get(from);
      if (port === undefined || !link.random.chance(this.hintChance)) continue;
      port.host.after(link.random.longTailed(0.1, 2), `${from} hears that ${to} broke`, () => port.broken(to));
    }
  }

  /** One question and its answer outside the frames (a probe, an HTTP request). Rejects when the way is cut. */
  async roundTrip(host: SimHost, to: NodeName): Promise<void> {
    const there = this.#link(host.name, to);
    const back = this.#link(to, host.name);
    const { random } = there;
    const { dropChance, minMs, meanMs } = there.quality ?? this.quality;
    await new Promise<void>((resolve) => {
      host.after(random.longTailed(minMs, meanMs) * 2, `${host.name} asks ${to}`, resolve);
    });
    if (there.cut || back.cut || random.chance(dropChance)) throw new Error(`${to} does not answer ${host.name}`);
  }

  #link(from: NodeName, to: NodeName): Link {
    const name = `${from}>${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      const random = this.#random.split(name);
      link = { from, to, random, cut: false, queuedBytes: 0, quality: null, connection: 0 };
      this.#links.set(name, link);
    }
    return link;
  }

  #send(host: SimHost, to: NodeName, pieces: Uint8Array[]): void {
    if (!host.alive) return;
    const link = this.#link(host.name, to);
    const { random } = link;
    const quality = to === host.name ? GOOD_LINK : (link.quality ?? this.quality);
    if (random.chance(quality.dropChance)) {
      this.#note(link, 'dropped', pieces);
      return;
    }
    const copies = random.chance(quality.duplicateChance) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delayMs = random.longTailed(quality.minMs, quality.meanMs);
      if (random.chance(quality.strayChance)) delayMs += random.fraction() * quality.strayMs;
      this.#carry(link, pieces, delayMs);
    }
  }

  #carry(link: Link, pieces: Uint8Array[], delayMs: number): void {
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { connection } = link;
    link.queuedBytes += sizeBytes;
    this.#scheduler.after(delayMs, `${link.from} > ${link.to}`, () => {
      link.queuedBytes -= sizeBytes;
      if (link.cut || link.connection !== connection) {
        this.#note(link, 'lost', pieces);
        return;
      }
      const port = this.#ports.get(link.to);
      if (port === undefined) {
        this.#note(link, 'nobody there', pieces);
        return;
      }
      // Joined only now: a sender that changes its pieces too early is caught.
      const frame = Buffer.concat(pieces);
      port.host.after(0, `${link.to} receives`, () => {
        this.#scheduler.note(`net  ${link.from} > ${link.to}  ${this.#describe(frame)}`);
        port.receive(link.from, frame);
      });
    });
  }

  #note(link: Link, fate: string, pieces: Uint8Array[]): void {
    this.#scheduler.note(`net  ${link.from} > ${link.to}  ${fate}: ${this.#describe(Buffer.concat(pieces))}`);
  }
}

class Port implements Network {
  readonly self: NodeName;
  readonly host: SimHost;
  readonly #send: (to: NodeName, pieces: Uint8Array[]) => void;
  readonly #queued: (to: NodeName) => number;
  #onFrame: (from: NodeName, frame: Buffer) => void = () => {};
  readonly #onBroken: ((node: NodeName) => void)[] = [];

  constructor(host: SimHost, send: (to: NodeName, pieces: Uint8Array[]) => void, queued: (to: NodeName) => number) {
    this.self = host.name;
    this.host = host;
    this.#send = send;
    this.#queued = queued;
  }

  send(to: NodeName, pieces: Uint8Array[]): void {
    this.#send(to, pieces);
  }

  onFrame(handler: (from: NodeName, frame: Buffer) => void): void {
    this.#onFrame = handler;
  }

  onBroken(handler: (node: NodeName) => void): void {
    this.#onBroken.push(handler);
  }

  queuedBytes(to: NodeName): number {
    return this.#queued(to);
  }

  receive(from: NodeName, frame: Buffer): void {
    this.#onFrame(from, frame);
  }

  broken(node: NodeName): void {
    for (const handler of this.#onBroken) handler(node);
  }
}
