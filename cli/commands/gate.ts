// `ashlar gate`: whether a node, or a whole zone, may be taken down now. What every rollout asks before it goes on, and what a
// person asks before pulling a plug. Exit 0 it may, 1 not now (each reason in a sentence), 2 bad input.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { askGate, type GateAnswer, type GateProps, type GateTarget, waitForGate } from '../../stacks/gate.ts';
import { requireNode, requireZone } from '../../stacks/local/addressing.ts';
import { nodeAddress, runningProcess } from '../../stacks/local/cluster-processes.ts';
import { adminToken } from '../../stacks/local/node-client.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions, jsonOption } from '../cluster-options.ts';
import type { CommandContext, CommandModule } from '../command.ts';
import { timeoutOption } from '../duration.ts';
import { UsageError } from '../errors.ts';

interface Options extends ClusterOptions {
  readonly node?: string;
  readonly zone?: string;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly endpoint?: readonly string[];
  readonly secretFile?: string;
  readonly json?: boolean;
}

const HELP = `
It may be taken down when, without it and without what is away already, every partition still has k shards of
everything and a write quorum, the cluster map has its keepers, and nothing waits to be healed.

Exit code: 0 it may be taken down, 1 not now (the reasons are printed), 2 bad input or no cluster.

Examples:
  ashlar gate --node a1                 ask once, about the local cluster
  ashlar gate --zone a --wait           wait until the zone may be taken down
  ashlar gate --zone a --endpoint https://s3.example.com --secret-file secrets/cluster-secret`;

export const define: CommandModule['define'] = (command, context) => {
  addOptions(command).action(async (options: Options) => {
    const target = targetOf(options);
    const props = await propsOf(context, target, options);
    const onBlocked = (reasons: readonly string[]) => context.note(blockedText(target, reasons, 'waiting'));
    const answer =
      options.wait === true
        ? await waitForGate(props, { timeoutMs: options.timeout, onBlocked })
        : await askGate(props);
    tell(context, target, answer, options);
  });
};

function addOptions(command: Command): Command {
  command
    .option('--node <name>', 'the node that is to be taken down')
    .option('--zone <name>', 'the zone, with all of its nodes at once')
    .option('--wait', 'ask until it may be taken down')
    .addOption(timeoutOption('with --wait, for how long', '10m'))
    .option('--endpoint <url>', 'ask this cluster instead of the local one; may be given again', collect)
    .option('--secret-file <file>', 'with --endpoint: the file that holds its cluster secret');
  return addClusterOptions(command).addOption(jsonOption()).addHelpText('after', HELP);
}

function targetOf({ node, zone }: Options): GateTarget {
  if (node !== undefined && zone === undefined) return { node };
  if (zone !== undefined && node === undefined) return { zone };
  throw new UsageError('say what is to be taken down: either --node NAME or --zone NAME');
}

async function propsOf(context: CommandContext, target: GateTarget, options: Options): Promise<GateProps> {
  const { endpoint, secretFile } = options;
  if (endpoint !== undefined) {
    if (secretFile === undefined) throw new UsageError('with --endpoint, say with --secret-file where its secret is');
    const secret = readSecret(resolve(context.workingDirectory, secretFile), secretFile);
    return { target, endpoints: endpoint, token: adminToken(secret) };
  }
  if (secretFile !== undefined) throw new UsageError('--secret-file is for --endpoint; the local cluster has its own');
  const cluster = await findCluster(context.workingDirectory, options);
  const own = 'node' in target ? [requireNode(cluster, target.node)] : requireZone(cluster, target.zone);
  const running = cluster.state.spec.nodes.map(({ name }) => name).filter((name) => runningProcess(cluster, name));
  if (running.length === 0) throw new UsageError(`${cluster.state.spec.name} does not run; "ashlar up" starts it`);
  // Those that stay have the say; what is to go is asked only when nobody else is there.
  const order = [...running.filter((name) => !own.includes(name)), ...running.filter((name) => own.includes(name))];
  const endpoints = order.map((name) => nodeAddress(cluster, name)).map(({ host, port }) => `http://${host}:${port}`);
  return { target, endpoints, token: adminToken(cluster.clusterSecret) };
}

function tell(context: CommandContext, target: GateTarget, answer: GateAnswer, { json, wait }: Options): void {
  if (answer.kind === 'refused') throw new UsageError(answer.message);
  const isClear = answer.kind === 'clear';
  const reasons = isClear ? [] : answer.reasons;
  if (json === true) context.print(JSON.stringify({ ...target, clear: isClear, reasons }, null, 2));
  else if (isClear) context.print(`${nameOf(target)} may be taken down now.`);
  else context.print(blockedText(target, reasons, wait === true ? 'gave up' : 'not now'));
  context.setExitCode(isClear ? 0 : 1);
}

function blockedText(
  target: GateTarget,
  reasons: readonly string[],
  manner: 'waiting' | 'gave up' | 'not now',
): string {
  const remark = { waiting: ' (waiting)', 'gave up': ', and the time to wait is over', 'not now': '' }[manner];
  return [`${nameOf(target)} must stay up for now${remark}:`, ...reasons.map((reason) => `  - ${reason}`)].join('\n');
}

const nameOf = (target: GateTarget) => ('node' in target ? `Node ${target.node}` : `Zone ${target.zone}`);

function readSecret(path: string, shown: string): string {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
  } catch (error) {
    throw new UsageError(`${shown} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UsageError(`${shown} is empty; it must hold the cluster secret`);
}

function collect(text: string, before: readonly string[] = []): string[] {
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isUrl) throw new InvalidArgumentError('Write a URL as http://HOST:PORT or https://HOST.');
  return [...before, text];
}
