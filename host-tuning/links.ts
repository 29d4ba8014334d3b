// The links of a host from below: which MTU a card or a bond needs for the networks that lie on it. Pure.
import type { HostNetwork, HostSpec } from '../spec/hosts.ts';

const ETHERNET_MTU = 1500;

/** Of a bond or a nic: the largest of the networks over it; a smaller one would cut their packets. */
export function linkMtu({ networks }: HostSpec, link: string): number {
  return Math.max(ETHERNET_MTU, ...networks.filter(({ over }) => over === link).map(({ mtu }) => mtu));
}

/** The network that lies on the link itself, without a VLAN. */
export function untaggedOn({ networks }: HostSpec, link: string): HostNetwork | undefined {
  return networks.find(({ over, vlan }) => over === link && vlan === null);
}

export function vlansOn({ networks }: HostSpec, link: string): HostNetwork[] {
  return networks.filter(({ over, vlan }) => over === link && vlan !== null);
}

export function bondOf({ bonds }: HostSpec, nic: string): string | null {
  return bonds.find(({ members }) => members.includes(nic))?.name ?? null;
}
