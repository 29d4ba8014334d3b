// How a machine of the spec is reached and examined over ssh: shared by the commands that do so.
import { Readable } from 'node:stream';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import {
  type DoctorOptions,
  type DoctorReport,
  doctorShell,
  readReport,
  sshTarget,
} from '../../../host-tuning/doctor-call.ts';
import { hostTable } from '../../../host-tuning/host-table.ts';
import { doctorScript, readHostScripts } from '../../../host-tuning/scripts.ts';
import type { ClusterSpec } from '../../../spec/cluster-spec.ts';
import type { HostSpec } from '../../../spec/hosts.ts';
import { type ProgramResult, tryProgram } from '../../../stacks/run-program.ts';

export interface Reach {
  /** The program and its options, with blanks between them. */
  readonly ssh: string;
  /** Who logs in; left out: the first user of the spec that may use sudo. */
  readonly user?: string;
}

/** Never asks for anything: nobody sees the questions of eight machines. */
export const SSH = 'ssh -o BatchMode=yes -o ConnectTimeout=10';
export const USER_HELP = 'who logs in (default: the first user of the spec that may use sudo)';

/** null where: at this machine, as whoever asks; what only root can see is then said to be unknown. */
export async function examine(
  spec: ClusterSpec,
  name: string,
  where: Reach | null,
  asked: DoctorOptions,
): Promise<DoctorReport> {
  const description = describeHost(spec, name);
  const script = doctorScript(readHostScripts(), hostTable(description));
  if (where === null) return readReport(name, await runShell(doctorShell(true, asked), script));
  const { words, isRoot } = sshWords(description.host, where);
  return readReport(name, await runShell([...words, ...doctorShell(isRoot, asked)], script));
}

/** The script, by sh, as root. Resolves whatever its exit code is; 255: ssh itself failed. */
export function runAsRoot(host: HostSpec, reach: Reach, script: string): Promise<ProgramResult> {
  const { words, isRoot } = sshWords(host, reach);
  return runShell([...words, ...(isRoot ? [] : ['sudo', '-n']), 'sh', '-s'], script);
}

function sshWords(
  host: HostSpec,
  { ssh, user }: Reach,
): { readonly words: readonly string[]; readonly isRoot: boolean } {
  const { target, isRoot } = sshTarget(host, user);
  return { words: [...ssh.split(' ').filter((word) => word !== ''), target], isRoot };
}

function runShell([program, ...args]: readonly string[], script: string): Promise<ProgramResult> {
  return tryProgram(program!, args, { stdin: Readable.from([script]) });
}
