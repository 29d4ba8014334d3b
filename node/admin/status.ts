// What a node says about itself and about the cluster as it sees it: the answer of GET /_ashlar/status, which the CLI, the
// console and rollouts read. Plain JSON values only.

export interface DriveReport {
  /** "node/drive". */
  readonly slot: string;
  /** up, or down in the agreed map; 'unusable' when the node has it but cannot use it (reason says why). */
  readonly state: 'up' | 'down' | 'unusable';
  readonly reason: string | null;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly shardCount: number;
  readonly shardBytes: number;
}

export interface NodeReport {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  /** Answers now, as seen from the node that reports. */
  readonly reachable: boolean;
  /** Of the newest map that the node knows. */
  readonly epoch: number;
  /** By node, an id of the process that it last heard of, its own included: who sees another one has not noticed a restart yet. */
  readonly lives: Readonly<Record<string, string>>;
  /** Serves client requests: it has caught up once since its own start. */
  readonly ready: boolean;
  readonly drives: readonly DriveReport[];
  readonly rssBytes: number;
  readonly healing: HealReport | null;
  /** By drive; empty for a node that does not answer. */
  readonly scrub: readonly ScrubReport[];
}

/** The background pass over one drive that reads and verifies everything on it. */
export interface ScrubReport {
  /** "node/drive". */
  readonly slot: string;
  /** A pass is under way; else it rests until the next one is due. */
  readonly isRunning: boolean;
  /** Of the pass under way. */
  readonly passReadBytes: number;
  /** Wall clock of the node, ms since 1970, at the end of the last pass over the whole drive; null: there was none yet. */
  readonly lastPassEndedMs: number | null;
  /** Since the process started. */
  readonly readBytes: number;
  readonly errorsFound: number;
  readonly errorsRepaired: number;
  /** What was found and is not repaired yet, at most 20: a sentence each. */
  readonly unrepaired: readonly string[];
}

export interface HealReport {
  /** Registers and shards known to be missing or stale somewhere and not yet mended. */
  readonly pending: number;
  /** Of these, the registers that a drive (of any node) lacks or may lack, by slot; a drive yet to be compared counts as one. */
  readonly behind: Readonly<Record<string, number>>;
  /** Since this process started. */
  readonly registersHealed: number;
  readonly shardsHealed: number;
  /** A comparison of all replicas and shards runs after every change of the map; false until the newest has ended. */
  readonly comparedSinceMapChange: boolean;
  /** Things that could not be mended, newest last, at most 20. */
  readonly failures: readonly string[];
}

export interface StatusReport {
  readonly clusterId: string;
  readonly scheme: string;
  readonly epoch: number;
  readonly partitionCount: number;
  /** healthy: every node and drive is up and everything has full redundancy. Never said while a shard is known or suspected missing. */
  readonly health: 'healthy' | 'healing' | 'degraded' | 'unavailable';
  /** Why health is not 'healthy', a sentence each. */
  readonly reasons: readonly string[];
  readonly nodes: readonly NodeReport[];
}
