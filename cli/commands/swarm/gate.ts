// `ashlar swarm gate`: what Terraform runs before it touches the services of a zone. Needs no spec, only what it is told. Exit 0 go
// on, 1 not now, and the time to wait is over, 2 bad input.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { Docker } from '../../../stacks/docker.ts';
import type { GateTarget } from '../../../stacks/gate.ts';
import { adminToken } from '../../../stacks/local/node-client.ts';
import { readHosts, readServices } from '../../../stacks/swarm/swarm-facts.ts';
import { waitForSwarmGate } from '../../../stacks/swarm/swarm-gate.ts';
import type { CommandModule } from '../../command.ts';
import { timeoutOption } from '../../duration.ts';
import { UsageError } from '../../errors.ts';
import { addHostOption, type HostOptions } from './project-options.ts';

interface Options extends HostOptions {
  readonly zone?: string;
  readonly node?: string;
  readonly cluster: string;
  readonly nodes: number;
  readonly service: readonly string[];
  readonly secretFile: string;
  readonly endpoint?: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

export const define: CommandModule['define'] = (command, context) => {
  addHostOption(command)
    .option('--zone <name>', 'the zone whose services are to be touched')
    .option('--node <name>', 'the node whose service is to be touched')
    .requiredOption('--cluster <name>', 'of the cluster')
    .requiredOption('--nodes <count>', 'how many nodes the cluster has', parseCount)
    .requiredOption('--service <name>', 'a service that is to be touched; may be given again', collect)
    .requiredOption('--secret-file <file>', 'holds the cluster secret')
    .option('--endpoint <url>', 'where to ask, instead of the published ports; may be given again', collect)
    .addOption(timeoutOption('for how long', '30m'))
    .action(async (options: Options) => {
      const target = targetOf(options);
      const name = 'zone' in target ? `Zone ${target.zone}` : `Node ${target.node}`;
      const docker = new Docker(options.dockerHost ?? null);
      const answer = await waitForSwarmGate({
        target,
        asked: options.service,
        nodeCount: options.nodes,
        services: await readServices(docker, options.cluster),
        hosts: await readHosts(docker),
        endpoints: options.endpoint ?? [],
        token: adminToken(secretOf(resolve(context.workingDirectory, options.secretFile), options.secretFile)),
        timeoutMs: options.timeout,
        onBlocked: (reasons) => context.note(blockedText(`${name} must stay up for now (waiting)`, reasons)),
      });
      switch (answer.kind) {
        case 'clear':
          context.print(`${name} may be taken down now.`);
          return;
        case 'nothing-to-protect':
          context.print(`${name}: ${answer.message}.`);
          return;
        case 'refused':
          throw new UsageError(answer.message);
        case 'blocked':
          context.print(blockedText(`${name} must stay up, and the time to wait is over`, answer.reasons));
          context.setExitCode(1);
      }
    });
};

function targetOf({ zone, node }: Options): GateTarget {
  if (zone !== undefined && node === undefined) return { zone };
  if (node !== undefined && zone === undefined) return { node };
  throw new UsageError('say what is to be touched: either --zone NAME or --node NAME');
}

function blockedText(headline: string, reasons: readonly string[]): string {
  return [`${headline}:`, ...reasons.map((reason) => `  - ${reason}`)].join('\n');
}

function secretOf(path: string, shown: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`${shown} cannot be read: ${(error as Error).message}`);
  }
}

function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new InvalidArgumentError('A number of nodes.');
  return Number(text);
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
