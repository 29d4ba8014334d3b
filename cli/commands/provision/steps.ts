// What `ashlar provision` will do with the machines of a spec, in words and in order; pure.
import { HostError } from '../../../host-tuning/errors.ts';
import type { ClusterSpec } from '../../../spec/cluster-spec.ts';
import type { HostRuntime } from '../../../spec/hosts.ts';
import { ZONE_LABEL } from './join-kubernetes.ts';
import { rolesOf } from './swarm-plan.ts';

/** In their order. */
export const STEPS = ['seeds', 'boot', 'doctor', 'join'] as const;
export type Step = (typeof STEPS)[number];

/** Throws HostError when the spec has no machines, or machines of several kinds: one cluster runs on one. */
export function runtimeOf({ name, hosts }: ClusterSpec): HostRuntime {
  const runtimes = [...new Set(hosts.map(({ runtime }) => runtime))];
  if (runtimes.length === 0)
    throw new HostError('input', `the spec of ${name} says nothing about its machines ("hosts")`);
  if (runtimes.length > 1)
    throw new HostError('input', `the machines have several runtimes (${runtimes.join(', ')}); give all of them one`);
  return runtimes[0]!;
}

export function stepsText(spec: ClusterSpec, out: string): string[] {
  const names = spec.hosts.map(({ name }) => name).join(', ');
  return [
    `1. seeds   writes ${out}/HOST with the seed of ${names}`,
    '2. boot    waits until each answers over ssh and its first boot is over; giving it its seed is up to you',
    '3. doctor  every machine must be as the spec says; otherwise it ends here',
    `4. join    ${joinText(spec)}`,
    `5. deploy  up to you: ${deployText(spec)}`,
  ];
}

export function deployText(spec: ClusterSpec): string {
  switch (runtimeOf(spec)) {
    case 'docker':
      return `npx ashlar swarm check && npx cdktf deploy ${spec.name} (docs/operations/swarm.md)`;
    case 'kubernetes':
      return 'npx ashlar kubernetes check && pulumi up (docs/operations/kubernetes.md)';
    case 'none':
      return 'start the storage node on each machine, after ashlar-drives.target';
  }
}

function joinText(spec: ClusterSpec): string {
  switch (runtimeOf(spec)) {
    case 'docker': {
      const managers = [...rolesOf(spec)].filter(([, role]) => role === 'manager').map(([name]) => name);
      return `makes a Swarm, ${managers.join(', ')} as managers, and labels the hosts with zone and node`;
    }
    case 'kubernetes':
      return `looks whether each is a node of Kubernetes, ready, with ${ZONE_LABEL}`;
    case 'none':
      return 'nothing: the machines have no runtime that they could join';
  }
}
