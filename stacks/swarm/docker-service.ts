// One service of the description as a docker_service of the Terraform provider. The comments name what the provider does with each
// setting (read in its source, version 4.6) and why it is written this way: an apply that finds a difference where there is
// none would restart a node, or replace its service, at every deploy.
import {
  Service,
  type ServiceConfig,
  type ServiceTaskSpecContainerSpec,
} from '@cdktf/provider-docker/lib/service/index.js';
import type { ITerraformDependable } from 'cdktf';
import type { Construct } from 'constructs';
import type { SwarmService } from './swarm-stack.ts';
import { goDuration, literal, literals, resourceName } from './terraform-text.ts';

export interface DockerServiceProps {
  readonly service: SwarmService;
  /** Ids and names of what the service mounts, by file (secrets) and by name (configs); tokens of Terraform. */
  readonly secrets: ReadonlyMap<string, { readonly id: string; readonly name: string }>;
  readonly configs: ReadonlyMap<string, { readonly id: string; readonly name: string }>;
  /** null: the network of the host. */
  readonly networkId: string | null;
  readonly dependsOn: readonly ITerraformDependable[];
}

/** Octal 0400. */
const OWNER_READS = 256;
/** Octal 0444. */
const ALL_READ = 292;

export function dockerService(scope: Construct, id: string, props: DockerServiceProps): Service {
  const { service, networkId } = props;
  const resource = new Service(scope, id, {
    // Another name is another service to the provider: destroyed and made anew. So are auth, hosts, sysctl and mode, and none of
    // them is used; registry credentials go into the provider's registry_auth.
    name: service.name,
    labels: Object.entries(service.labels).map(([label, value]) => ({ label, value: literal(value) })),
    taskSpec: {
      containerSpec: containerSpec(props),
      placement: { constraints: [...service.constraints] },
      restartPolicy: { condition: 'any', delay: '5s', maxAttempts: 0, window: '0s' },
      logDriver: { name: service.logging.driver, options: mapValues(service.logging.options, literal) },
      ...resourcesPart(service),
    },
    mode: { replicated: { replicas: 1 } },
    // No virtual IP: clients and peers get the address of the one task, and no kernel has to know IPVS.
    endpointSpec: {
      mode: 'dnsrr',
      ports: service.ports.map(({ target, published }) => ({
        protocol: 'tcp',
        targetPort: target,
        publishedPort: published,
        publishMode: 'host',
      })),
    },
    ...updateSettings(),
    // Read back by nobody, so any change of it would be an update of the service; and on a create the service is deleted when the
    // time is over, so there is time for the image to be pulled.
    convergeConfig: { delay: '7s', timeout: goDuration(service.convergeTimeout) },
    lifecycle: { ignoreChanges: ignoredChanges(networkId) },
    dependsOn: [...props.dependsOn],
  });
  resource.overrideLogicalId(resourceName(service.name));
  // By id: the provider reports the id, whatever name it was given, and takes the name for a change that replaces the service. The
  // bindings are older than the attribute, so it is written past them (an override merges with the list of the props: none there).
  const attachment = networkId === null ? { id: 'host' } : { id: networkId, aliases: [...service.aliases] };
  resource.addOverride('task_spec.networks_advanced', [attachment]);
  return resource;
}

function containerSpec({ service, secrets, configs }: DockerServiceProps): ServiceTaskSpecContainerSpec {
  const { uid, gid } = service.secretsOwner;
  return {
    image: service.image,
    args: literals(service.args),
    hostname: service.hostname,
    env: mapValues(service.environment, literal),
    ...(service.user === null ? {} : { user: service.user }),
    readOnly: service.readOnly,
    ...(service.dropsCapabilities ? { capDrop: ['ALL'] } : {}),
    // tmpfs without options: the provider panics over tmpfs_options.size_bytes (3.6).
    mounts: service.mounts.map((mount) =>
      mount.kind === 'bind'
        ? { type: 'bind', source: mount.source, target: mount.target, readOnly: false }
        : { type: 'tmpfs', target: mount.target, readOnly: false },
    ),
    secrets: service.secrets.map((file) => {
      const { id, name } = secrets.get(file)!;
      return { secretId: id, secretName: name, fileName: file, fileUid: uid, fileGid: gid, fileMode: OWNER_READS };
    }),
    configs: service.configs.map(({ name, target }) => ({
      configId: configs.get(name)!.id,
      configName: configs.get(name)!.name,
      fileName: target,
      fileUid: '0',
      fileGid: '0',
      fileMode: ALL_READ,
    })),
    healthcheck: healthcheck(service),
    ...(service.stopSignal === null ? {} : { stopSignal: service.stopSignal }),
    // A destroy waits that long for the containers of the manager's own host to be gone, and fails when they are not.
    stopGracePeriod: goDuration(service.stopGracePeriod),
  };
}

/** Without a test the image's own is asked, at these intervals; within the start period bad answers do not count. */
function healthcheck({ health }: SwarmService) {
  if (health.kind === 'none') return { test: ['NONE'] };
  return {
    test: [...health.test],
    interval: goDuration(health.interval),
    timeout: goDuration(health.timeout),
    retries: health.retries,
    startPeriod: goDuration(health.startPeriod),
  };
}

/**
 * Stop first: two processes on one drive would be one too many. Rollback, not pause: the engine then reports the old
 * specification, so that Terraform sees the difference at the next deploy; after a pause it sees none, takes the zone for updated and
 * goes on to break the next one.
 */
function updateSettings(): Pick<ServiceConfig, 'updateConfig' | 'rollbackConfig'> {
  const settings = {
    parallelism: 1,
    delay: '0s',
    monitor: '15s',
    // With its decimal, as the provider prints it.
    maxFailureRatio: '0.0',
    order: 'stop-first',
  };
  return {
    updateConfig: { ...settings, failureAction: 'rollback' },
    rollbackConfig: { ...settings, failureAction: 'pause' },
  };
}

function resourcesPart({ resources }: SwarmService): Pick<ServiceConfig['taskSpec'], 'resources'> {
  const { memoryLimitBytes, memoryReservationBytes, cpuLimit, cpuReservation } = resources;
  const limits = amounts(memoryLimitBytes, cpuLimit);
  const reservation = amounts(memoryReservationBytes, cpuReservation);
  if (limits === null && reservation === null) return {};
  return { resources: { ...(limits === null ? {} : { limits }), ...(reservation === null ? {} : { reservation }) } };
}

function amounts(memoryBytes: number | null, cpus: number | null): { memoryBytes?: number; nanoCpus?: number } | null {
  if (memoryBytes === null && cpus === null) return null;
  return {
    ...(memoryBytes === null ? {} : { memoryBytes }),
    ...(cpus === null ? {} : { nanoCpus: Math.round(cpus * 1e9) }),
  };
}

/**
 * Platforms: on a create the provider's client asks the registry and writes the platforms of the image into the service, on an
 * update it does not, so that they differ from any declaration sooner or later. Host network: the engine answers with an id of
 * its own for "host".
 */
function ignoredChanges(networkId: string | null): string[] {
  const platforms = 'task_spec[0].placement[0].platforms';
  return networkId === null ? [platforms, 'task_spec[0].networks_advanced'] : [platforms];
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
