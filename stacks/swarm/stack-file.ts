// The same stack as a file for `docker stack deploy`, for those who have no Terraform. It keeps everything but the order: Swarm
// updates all services of a stack at once, so after the first deploy the services are updated zone by zone by hand, each after
// `ashlar swarm gate` (docs/operations/swarm.md). Pure.
import { stringify } from 'yaml';
import type { SwarmService, SwarmStack } from './swarm-stack.ts';

export const STACK_FILE = 'stack.yaml';

/** Texts by file name: the stack, and what it mounts as configs. Secrets are external: a file is no place for them. */
export function renderStackFile(stack: SwarmStack): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { name, text } of stack.configs) files.set(configFile(name), text);
  const document = {
    // The newest version of the file format that docker stack deploy knows.
    version: '3.8',
    services: Object.fromEntries(stack.services.map((service) => [keyOf(service, stack), serviceOf(service, stack)])),
    networks: networksOf(stack),
    ...(stack.secrets.length === 0
      ? {}
      : { secrets: Object.fromEntries(stack.secrets.map(({ file, name }) => [file, { external: true, name }])) }),
    ...(stack.configs.length === 0
      ? {}
      : {
          configs: Object.fromEntries(stack.configs.map(({ name }) => [name, { file: `./${configFile(name)}`, name }])),
        }),
  };
  files.set(STACK_FILE, `${introduction(stack)}\n${stringify(document, { compat: 'yaml-1.1', lineWidth: 0 })}`);
  return files;
}

function introduction({ cluster, secrets }: SwarmStack): string {
  return [
    `# The storage cluster ${cluster}, rendered by "ashlar render swarm": change the spec or cdktf.json and render it again.`,
    '# Its secrets have to be there first:',
    ...secrets.map(({ name, file }) => `#   docker secret create ${name} FILE      ${file}`),
    `# docker stack deploy --with-registry-auth --resolve-image never -c ${STACK_FILE} ${cluster}`,
    '# A deploy over a running cluster would update all zones at once. Update the services of one zone after the other instead,',
    '# each after "ashlar swarm gate --zone ZONE" has said yes.',
  ].join('\n');
}

function networksOf({ network }: SwarmStack) {
  if (network === null) return { hosts: { external: true, name: 'host' } };
  return {
    nodes: {
      name: network.name,
      driver: 'overlay',
      driver_opts: { 'com.docker.network.driver.mtu': String(network.mtu) },
      ipam: { config: [{ subnet: network.subnet }] },
    },
  };
}

function serviceOf(service: SwarmService, stack: SwarmStack) {
  return {
    image: service.image,
    hostname: service.hostname,
    command: service.args.map(composeLiteral),
    environment: Object.fromEntries(
      Object.entries(service.environment).map(([name, value]) => [name, composeLiteral(value)]),
    ),
    ...(service.user === null ? {} : { user: service.user }),
    ...(service.readOnly ? { read_only: true } : {}),
    ...(service.dropsCapabilities ? { cap_drop: ['ALL'] } : {}),
    volumes: service.mounts.map((mount) =>
      mount.kind === 'bind'
        ? { type: 'bind', source: mount.source, target: mount.target }
        : { type: 'tmpfs', target: mount.target },
    ),
    networks: stack.network === null ? { hosts: {} } : { nodes: { aliases: [...service.aliases] } },
    ...(service.ports.length === 0
      ? {}
      : {
          ports: service.ports.map(({ target, published }) => ({ target, published, protocol: 'tcp', mode: 'host' })),
        }),
    ...(service.secrets.length === 0
      ? {}
      : {
          secrets: service.secrets.map((file) => ({
            source: file,
            target: file,
            ...service.secretsOwner,
            mode: 0o400,
          })),
        }),
    ...(service.configs.length === 0
      ? {}
      : { configs: service.configs.map(({ name, target }) => ({ source: name, target, mode: 0o444 })) }),
    healthcheck: healthcheckOf(service),
    ...(service.stopSignal === null ? {} : { stop_signal: service.stopSignal }),
    stop_grace_period: service.stopGracePeriod,
    logging: { driver: service.logging.driver, options: service.logging.options },
    deploy: deployOf(service),
  };
}

/** `docker stack deploy` puts the stack's name before it. */
function keyOf({ name }: SwarmService, { cluster }: SwarmStack): string {
  return name.slice(cluster.length + 1);
}

/** Without a test the image's own is asked. */
function healthcheckOf({ health }: SwarmService) {
  if (health.kind === 'none') return { test: ['NONE'] };
  const test = health.test.length === 0 ? {} : { test: [...health.test] };
  const { interval, timeout, retries, startPeriod } = health;
  return { ...test, interval, timeout, retries, start_period: startPeriod };
}

function deployOf({ constraints, labels, resources }: SwarmService) {
  const update = { parallelism: 1, delay: '0s', monitor: '15s', max_failure_ratio: 0, order: 'stop-first' };
  const amounts = (memoryBytes: number | null, cpus: number | null) => ({
    ...(memoryBytes === null ? {} : { memory: `${memoryBytes}b` }),
    ...(cpus === null ? {} : { cpus: String(cpus) }),
  });
  const limits = amounts(resources.memoryLimitBytes, resources.cpuLimit);
  const reservations = amounts(resources.memoryReservationBytes, resources.cpuReservation);
  const parts = {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(reservations).length === 0 ? {} : { reservations }),
  };
  return {
    mode: 'replicated',
    replicas: 1,
    endpoint_mode: 'dnsrr',
    labels,
    placement: { constraints: [...constraints] },
    restart_policy: { condition: 'any', delay: '5s' },
    update_config: { ...update, failure_action: 'rollback' },
    rollback_config: { ...update, failure_action: 'pause' },
    ...(Object.keys(parts).length === 0 ? {} : { resources: parts }),
  };
}

/** A dollar sign begins a variable in such a file; doubled it is one. */
function composeLiteral(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function configFile(name: string): string {
  return `${name.replace(/-[0-9a-f]{12}$/, '')}.cfg`;
}
