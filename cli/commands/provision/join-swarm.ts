// Makes one Swarm of the hosts of a spec, by the docker of the hosts themselves, over the ssh by which the doctor reaches them: the
// users of the seed may use sudo and are not in the group "docker", which is root by another name.
import { HostError } from '../../../host-tuning/errors.ts';
import type { ClusterSpec } from '../../../spec/cluster-spec.ts';
import type { HostSpec } from '../../../spec/hosts.ts';
import { parseHosts } from '../../../stacks/swarm/swarm-facts.ts';
import { labelChanges, planSwarm, rolesOf, type SwarmMembership, type SwarmRole, swarmAddress } from './swarm-plan.ts';

/** Runs the script as root. Resolves with what it printed; rejects with HostError when it fails. */
export type HostShell = (host: HostSpec, script: string) => Promise<string>;

const JOIN_PORT = 2377;
const INFO = "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.NodeID}}'";

/** labelsOf: by name of a host, what it is to be labelled with. say: of each thing that was done. */
export async function joinSwarm(
  spec: ClusterSpec,
  shell: HostShell,
  labelsOf: (name: string) => Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<void> {
  const hostOf = (name: string) => spec.hosts.find((host) => host.name === name)!;
  const plan = planSwarm(rolesOf(spec), await Promise.all(spec.hosts.map((host) => membership(host, shell))));
  if ('problems' in plan)
    throw new HostError('failure', `no Swarm can be made of these hosts: ${plan.problems.join('; ')}`);
  const leader = hostOf(plan.leader);
  const address = swarmAddress(leader);
  if (plan.mustInit) {
    await shell(leader, `docker swarm init ${advertise(leader)}`);
    say(`${leader.name}: made the Swarm`);
  }
  for (const { name, role } of plan.joins) {
    const token = await joinToken(leader, role, shell);
    await shell(hostOf(name), `docker swarm join --token ${token} ${advertise(hostOf(name))} ${address}:${JOIN_PORT}`);
    say(`${name}: joined as a ${role}`);
  }
  await label(spec, leader, shell, labelsOf, say);
}

async function membership(host: HostSpec, shell: HostShell): Promise<SwarmMembership> {
  const [state = '', control, nodeId = ''] = (await shell(host, INFO)).trim().split(' ');
  return { name: host.name, state, isManager: control === 'true', nodeId };
}

async function label(
  spec: ClusterSpec,
  leader: HostSpec,
  shell: HostShell,
  labelsOf: (name: string) => Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<void> {
  const nodes = parseHosts(await shell(leader, 'docker node inspect $(docker node ls --quiet)'));
  const wanted = new Map<string, Readonly<Record<string, string>>>();
  const nameOf = new Map<string, string>();
  for (const host of spec.hosts) {
    const { nodeId } = await membership(host, shell);
    if (!nodes.some(({ id }) => id === nodeId))
      throw new HostError(
        'failure',
        `${host.name} is in another Swarm than ${leader.name}; let it leave that one first`,
      );
    wanted.set(nodeId, labelsOf(host.name));
    nameOf.set(nodeId, host.name);
  }
  for (const [id, labels] of labelChanges(wanted, new Map(nodes.map((node) => [node.id, node.labels])))) {
    const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    await shell(leader, `docker node update ${words.map((word) => `--label-add ${word}`).join(' ')} ${id}`);
    say(`${nameOf.get(id)}: labelled ${words.join(' ')}`);
  }
}

async function joinToken(leader: HostSpec, role: SwarmRole, shell: HostShell): Promise<string> {
  return (await shell(leader, `docker swarm join-token --quiet ${role}`)).trim();
}

/** Both over the storage network: it has the large frames. */
function advertise(host: HostSpec): string {
  const address = swarmAddress(host);
  return `--advertise-addr ${address} --data-path-addr ${address}`;
}
