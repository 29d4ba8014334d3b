// The cluster as a type: what a cluster.yaml means once defaults are filled in and both of its forms (short and long) are
// one. Everything that plans, deploys or prints a cluster starts from this value, never from the text.

import type { Engine, FailureDomain } from './choices.ts';
import type { HostSpec } from './hosts.ts';

export { DOMAINS, defaultDomain, ENGINES, type Engine, type FailureDomain } from './choices.ts';
export { parseClusterSpec } from './parse.ts';

export interface ClusterSpec {
  readonly name: string;
  readonly engine: Engine;
  /** k data shards, m parity shards. */
  readonly erasure: { readonly k: number; readonly m: number };
  /** Losing any one of these must stop neither reads nor writes. */
  readonly survive: FailureDomain;
  /** Short: nodes counted under "zones". Long: nodes by name under "nodes". Means nothing to the cluster, only to whoever writes to the file. */
  readonly form: 'short' | 'long';
  /** In the order in which the file names them. */
  readonly zones: readonly string[];
  /** Ordered by the file; in the short form zone by zone. */
  readonly nodes: readonly SpecNode[];
  /** Where clients reach the cluster; null parts are the target's to choose. */
  readonly endpoint: { readonly host: string | null; readonly port: number | null };
  readonly region: string;
  /** Names under which buckets are subdomains (virtual-host style), lower case. */
  readonly domains: readonly string[];
  /** The root user; null parts are drawn at random by the target and kept with the cluster's data. */
  readonly root: { readonly accessKey: string | null; readonly secretKeyFile: string | null };
  /** Only with engine rustfs or minio: their volume arguments word by word (they can never change); null: the plan chooses. */
  readonly volumes: readonly string[] | null;
  /** The machines that the spec describes, in the order of their nodes; empty when it says nothing about them. */
  readonly hosts: readonly HostSpec[];
}

export interface SpecNode {
  /** Unique in the cluster; by default zone and number, "a1". */
  readonly name: string;
  readonly zone: string;
  /** null: the target chooses. */
  readonly host: string | null;
  readonly port: number | null;
  readonly drives: readonly SpecDrive[];
  /** Directory of the write-ahead log, best on a device of its own; null: on the drives themselves. */
  readonly wal: string | null;
}

export interface SpecDrive {
  /** Unique on the node; the last component of its path, by default "d1", "d2" and so on. */
  readonly name: string;
  readonly path: string | null;
  /** null when the file gives no capacity (then no drive has one, and all count the same). */
  readonly capacityBytes: number | null;
}

/** One thing wrong with a spec. */
export interface SpecProblem {
  /** "cluster.yaml:7:3", or only the file's name when the place in it is not known. */
  readonly where: string;
  /** "nodes.a1.drives[2].capacity"; '' is the whole file. */
  readonly path: string;
  /** From 1; null when the place in the text is not known. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  readonly remedy: string;
}

export type ParseResult =
  | { readonly ok: true; readonly spec: ClusterSpec }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };
