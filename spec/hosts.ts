// The machines of a cluster as values: what the "hosts" part of a cluster.yaml means once classes and machines are one and the
// defaults are filled in. Everything that configures or checks a host starts from this.
import type {
  HostProfile,
  HostRuntime,
  HostSettingId,
  HostSystem,
  NetworkRenderer,
  SettingValue,
} from './hosts-choices.ts';

export type * from './hosts-choices.ts';

/** One machine, which runs one node. */
export interface HostSpec {
  /** Of the node that runs there. */
  readonly name: string;
  readonly system: HostSystem;
  readonly networkRenderer: NetworkRenderer;
  readonly profile: HostProfile;
  readonly runtime: HostRuntime;
  /** What differs from the profile. */
  readonly settings: Readonly<Partial<Record<HostSettingId, SettingValue>>>;
  readonly nics: readonly HostNic[];
  readonly bonds: readonly HostBond[];
  /** "storage" is among them. */
  readonly networks: readonly HostNetwork[];
  /** One for each drive of the node, in its order, and at last that of the log where the node has one. */
  readonly drives: readonly HostDrive[];
  /** Empty: those of the distribution. */
  readonly timeServers: readonly string[];
  readonly users: readonly HostUser[];
}

export interface HostNic {
  /** By a MAC address the card is renamed to this; by a name of the kernel's it is that name. */
  readonly name: string;
  /** Lower case. null: found by the name. */
  readonly mac: string | null;
}

export interface HostBond {
  readonly name: string;
  readonly members: readonly string[];
  readonly lacpRate: 'fast' | 'slow';
  readonly monitorMs: number;
  readonly hashPolicy: 'layer2' | 'layer2+3' | 'layer3+4';
  readonly minLinks: number;
  readonly upDelayMs: number;
  readonly downDelayMs: number;
}

export interface HostNetwork {
  readonly name: string;
  /** Name of a bond or a nic. */
  readonly over: string;
  /** null: untagged. */
  readonly vlan: number | null;
  readonly mtu: number;
  /** With the length of their prefix. */
  readonly addresses: readonly string[];
  readonly dhcp: boolean;
  readonly gateway: string | null;
  /** Ways to other subnets of this network. */
  readonly routes: readonly { readonly to: string; readonly via: string }[];
  readonly nameServers: readonly string[];
}

export interface HostDrive {
  /** The drive's name, or "wal". */
  readonly name: string;
  readonly role: 'data' | 'wal';
  readonly by: 'serial' | 'wwn' | 'id';
  readonly id: string;
  readonly label: string;
  /** Where the node expects it. */
  readonly mountPoint: string;
}

export interface HostUser {
  readonly name: string;
  readonly keys: readonly string[];
  readonly sudo: boolean;
}

export const STORAGE_NETWORK = 'storage';

/** Throws when it has none: the spec was not checked. */
export function storageNetwork({ name, networks }: HostSpec): HostNetwork {
  const found = networks.find((network) => network.name === STORAGE_NETWORK);
  if (found === undefined) throw new Error(`host ${name} has no storage network`);
  return found;
}

/** MTU of the links between the nodes; null when the spec says nothing about its hosts. */
export function storageMtu(hosts: readonly HostSpec[]): number | null {
  return hosts.length === 0 ? null : Math.min(...hosts.map((host) => storageNetwork(host).mtu));
}

/** Name of the interface that carries the network. */
export function interfaceOf({ over, vlan }: Pick<HostNetwork, 'over' | 'vlan'>): string {
  return vlan === null ? over : `${over}.${vlan}`;
}
