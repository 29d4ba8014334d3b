// `ashlar testbed swarm`: a Docker Swarm of several hosts.
import type { Command } from 'commander';
import { ensureProvider } from '../../../stacks/testbed/swarm/terraform-provider.ts';
import {
  bringUpSwarm,
  clientCommand,
  killHost,
  reviveHost,
  type SwarmStatus,
  swarmStatus,
  takeDownSwarm,
} from '../../../stacks/testbed/swarm/testbed.ts';
import { jsonOption } from '../../cluster-options.ts';
import type { CommandContext, CommandModule } from '../../command.ts';
import { tableLines } from '../../table.ts';
import { named, type ShapeOptions, shapeOf, type TestbedOptions, withShape } from './options.ts';
import { runHere } from './run-here.ts';

const HELP = `
Every host is a set of namespaces with a docker engine, a zone label (node.labels.zone) and its own disks at
/mnt/d1 … /mnt/d4. Needs root, and Debian's docker.io and docker-registry; says what is missing. Nothing is made in
the machine's own network, so hosts are reached through "exec".

Exit code: 0 done (status: all is on), 1 it failed (status: something is off), 2 bad input, or something is missing.

Examples:
  sudo ashlar testbed swarm up
  eval "$(sudo ashlar testbed swarm env)"               DOCKER_HOST and REGISTRY
  eval "$(ashlar testbed swarm provider)"               TF_CLI_CONFIG_FILE, where Terraform's registry is out of reach
  sudo ashlar testbed swarm exec -- curl http://10.77.0.11:9000/_ashlar/health/ready
  sudo ashlar testbed swarm kill-host h2
  sudo ashlar testbed swarm down`;

const DEFAULT_NAME = 'swarm';
export const define: CommandModule['define'] = (command, context) => {
  const swarm = command.addHelpText('after', HELP);
  defineUp(named(swarm, DEFAULT_NAME, 'up', 'Make it, or repair it.'), context);
  named(swarm, DEFAULT_NAME, 'status', 'Show what is on.')
    .addOption(jsonOption())
    .action(async ({ name, json }: TestbedOptions) => tellStatus(context, await swarmStatus(name), json === true));
  named(swarm, DEFAULT_NAME, 'env', 'Print DOCKER_HOST and REGISTRY for a shell.').action(
    async ({ name }: TestbedOptions) => {
      const { dockerHost, layout } = await swarmStatus(name);
      context.print(`export DOCKER_HOST=${dockerHost ?? ''}\nexport REGISTRY=${layout.registry}`);
    },
  );
  named(swarm, DEFAULT_NAME, 'down', 'Remove everything that it made.').action(async ({ name }: TestbedOptions) => {
    await takeDownSwarm(name);
    context.print(`Testbed ${name} is gone.`);
  });
  named(swarm, DEFAULT_NAME, 'kill-host', 'Turn a host off, as by pulling its plug.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: TestbedOptions) => {
      await killHost(name, host);
      context.print(`Host ${host} is off; its disks stay as they are.`);
    });
  named(swarm, DEFAULT_NAME, 'revive-host', 'Turn it on again.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: TestbedOptions) => {
      await reviveHost(name, host);
      context.print(`Host ${host} is on.`);
    });
  swarm
    .command('provider')
    .description('Where registry.terraform.io cannot be reached: build its Docker provider with Go, once.')
    .action(async () => {
      const file = await ensureProvider(() =>
        context.note('building the Docker provider for Terraform (some minutes) …'),
      );
      context.print(
        file === null ? '# registry.terraform.io answers: nothing to set' : `export TF_CLI_CONFIG_FILE=${file}`,
      );
    });
  named(swarm, DEFAULT_NAME, 'exec', 'Run a command where the clients of the testbed are.')
    .argument('<command...>', 'after --')
    .action(async (words: string[], { name }: TestbedOptions) => {
      if ((await runHere([...clientCommand(name), ...words])) !== 0) context.setExitCode(1);
    });
};

function defineUp(command: Command, context: CommandContext): void {
  withShape(command)
    .addOption(jsonOption())
    .action(async (options: ShapeOptions) => {
      const status = await bringUpSwarm(shapeOf(options), (step) => context.note(`${step} …`));
      tellStatus(context, status, options.json === true);
    });
}

function tellStatus(context: CommandContext, status: SwarmStatus, json: boolean): void {
  context.print(json ? statusJson(status) : statusText(status));
  const isWhole = status.isRegistryOn && status.hosts.every(({ isOn, state }) => isOn && state === 'ready');
  if (!isWhole) context.setExitCode(1);
}

function statusText({ layout, hosts, isRegistryOn, dockerHost }: SwarmStatus): string {
  const columns = ['host', 'zone', 'address', 'engine', 'swarm', 'DOCKER_HOST'].map((title) => ({ title }));
  const rows = hosts.map(({ host, isOn, state }) => [
    host.name,
    host.zone,
    host.address,
    isOn ? 'on' : 'off',
    `${state ?? '?'}${host.isManager ? ', manager' : ''}`,
    host.dockerHost,
  ]);
  return [
    ...tableLines(columns, rows),
    '',
    `registry ${layout.registry} (${isRegistryOn ? 'on' : 'off'})`,
    ...(dockerHost === null ? ['no manager is on'] : [`export DOCKER_HOST=${dockerHost}`]),
  ].join('\n');
}

/** For programs: what a stack needs to deploy to it. */
function statusJson({ layout, hosts, isRegistryOn, dockerHost }: SwarmStatus): string {
  return JSON.stringify(
    {
      name: layout.name,
      dockerHost,
      registry: layout.registry,
      isRegistryOn,
      clientNamespace: layout.client.namespace,
      hosts: hosts.map(({ host: { name, zone, address, isManager, dockerHost: own }, isOn, state }) => ({
        ...{ name, zone, address, isManager, dockerHost: own, isOn, state },
      })),
    },
    null,
    2,
  );
}
