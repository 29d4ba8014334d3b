// `ashlar up`: starts the cluster of a spec on this machine and says how to use it; attached it stays and reports what happens.
import { type BroughtUp, bringUp, type UpEvent } from '../../stacks/local/bring-up.ts';
import { endpointUrl } from '../../stacks/local/cluster-processes.ts';
import type { LocalCluster } from '../../stacks/local/data-directory.ts';
import { localStatus } from '../../stacks/local/local-status.ts';
import { takeDown } from '../../stacks/local/take-down.ts';
import { directoryFor } from '../cluster-directory.ts';
import { addClusterOptions, type ClusterOptions, jsonOption, parsePort } from '../cluster-options.ts';
import type { CommandContext, CommandModule } from '../command.ts';
import { displayPath } from '../display-path.ts';
import { type LoadedSpec, loadSpec } from '../spec-file.ts';
import { watchCluster } from '../watch.ts';
import { welcomeText } from '../welcome-text.ts';
import { downEventText } from './down.ts';

interface Options extends ClusterOptions {
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly port?: number;
}

const WATCH_INTERVAL_MS = 1_000;
/** One Ctrl-C may arrive several times, from the terminal and from every program between it and us. */
const SECOND_INTERRUPT_AFTER_MS = 1_500;

export const define: CommandModule['define'] = (command, context) => {
  addClusterOptions(command)
    .option('-d, --detach', 'return when it is ready, and leave it running')
    .option('-p, --port <port>', 'of the endpoint (default: the one it had, else the spec’s, else 9000)', parsePort)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nStarting what runs already changes nothing; of a half-started cluster the missing nodes are started.',
    )
    .action((options: Options) => up(options, context));
};

async function up(options: Options, context: CommandContext): Promise<void> {
  const interrupts = new Interrupts(context);
  const loaded = loadSpec(context.workingDirectory, options.file);
  const directory = directoryFor(context.workingDirectory, loaded.spec.name, options.data);
  const where = displayPath(context.workingDirectory, directory);
  context.note(introduction(loaded, where));
  const startedAtMs = performance.now();
  const result = await bringUp({
    directory,
    spec: loaded.spec,
    specDirectory: loaded.directory,
    port: options.port ?? null,
    programs: context.programs,
    onEvent: (event) => context.note(upEventText(event)),
    signal: interrupts.first,
  });
  const nothingToDo = result.nodesStarted.length === 0 && !result.endpointStarted;
  const attached = !nothingToDo && options.detach !== true;
  context.note(nothingToDo ? `${loaded.spec.name} is running already.` : readyText(performance.now() - startedAtMs));
  context.print(options.json === true ? jsonText(result) : `\n${welcome(result.cluster, options, where, attached)}`);
  if (attached) await stayAttached(result.cluster, interrupts, context);
}

async function stayAttached(cluster: LocalCluster, interrupts: Interrupts, context: CommandContext): Promise<void> {
  const outcome = await watchCluster({
    look: () => localStatus(cluster),
    say: (line) => context.note(`${new Date().toTimeString().slice(0, 8)} ${line}`),
    intervalMs: WATCH_INTERVAL_MS,
    signal: interrupts.first,
  });
  if (outcome === 'stopped') {
    context.note('The cluster was stopped by another command.');
    return;
  }
  const onEvent = (event: Parameters<typeof downEventText>[0]) => context.note(downEventText(event));
  await takeDown({ cluster, purge: false, hurry: interrupts.second, onEvent });
  const where = displayPath(context.workingDirectory, cluster.directory);
  context.note(`Stopped. Its data stays in ${where}; the same command brings it back.`);
}

/** Tells the first wish to stop from the second, more impatient one. */
class Interrupts {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  #firstAtMs = 0;

  constructor(context: CommandContext) {
    context.onInterrupt(() => {
      if (!this.#first.signal.aborted) {
        this.#firstAtMs = performance.now();
        this.#first.abort(new Interrupted());
      } else if (performance.now() - this.#firstAtMs > SECOND_INTERRUPT_AFTER_MS) {
        this.#second.abort(new Interrupted());
      }
    });
  }

  get first(): AbortSignal {
    return this.#first.signal;
  }

  get second(): AbortSignal {
    return this.#second.signal;
  }
}

class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly kind = 'failure';
  constructor() {
    super('interrupted; what was started is stopped again');
  }
}

function introduction({ spec, fileName }: LoadedSpec, where: string): string {
  const drives = spec.nodes.reduce((sum, node) => sum + node.drives.length, 0);
  const scheme = `${spec.erasure.k}+${spec.erasure.m}`;
  return `${spec.name} (${fileName}): ${scheme} on ${spec.nodes.length} nodes in ${spec.zones.length} zones, ${drives} drives; data in ${where}`;
}

function upEventText(event: UpEvent): string {
  switch (event.kind) {
    case 'creating':
      return 'Making a new cluster with random credentials …';
    case 'starting':
      return event.running.length === 0
        ? `Starting ${event.nodes.join(', ')} …`
        : `${event.running.join(', ')} run; starting ${event.nodes.join(', ')} …`;
    case 'ready':
      return `  ${event.node} is ready (${(event.afterMs / 1_000).toFixed(1)} s)`;
  }
}

function readyText(afterMs: number): string {
  return `Ready in ${(afterMs / 1_000).toFixed(1)} s.`;
}

function welcome(cluster: LocalCluster, options: Options, where: string, attached: boolean): string {
  const { spec } = cluster.state;
  // Other commands, too, look for the cluster of this directory first.
  const isDefault = options.data === undefined && options.file === undefined;
  return welcomeText({
    endpoint: endpointUrl(cluster),
    region: spec.region,
    ...cluster.credentials,
    dataOption: isDefault ? '' : ` --data ${where}`,
    zone: spec.zones[0]!,
    attached,
  });
}

function jsonText({ cluster, nodesStarted, endpointStarted }: BroughtUp): string {
  const { spec, nodePorts } = cluster.state;
  return JSON.stringify(
    {
      name: spec.name,
      directory: cluster.directory,
      endpoint: endpointUrl(cluster),
      region: spec.region,
      ...cluster.credentials,
      nodes: spec.nodes.map(({ name, zone }) => ({ name, zone, port: nodePorts[name] })),
      nodesStarted,
      alreadyRunning: nodesStarted.length === 0 && !endpointStarted,
    },
    null,
    2,
  );
}
