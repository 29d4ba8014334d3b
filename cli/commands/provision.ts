// `ashlar provision`: the way of a rack from a spec to a Swarm or a Kubernetes that a cluster can be deployed to. Each step looks first at
// what is there, so it may be run again at any time, and nothing is joined while a machine is not as its spec says. Exit code 0 when
// everything up to the deploy is done, 1 when a step does not come through, 2 for bad input.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import { describeHost } from '../../host-tuning/describe-host.ts';
import { HostError } from '../../host-tuning/errors.ts';
import { renderHost } from '../../host-tuning/render-host.ts';
import { readHostScripts } from '../../host-tuning/scripts.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import type { HostSpec } from '../../spec/hosts.ts';
import { kubectlOf } from '../../stacks/kubernetes/kubectl.ts';
import type { CommandContext, CommandModule } from '../command.ts';
import { timeoutOption } from '../duration.ts';
import { writeRendered } from '../rendered-files.ts';
import { loadSpec } from '../spec-file.ts';
import { examine, type Reach, runAsRoot, SSH, USER_HELP } from './doctor/examine.ts';
import { reportText } from './doctor/report-text.ts';
import { withImage } from './host-config.ts';
import { checkKubernetes } from './provision/join-kubernetes.ts';
import { joinSwarm } from './provision/join-swarm.ts';
import { deployText, runtimeOf, STEPS, type Step, stepsText } from './provision/steps.ts';

interface Options extends Reach {
  readonly file?: string;
  readonly out: string;
  readonly until: Step;
  readonly dryRun?: boolean;
  readonly timeout: number;
  readonly context?: string;
}

const HELP = `
Says first what it will do; --dry-run leaves it at that. It stops at the first step that does not come through, and goes on
from there when it is run again: what is done already is left as it is.

Exit code: 0 everything up to the deploy is done, 1 a step did not come through, 2 bad input.

Examples:
  ashlar provision --dry-run
  ashlar provision --out hosts
  ashlar provision --until doctor`;

/** cloud-init is done, or was never there: a machine that was brought up by apply.sh. */
const BOOTED = 'command -v cloud-init >/dev/null || exit 0; cloud-init status | grep -q -e done -e disabled';
const POLL_MS = 5000;

export const define: CommandModule['define'] = (command, context) => {
  command
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .option('-o, --out <directory>', 'where the seeds go', 'hosts')
    .addOption(new Option('--until <step>', 'the last step').choices(STEPS).default('join'))
    .option('--dry-run', 'only say what would be done')
    .addOption(timeoutOption('how long a machine may take to boot', '30m'))
    .option('--ssh <command>', 'how machines are reached', SSH)
    .option('--user <name>', USER_HELP)
    .option('--context <name>', 'of the kubeconfig (default: the current one)')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { spec } = loadSpec(context.workingDirectory, options.file);
      runtimeOf(spec);
      for (const line of stepsText(spec, options.out)) context.print(line);
      if (options.dryRun === true) return;
      for (const step of STEPS.slice(0, STEPS.indexOf(options.until) + 1)) {
        context.print(`\n${step}:`);
        await RUN[step](spec, options, context);
      }
      if (options.until === 'join') context.print(`\nNow: ${deployText(spec)}`);
    });
};

const RUN: Readonly<Record<Step, (spec: ClusterSpec, options: Options, context: CommandContext) => Promise<void>>> = {
  async seeds(spec, { out }, context) {
    const scripts = readHostScripts();
    const rendered = spec.hosts.map(({ name }) => ({ name, files: renderHost(describeHost(spec, name), scripts) }));
    for (const { name, files } of rendered) {
      const { workingDirectory } = context;
      const { written } = writeRendered({
        workingDirectory,
        out: join(out, name),
        files: withImage(files),
        force: false,
      });
      context.print(`  ${name}: ${written.length === 0 ? 'as it should be already' : `wrote ${written.length} files`}`);
    }
  },

  async boot(spec, options, context) {
    const endMs = performance.now() + options.timeout;
    await Promise.all(
      spec.hosts.map(async (host) => {
        await untilBooted(host, options, endMs);
        context.print(`  ${host.name}: has booted`);
      }),
    );
  },

  async doctor(spec, options, context) {
    const asked = { json: true, peers: true, measure: false };
    const reports = await Promise.all(spec.hosts.map(({ name }) => examine(spec, name, options, asked)));
    for (const report of reports) context.print(reportText(report).replaceAll(/^/gm, '  '));
    const wrong = reports.filter(({ ok }) => !ok).map(({ host }) => host);
    if (wrong.length > 0)
      throw new HostError(
        'failure',
        `not as the spec says: ${wrong.join(', ')}; nothing is joined. Mend it and run this again`,
      );
  },

  async join(spec, options, context) {
    const say = (line: string) => context.print(`  ${line}`);
    switch (runtimeOf(spec)) {
      case 'docker':
        await joinSwarm(spec, (host, script) => runOn(host, options, script), labelsIn(spec), say);
        say(`every host is in the Swarm, and labelled`);
        return;
      case 'kubernetes':
        await checkKubernetes(spec, kubectlOf({ context: options.context ?? null, namespace: 'default' }), say);
        return;
      case 'none':
        say('nothing to join');
    }
  },
};

/** As the Swarm target places its services, unless cdktf.json says otherwise ("ashlar swarm label"). */
function labelsIn(spec: ClusterSpec): (name: string) => Readonly<Record<string, string>> {
  return (name) => ({
    zone: spec.nodes.find((node) => node.name === name)!.zone,
    [`ashlar.${spec.name}`]: name,
  });
}

async function untilBooted(host: HostSpec, reach: Reach, endMs: number): Promise<void> {
  for (;;) {
    const { exitCode, stderr } = await runAsRoot(host, reach, BOOTED);
    if (exitCode === 0) return;
    if (performance.now() > endMs) {
      const why = exitCode === 1 ? 'cloud-init is not done ("cloud-init status --long" there)' : lastLine(stderr);
      throw new HostError('failure', `${host.name} has not booted in time: ${why}`);
    }
    await delay(POLL_MS);
  }
}

async function runOn(host: HostSpec, reach: Reach, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runAsRoot(host, reach, script);
  if (exitCode !== 0)
    throw new HostError(
      'failure',
      `"${script.split(' ').slice(0, 3).join(' ')}" failed on ${host.name}: ${lastLine(stderr)}`,
    );
  return stdout;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it says nothing';
}
