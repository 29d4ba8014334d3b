// `ashlar scrub`: has every node of the local cluster read and verify everything on its drives now, and with --wait says how that
// ended. Exit 0 begun (with --wait: everything is fine), 1 something is not repaired or did not answer, 2 no cluster.
import { setTimeout as delay } from 'node:timers/promises';
import type { ScrubReport } from '../../node/admin/status.ts';
import { nodeAddress, runningProcess } from '../../stacks/local/cluster-processes.ts';
import type { LocalCluster } from '../../stacks/local/data-directory.ts';
import { localStatus } from '../../stacks/local/local-status.ts';
import { startScrub } from '../../stacks/local/node-client.ts';
import { findCluster } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions, jsonOption } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { timeoutOption } from '../duration.ts';
import { UsageError } from '../errors.ts';
import { bytesText } from '../table.ts';

interface Options extends ClusterOptions {
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

const ASK_TIMEOUT_MS = 10_000;
const POLL_MS = 500;

export const define: CommandModule['define'] = (command, context) => {
  command
    .option('--wait', 'until every drive has been read and what was found is repaired')
    .addOption(timeoutOption('with --wait, for how long', '1h'));
  addClusterOptions(command)
    .addOption(jsonOption())
    .addHelpText('after', '\nExit code: 0 begun, or with --wait all is fine; 1 something is not; 2 no cluster runs.')
    .action(async (options: Options) => {
      const cluster = await findCluster(context.workingDirectory, options);
      const { started, silent } = await begin(cluster);
      if (options.wait !== true) {
        if (options.json === true) context.print(JSON.stringify({ started, silent }, null, 2));
        else context.print(`Scrubbing began on ${started.join(', ')}.${silentText(silent)}`);
        context.setExitCode(silent.length === 0 ? 0 : 1);
        return;
      }
      context.note(`Scrubbing on ${started.join(', ')} …${silentText(silent)}`);
      const drives = await untilDone(cluster, options.timeout);
      if (options.json === true) context.print(JSON.stringify({ started, silent, drives }, null, 2));
      else context.print(outcomeText(drives));
      context.setExitCode(silent.length === 0 && drives.every(isDone) ? 0 : 1);
    });
};

async function begin(cluster: LocalCluster): Promise<{ started: string[]; silent: string[] }> {
  const running = cluster.state.spec.nodes.map(({ name }) => name).filter((name) => runningProcess(cluster, name));
  for (const name of running) {
    const answer = await startScrub(nodeAddress(cluster, name), cluster.clusterSecret, ASK_TIMEOUT_MS);
    if (answer !== null) return answer;
  }
  throw new UsageError(`no node of ${cluster.state.spec.name} answers; "ashlar up" starts it`);
}

/** The last word of every drive. */
async function untilDone(cluster: LocalCluster, timeoutMs: number): Promise<readonly ScrubReport[]> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const { report } = await localStatus(cluster);
    const drives = report?.nodes.flatMap((node) => node.scrub) ?? [];
    if ((drives.length > 0 && drives.every(isDone)) || performance.now() >= endMs) return drives;
    await delay(POLL_MS);
  }
}

const isDone = ({ isRunning, unrepaired }: ScrubReport) => !isRunning && unrepaired.length === 0;

function outcomeText(drives: readonly ScrubReport[]): string {
  const sum = (pick: (drive: ScrubReport) => number) => drives.reduce((total, drive) => total + pick(drive), 0);
  const read = bytesText(sum(({ passReadBytes }) => passReadBytes));
  const found = sum(({ errorsFound }) => errorsFound);
  const repaired = sum(({ errorsRepaired }) => errorsRepaired);
  const running = drives.filter(({ isRunning }) => isRunning).map(({ slot }) => slot);
  return [
    `${drives.length} drives, ${read} read and verified in this pass.`,
    `Since the nodes started: ${found} damaged, ${repaired} repaired.`,
    ...(running.length === 0 ? [] : [`Not through yet: ${running.join(', ')}`]),
    ...drives.flatMap(({ unrepaired }) => unrepaired.map((text) => `  - ${text}`)),
  ].join('\n');
}

const silentText = (silent: readonly string[]) => (silent.length === 0 ? '' : ` No answer from ${silent.join(', ')}.`);
