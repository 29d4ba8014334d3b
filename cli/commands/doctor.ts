// `ashlar doctor`: looks at the machines of a spec, over ssh or at this one, and changes nothing. Exit code 0 when every machine is as
// its spec says, 1 when one is not or cannot be reached, 2 for bad input.
import { hostname } from 'node:os';
import { describeHost } from '../../host-tuning/describe-host.ts';
import type { DoctorOptions, DoctorReport } from '../../host-tuning/doctor-call.ts';
import { HostError } from '../../host-tuning/errors.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { jsonOption } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { loadSpec } from '../spec-file.ts';
import { examine, SSH, USER_HELP } from './doctor/examine.ts';
import { reportText } from './doctor/report-text.ts';

interface Options {
  readonly file?: string;
  readonly json?: boolean;
  readonly local?: boolean;
  readonly ssh: string;
  readonly user?: string;
  readonly peers: boolean;
  readonly measure?: boolean;
}

const HELP = `
For each setting it says what was wanted, what was found, and how to mend it: drives by serial and file system, mounts and
their guards, bonds by what was said over LACP, frames of the MTU to every other machine, kernel, cards, clock, engine.
It only reads; with --measure it also reads the drives (fio) and fills the network (iperf3, "iperf3 --server" must run on
the others), 10 and 5 seconds each.

The same script lies on every host as ashlar-doctor, and beside its seed as doctor.sh, for machines without Node.

Exit code: 0 everything is as wanted, 1 something is not or a machine does not answer, 2 bad input.

Examples:
  ashlar doctor
  ashlar doctor a1 b1 --ssh "ssh -i key -o BatchMode=yes"
  ashlar doctor --local --json`;

/** More at once would measure each other, and nobody reads so fast. */
const AT_ONCE = 8;

export const define: CommandModule['define'] = (command, context) => {
  command
    .argument('[host...]', 'only these machines, by the names of their nodes')
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .addOption(jsonOption())
    .option('--local', 'this machine, which is the one named, or the one whose name it has')
    .option('--ssh <command>', 'how machines are reached', SSH)
    .option('--user <name>', USER_HELP)
    .option('--no-peers', 'send nothing to the other machines')
    .option('--measure', 'measure drives and network, too')
    .addHelpText('after', HELP)
    .action(async (asked: readonly string[], options: Options) => {
      const { spec } = loadSpec(context.workingDirectory, options.file);
      const names = chosen(spec, asked, options.local === true);
      const calls = names.map((name) => callFor(spec, name, options));
      const json = options.json === true;
      const reports: DoctorReport[] = [];
      for (let at = 0; at < calls.length; at += AT_ONCE) {
        const batch = await Promise.all(calls.slice(at, at + AT_ONCE).map((call) => call()));
        reports.push(...batch);
        if (!json) for (const report of batch) context.print(reportText(report));
      }
      if (json) context.print(JSON.stringify({ ok: reports.every(({ ok }) => ok), hosts: reports }, null, 2));
      if (reports.some(({ ok }) => !ok)) context.setExitCode(1);
    });
};

function chosen(spec: ClusterSpec, asked: readonly string[], isLocal: boolean): readonly string[] {
  if (!isLocal) {
    if (asked.length > 0) return asked;
    if (spec.hosts.length > 0) return spec.hosts.map(({ name }) => name);
    throw new HostError('input', `the spec of ${spec.name} says nothing about its machines ("hosts")`);
  }
  if (asked.length > 1) throw new HostError('input', 'this is one machine; name one with --local');
  return asked.length === 1 ? asked : [hostname().split('.')[0]!];
}

function callFor(spec: ClusterSpec, name: string, options: Options): () => Promise<DoctorReport> {
  // A name that is in no spec is said before any machine is asked.
  describeHost(spec, name);
  const asked: DoctorOptions = { json: true, peers: options.peers, measure: options.measure === true };
  return () => examine(spec, name, options.local === true ? null : options, asked);
}
