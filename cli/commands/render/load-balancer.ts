// `ashlar render load-balancer`: configuration files for HAProxy and nginx in front of the nodes of a spec. Exit code 0 when the
// files are there as they should be, 2 when none could be made or one would overwrite what somebody else wrote; then nothing changed.
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { makePlan } from '../../../plan/make-plan.ts';
import { ADDRESS_PATTERN, splitAddress } from '../../../spec/quantities.ts';
import type { SocketAddress, Tls } from '../../../stacks/load-balancer/load-balancer.ts';
import { BALANCER_KINDS, type BalancerKind, renderLoadBalancer } from '../../../stacks/load-balancer/render.ts';
import { parsePort } from '../../cluster-options.ts';
import type { CommandModule } from '../../command.ts';
import { UsageError } from '../../errors.ts';
import { reportRendered, writeRendered } from '../../rendered-files.ts';
import { loadSpec } from '../../spec-file.ts';

interface Options {
  readonly out: string;
  readonly kind: BalancerKind;
  readonly file?: string;
  readonly listen?: SocketAddress;
  readonly certificate?: string;
  readonly tlsPassthrough?: boolean;
  readonly zone?: string;
  readonly stats: SocketAddress;
  readonly nodeAddress?: string;
  readonly nameServer?: readonly SocketAddress[];
  readonly force?: boolean;
}

const STATS: SocketAddress = { host: '127.0.0.1', port: 8404 };

const PLAIN_NODES =
  "Ashlar's nodes speak plain HTTP: with --tls-passthrough something that ends TLS must listen at each node's address.";

const HELP = `
Exit code: 0 the files are there, 2 bad input, or a file is in the way that was not rendered here (nothing is changed then).

Examples:
  ashlar render load-balancer --out lb -f cluster.yaml
  ashlar render load-balancer --out lb --kind haproxy --certificate /etc/ssl/s3.pem --zone a
  ashlar render load-balancer --out lb --kind haproxy --node-address {node}     on Swarm: services named like the nodes

What each choice is for: docs/operations/load-balancer.md`;

export const define: CommandModule['define'] = (command, context) => {
  addOptions(command).action((options: Options) => {
    const { spec } = loadSpec(context.workingDirectory, options.file);
    const files = renderLoadBalancer(makePlan(spec), options.kind, {
      listen: options.listen ?? null,
      tls: tlsOf(options),
      zone: options.zone ?? null,
      stats: options.stats,
      nodeAddress: options.nodeAddress ?? null,
      nameServers: options.nameServer ?? [],
    });
    const outcome = writeRendered({
      workingDirectory: context.workingDirectory,
      out: options.out,
      files,
      force: options.force === true,
    });
    reportRendered(context, outcome);
    if (options.tlsPassthrough === true && spec.engine === 'ashlar') context.note(PLAIN_NODES);
  });
};

function addOptions(command: Command): Command {
  return command
    .requiredOption('-o, --out <directory>', 'where the files go')
    .addOption(new Option('-k, --kind <kind>', 'for which program').choices(BALANCER_KINDS).default('both'))
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .option('--listen <address>', "[HOST:]PORT for clients (default: the port of the spec's endpoint)", parseAddress)
    .option(
      '--certificate <file>',
      'end TLS there: PEM with certificate, chain and key, on the machine of the balancer',
    )
    .option('--tls-passthrough', 'pass TLS on to the nodes, which must then speak it')
    .option('--zone <name>', 'the zone that the balancer is in: prefer its nodes while enough of them are ready')
    .option('--stats <address>', '[HOST:]PORT for statistics; HOST is this machine alone by default', parseStats, STATS)
    .option(
      '--node-address <pattern>',
      'HOST[:PORT] of a node with {node}, {zone} or {host} in it (default: of the spec)',
    )
    .option('--name-server <address>', 'HOST[:PORT] to ask for names of nodes; may be given again', collectServer)
    .option('--force', 'overwrite files that were changed since, or are not from here')
    .addHelpText('after', HELP);
}

function tlsOf({ certificate, tlsPassthrough }: Options): Tls {
  if (certificate !== undefined && tlsPassthrough === true) {
    throw new UsageError(
      'TLS either ends at the balancer (--certificate) or is passed on (--tls-passthrough), not both',
    );
  }
  if (certificate !== undefined) return { kind: 'terminate', certificatePath: certificate };
  return { kind: tlsPassthrough === true ? 'passthrough' : 'none' };
}

function parseAddress(text: string): SocketAddress {
  if (/^[0-9]+$/.test(text)) return { host: null, port: parsePort(text) };
  const { host, port } = ADDRESS_PATTERN.test(text) ? splitAddress(text) : { host: '', port: null };
  if (port === null) throw new InvalidArgumentError('Write PORT or HOST:PORT, for instance 9000 or 10.0.0.5:9000.');
  return { host, port: parsePort(String(port)) };
}

/** Statistics are for everybody on the network only when that was said. */
function parseStats(text: string): SocketAddress {
  const { host, port } = parseAddress(text);
  return { host: host ?? STATS.host, port };
}

function collectServer(text: string, before: readonly SocketAddress[] = []): SocketAddress[] {
  const { host, port } = ADDRESS_PATTERN.test(text) ? splitAddress(text) : { host: '', port: null };
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) === 0) {
    throw new InvalidArgumentError('Write the IP address of a name server, for instance 127.0.0.11 or 10.0.0.2:53.');
  }
  return [...before, { host, port: parsePort(String(port ?? 53)) }];
}
