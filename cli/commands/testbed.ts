// `ashlar testbed`: a real multi-host cluster on one Linux machine, to deploy to and to break: for trying out, for tests, for CI.
import { spawn } from 'node:child_process';
import { type Command, InvalidArgumentError } from 'commander';
import { ensureProvider } from '../../stacks/testbed/terraform-provider.ts';
import {
  bringUpTestbed,
  clientCommand,
  killHost,
  reviveHost,
  type TestbedStatus,
  takeDownTestbed,
  testbedStatus,
} from '../../stacks/testbed/testbed.ts';
import { jsonOption } from '../cluster-options.ts';
import type { CommandContext, CommandModule } from '../command.ts';
import { tableLines } from '../table.ts';

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
const DEFAULT_HOSTS = 4;

interface Options {
  readonly name: string;
  readonly json?: boolean;
}

interface UpOptions extends Options {
  readonly hosts: number;
  readonly zones?: number;
}

export const define: CommandModule['define'] = (command, context) => {
  const swarm = command.command('swarm').description('A Docker Swarm.').addHelpText('after', HELP);
  defineUp(named(swarm, 'up', 'Make it, or repair it.'), context);
  named(swarm, 'status', 'Show what is on.')
    .addOption(jsonOption())
    .action(async ({ name, json }: Options) => tellStatus(context, await testbedStatus(name), json === true));
  named(swarm, 'env', 'Print DOCKER_HOST and REGISTRY for a shell.').action(async ({ name }: Options) => {
    const { dockerHost, layout } = await testbedStatus(name);
    context.print(`export DOCKER_HOST=${dockerHost ?? ''}\nexport REGISTRY=${layout.registry}`);
  });
  named(swarm, 'down', 'Remove everything that it made.').action(async ({ name }: Options) => {
    await takeDownTestbed(name);
    context.print(`Testbed ${name} is gone.`);
  });
  named(swarm, 'kill-host', 'Turn a host off, as by pulling its plug.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: Options) => {
      await killHost(name, host);
      context.print(`Host ${host} is off; its disks stay as they are.`);
    });
  named(swarm, 'revive-host', 'Turn it on again.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: Options) => {
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
  named(swarm, 'exec', 'Run a command where the clients of the testbed are.')
    .argument('<command...>', 'after --')
    .action(async (words: string[], { name }: Options) => {
      const [program, ...args] = [...clientCommand(name), ...words];
      if ((await runHere(program!, args)) !== 0) context.setExitCode(1);
    });
};

function named(swarm: Command, command: string, description: string): Command {
  return swarm
    .command(command)
    .description(description)
    .option('--name <name>', 'of the testbed, where there are several', DEFAULT_NAME);
}

function defineUp(command: Command, context: CommandContext): void {
  command
    .option('--hosts <number>', 'how many', parseCount, DEFAULT_HOSTS)
    .option('--zones <number>', 'in how many zones (default: each host in its own)', parseCount)
    .addOption(jsonOption())
    .action(async ({ name, hosts, zones, json }: UpOptions) => {
      const shape = { name, hostCount: hosts, zoneCount: zones ?? hosts };
      const status = await bringUpTestbed(shape, (step) => context.note(`${step} …`));
      tellStatus(context, status, json === true);
    });
}

function tellStatus(context: CommandContext, status: TestbedStatus, json: boolean): void {
  context.print(json ? statusJson(status) : statusText(status));
  const isWhole = status.isRegistryOn && status.hosts.every(({ isOn, state }) => isOn && state === 'ready');
  if (!isWhole) context.setExitCode(1);
}

function statusText({ layout, hosts, isRegistryOn, dockerHost }: TestbedStatus): string {
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
function statusJson({ layout, hosts, isRegistryOn, dockerHost }: TestbedStatus): string {
  return JSON.stringify(
    {
      name: layout.name,
      dockerHost,
      registry: layout.registry,
      isRegistryOn,
      clientNamespace: layout.clientNamespace,
      hosts: hosts.map(({ host: { name, zone, address, isManager, dockerHost: own }, isOn, state }) => ({
        ...{ name, zone, address, isManager, dockerHost: own, isOn, state },
      })),
    },
    null,
    2,
  );
}

function runHere(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 128));
  });
}

function parseCount(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}
