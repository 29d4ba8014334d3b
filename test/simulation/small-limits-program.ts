// The whole node with limits that a test chooses, so that what takes hours happens within a run.
import { type ServingNode, StorageNode } from '../../node/cluster/node.ts';
import type { StoreLimits } from '../../node/cluster/store-limits.ts';
import { helloFormat } from '../../node/format/membership-formats.ts';
import type { Log } from '../../node/io/log.ts';
import type { Program, Surroundings } from './cluster.ts';
import { openLocalDrive } from './local-drive.ts';

const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT_LOG };

export class SmallLimitsProgram implements Program {
  #node: StorageNode | null = null;

  constructor(surroundings: Surroundings, limits: Partial<StoreLimits>) {
    this.#run(surroundings, limits).catch((error) => surroundings.note(`stops: ${error}`));
  }

  get node(): StorageNode {
    if (this.#node === null) throw new Error('the drives are not open yet');
    return this.#node;
  }

  get serving(): ServingNode {
    if (this.node.serving === null) throw new Error('the node has not joined yet');
    return this.node.serving;
  }

  hello(): Uint8Array {
    return helloFormat.encode(this.node.hello());
  }

  serves(): boolean {
    return this.#node?.serving != null;
  }

  ready(): boolean {
    return this.#node?.ready() === true;
  }

  async #run(surroundings: Surroundings, limits: Partial<StoreLimits>): Promise<void> {
    const { name, zone, scheme, endpoints, addresses, clock, network, random, probe } = surroundings;
    const drives = await Promise.all(surroundings.drives.map((drive) => openLocalDrive(drive, surroundings)));
    const introductions = { probe };
    const place = { name, zone, scheme, endpoints, addresses, drives };
    const ports = { network, introductions, clock, random, log: SILENT_LOG, rssBytes: () => 0 };
    this.#node = new StorageNode({ ...place, ...ports, limits });
    await this.#node.start();
  }
}
