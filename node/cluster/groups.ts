// Which replicas form the group of a register, how many of them must answer, and who proposes for them. The cluster map's
// own register has a group of its own: the keepers.
import type { MapDrive } from '../core/cluster-map.ts';
import { MAP_KEY, type RegisterKey } from '../core/keys.ts';
import type { RegisterQuorums } from '../core/quorum.ts';
import type { NodeName } from '../io/network.ts';
import type { TopologySource } from './topology.ts';

/** Stands for the cluster map's register in messages and on disk; no real partition has this number. */
export const MAP_PARTITION = 0xffffffff;

export interface Group {
  readonly partition: number;
  /** First the one whose node should propose. */
  readonly replicas: readonly MapDrive[];
  readonly quorums: RegisterQuorums;
}

export class Groups {
  readonly #topology: TopologySource;

  constructor(topology: TopologySource) {
    this.#topology = topology;
  }

  partitionOf(key: RegisterKey): number {
    return key === MAP_KEY ? MAP_PARTITION : this.#topology.current().partitionOf(key);
  }

  group(partition: number): Group {
    const topology = this.#topology.current();
    if (partition !== MAP_PARTITION) {
      return { partition, replicas: topology.replicas(partition), quorums: topology.quorums };
    }
    const replicas = topology.map.keepers.map((slot) => {
      const drive = topology.drive(slot);
      if (drive === null) throw new Error(`keeper ${slot} is not in epoch ${topology.epoch}`);
      return drive;
    });
    const write = Math.floor(replicas.length / 2) + 1;
    return {
      partition,
      replicas,
      quorums: { replicas: replicas.length, write, takeOver: replicas.length - write + 1 },
    };
  }

  groupOf(key: RegisterKey): Group {
    return this.group(this.partitionOf(key));
  }

  /** The node that should propose, as far as this node can see. Two nodes may disagree for a while: ballots settle it. */
  proposer(group: Group): NodeName {
    const first = group.replicas.find((drive) => this.isUsable(drive)) ?? group.replicas[0]!;
    return first.node;
  }

  isUsable(drive: MapDrive): boolean {
    return drive.state === 'up' && this.isReachable(drive);
  }

  isReachable(drive: MapDrive): boolean {
    return this.#topology.seemsUp(drive.node);
  }
}
