// What the hosts of a Swarm have beside what every testbed has: an engine with its socket, and a say in the Swarm.
import { join } from 'node:path';
import * as base from '../layout.ts';

export interface SwarmHost extends base.HostLayout {
  /** Three of them vote, so that any one host may be lost. */
  readonly isManager: boolean;
  readonly socket: string;
  /** What docker clients want in DOCKER_HOST. */
  readonly dockerHost: string;
}

export interface SwarmLayout extends base.TestbedLayout<SwarmHost> {
  /** "10.77.0.2:5000", for images: 10.77.0.2:5000/ashlar:0.1.0 */
  readonly registry: string;
}

export type SwarmShape = Omit<base.TestbedShape, 'kind'>;

/** In the clients' namespace. */
export const REGISTRY_PORT = 5000;
const MANAGERS_MAX = 3;

/** Throws TestbedError for a shape that cannot be. */
export function swarmLayout(shape: SwarmShape): SwarmLayout {
  const layout = base.testbedLayout({ ...shape, kind: 'swarm' });
  const managerCount = layout.hostCount < MANAGERS_MAX ? 1 : MANAGERS_MAX;
  const hosts = layout.hosts.map((host, index): SwarmHost => {
    const socket = join(host.directory, 'docker.sock');
    return { ...host, isManager: index < managerCount, socket, dockerHost: `unix://${socket}` };
  });
  return { ...layout, hosts, registry: `${layout.client.address}:${REGISTRY_PORT}` };
}
