// What a Swarm is, as far as the Docker client can tell: hosts, services, network. Asked here, judged elsewhere; the parsing of what
// Docker prints is apart from the asking, so that recorded answers can stand in for an engine.
import type { Docker } from '../docker.ts';
import { SwarmError } from './errors.ts';

export interface SwarmHost {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  /** "ready", "down" */
  readonly state: string;
  /** "active", "pause", "drain" */
  readonly availability: string;
  readonly isManager: boolean;
  readonly engineVersion: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Of the services of one cluster. */
export interface RunningService {
  readonly name: string;
  /** Counts its changes, rollbacks too. */
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly constraints: readonly string[];
  readonly ports: readonly { readonly target: number; readonly published: number }[];
}

export interface ExistingNetwork {
  readonly driver: string;
  readonly subnets: readonly string[];
  readonly mtu: number | null;
}

/** Throws SwarmError when the engine is no manager of a Swarm. */
export async function readHosts(docker: Docker): Promise<SwarmHost[]> {
  const state = await docker.run(['info', '--format', '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}']);
  if (state !== 'active true') {
    const what = state.startsWith('active')
      ? 'a worker; name a manager'
      : 'not part of a Swarm; "docker swarm init" makes one';
    throw new SwarmError('input', `the engine that answers is ${what}`);
  }
  const ids = (await docker.run(['node', 'ls', '--quiet'])).split('\n').filter((id) => id !== '');
  return parseHosts(await docker.run(['node', 'inspect', ...ids]));
}

/** What `docker node inspect` prints; by host name. */
export function parseHosts(json: string): SwarmHost[] {
  return (JSON.parse(json) as NodeInspect[])
    .map(({ ID, Spec, Description, Status, ManagerStatus }) => ({
      id: ID,
      hostname: Description.Hostname,
      // A manager that knows itself by 0.0.0.0 says elsewhere how others reach it.
      address: Status.Addr === '0.0.0.0' ? (ManagerStatus?.Addr.replace(/:[0-9]+$/, '') ?? Status.Addr) : Status.Addr,
      state: Status.State,
      availability: Spec.Availability,
      isManager: Spec.Role === 'manager',
      engineVersion: Description.Engine.EngineVersion,
      labels: Spec.Labels ?? {},
    }))
    .sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
}

export async function readServices(docker: Docker, cluster: string): Promise<RunningService[]> {
  const listed = await docker.run(['service', 'ls', '--quiet', '--filter', `label=ashlar.cluster=${cluster}`]);
  const ids = listed.split('\n').filter((id) => id !== '');
  return ids.length === 0 ? [] : parseServices(await docker.run(['service', 'inspect', ...ids]));
}

/** What `docker service inspect` prints; by name. */
export function parseServices(json: string): RunningService[] {
  return (JSON.parse(json) as ServiceInspect[])
    .map(({ Version, Spec }) => ({
      name: Spec.Name,
      version: Version.Index,
      labels: Spec.Labels ?? {},
      constraints: Spec.TaskTemplate.Placement?.Constraints ?? [],
      ports: (Spec.EndpointSpec?.Ports ?? []).map(({ TargetPort, PublishedPort }) => ({
        target: TargetPort,
        published: PublishedPort,
      })),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** null when there is none of that name. */
export async function readNetwork(docker: Docker, name: string): Promise<ExistingNetwork | null> {
  const listed = await docker.run(['network', 'ls', '--quiet', '--filter', `name=^${name}$`]);
  return listed === '' ? null : parseNetwork(await docker.run(['network', 'inspect', name]));
}

/** What `docker network inspect` prints. */
export function parseNetwork(json: string): ExistingNetwork {
  const [network] = JSON.parse(json) as [NetworkInspect];
  const mtu = network.Options?.['com.docker.network.driver.mtu'];
  return {
    driver: network.Driver,
    subnets: (network.IPAM.Config ?? []).map(({ Subnet }) => Subnet),
    mtu: mtu === undefined ? null : Number(mtu),
  };
}

/** Whether a service may run on the host: of constraints on labels, which are all that we write. */
export function satisfies(host: SwarmHost, constraints: readonly string[]): boolean {
  return constraints.every((constraint) => {
    const match = /^node\.labels\.(\S+) == (\S+)$/.exec(constraint);
    return match !== null && host.labels[match[1]!] === match[2];
  });
}

interface NodeInspect {
  readonly ID: string;
  readonly Spec: { readonly Availability: string; readonly Role: string; readonly Labels?: Record<string, string> };
  readonly Description: { readonly Hostname: string; readonly Engine: { readonly EngineVersion: string } };
  readonly Status: { readonly State: string; readonly Addr: string };
  readonly ManagerStatus?: { readonly Addr: string };
}

interface ServiceInspect {
  readonly Version: { readonly Index: number };
  readonly Spec: {
    readonly Name: string;
    readonly Labels?: Record<string, string>;
    readonly TaskTemplate: { readonly Placement?: { readonly Constraints?: string[] } };
    readonly EndpointSpec?: { readonly Ports?: { readonly TargetPort: number; readonly PublishedPort: number }[] };
  };
}

interface NetworkInspect {
  readonly Driver: string;
  readonly Options?: Record<string, string> | null;
  readonly IPAM: { readonly Config?: { readonly Subnet: string }[] | null };
}
