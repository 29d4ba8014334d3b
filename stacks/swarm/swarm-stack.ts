// A cluster on Docker Swarm as a value: services, secrets, configs, network and the order in which they are brought up.
// describeSwarm makes it; the cdktf construct and the stack file are two ways of writing it down, and decide nothing.

export interface SwarmStack {
  readonly cluster: string;
  /** null: services run on the network of their host. */
  readonly network: OverlayNetwork | null;
  readonly secrets: readonly SwarmSecret[];
  readonly configs: readonly SwarmConfig[];
  readonly services: readonly SwarmService[];
  /** One after the other. Every service is in exactly one. */
  readonly rollout: readonly RolloutStep[];
  /** URLs at which the gate asks; empty: the published ports of the services, on whatever hosts they run. */
  readonly gateEndpoints: readonly string[];
  /** Where clients reach the cluster: URLs, with the label of a host in <> where its address is not known here. */
  readonly endpoints: readonly string[];
}

export interface OverlayNetwork {
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly mtu: number;
}

export interface SwarmSecret {
  /** Name of the file under /run/secrets. */
  readonly file: string;
  /** Of the Docker secret. */
  readonly name: string;
  readonly source:
    | { readonly kind: 'managed'; readonly value: string }
    | { readonly kind: 'external'; readonly id: string };
}

export interface SwarmConfig {
  readonly name: string;
  readonly text: string;
}

export type SwarmMount =
  | { readonly kind: 'bind'; readonly source: string; readonly target: string }
  | { readonly kind: 'tmpfs'; readonly target: string };

export interface SwarmService {
  readonly name: string;
  readonly image: string;
  readonly hostname: string;
  /** Further names in the overlay network. */
  readonly aliases: readonly string[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** null: the image's. */
  readonly user: string | null;
  /** The root file system. */
  readonly readOnly: boolean;
  readonly dropsCapabilities: boolean;
  readonly mounts: readonly SwarmMount[];
  /** Files of SwarmStack.secrets, readable by this user and nobody else. */
  readonly secrets: readonly string[];
  readonly secretsOwner: { readonly uid: string; readonly gid: string };
  readonly configs: readonly { readonly name: string; readonly target: string }[];
  readonly constraints: readonly string[];
  /** On the host on which it runs. */
  readonly ports: readonly { readonly target: number; readonly published: number }[];
  readonly health: HealthCheck;
  readonly stopSignal: string | null;
  readonly stopGracePeriod: string;
  readonly resources: ServiceResources;
  readonly logging: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  readonly labels: Readonly<Record<string, string>>;
  readonly convergeTimeout: string;
}

/**
 * 'live': asks whether the process works, never whether the node is ready: Swarm kills what is unhealthy and hides it from
 * DNS, which a node that heals or starts cold must not suffer. 'none': whatever runs is well.
 */
export type HealthCheck =
  | {
      readonly kind: 'live';
      /** Empty: the image's own. */
      readonly test: readonly string[];
      readonly interval: string;
      readonly timeout: string;
      /** So many bad answers in a row, after the start period. */
      readonly retries: number;
      readonly startPeriod: string;
    }
  | { readonly kind: 'none' };

export interface ServiceResources {
  readonly memoryLimitBytes: number | null;
  readonly memoryReservationBytes: number | null;
  readonly cpuLimit: number | null;
  readonly cpuReservation: number | null;
}

/** What may be down at the same time. */
export interface RolloutStep {
  /** "zone-b", "node-a1", "balancer-a": the name of the step's gate. */
  readonly name: string;
  readonly services: readonly string[];
  /** What the cluster must be able to spare before any of these services is touched; null: nothing is asked. */
  readonly gate: { readonly zone: string } | { readonly node: string } | null;
  /** Changes when, and only when, one of these services is to change, and again when a change of it failed and is to be tried again. */
  readonly trigger: string;
}
