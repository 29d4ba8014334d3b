// How the doctor is run on a host, and what its answer means. Pure: whoever calls it runs the programs.
import { type HostSpec, storageNetwork } from '../spec/hosts.ts';

export interface DoctorOptions {
  readonly json: boolean;
  readonly peers: boolean;
  readonly measure: boolean;
}

export interface DoctorCheck {
  readonly verdict: 'ok' | 'bad' | 'absent' | 'unknown' | 'measured';
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  /** null: nothing to mend. */
  readonly mend: string | null;
}

export type DoctorReport =
  | { readonly host: string; readonly ok: boolean; readonly checks: readonly DoctorCheck[] }
  /** It could not be run there. */
  | { readonly host: string; readonly ok: false; readonly error: string };

export interface ProgramOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MANAGEMENT_NETWORK = 'management';

/** The shell that reads the script from its stdin, as root: what LACP said is shown to nobody else. */
export function doctorShell(isRoot: boolean, { json, peers, measure }: DoctorOptions): string[] {
  const flags = [...(json ? ['--json'] : []), ...(peers ? [] : ['--no-peers']), ...(measure ? ['--measure'] : [])];
  return [...(isRoot ? [] : ['sudo', '-n']), 'sh', '-s', '--', ...flags];
}

/** The first user of the spec that may do everything; else whoever ssh chooses. */
export function sshTarget(
  host: HostSpec,
  user: string | undefined,
): { readonly target: string; readonly isRoot: boolean } {
  const login = user ?? host.users.find(({ sudo }) => sudo)?.name;
  const address = addressOf(host);
  return { target: login === undefined ? address : `${login}@${address}`, isRoot: login === 'root' };
}

/** exit codes of the doctor: 0 as wanted, 1 not; anything else (255 of ssh) is no answer. */
export function readReport(host: string, outcome: ProgramOutcome): DoctorReport {
  const { exitCode, stdout, stderr } = outcome;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (exitCode !== 0 && exitCode !== 1)
    return { host, ok: false, error: said || `it ended with exit code ${exitCode}` };
  try {
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly DoctorCheck[] };
    return { host, ok, checks };
  } catch {
    return { host, ok: false, error: said || 'its answer is no JSON' };
  }
}

/** Over the network for people where there is one with a fixed address. */
function addressOf(host: HostSpec): string {
  const management = host.networks.find(({ name }) => name === MANAGEMENT_NETWORK);
  const [address] = [...(management?.addresses ?? []), ...storageNetwork(host).addresses];
  return address!.replace(/\/.*/, '');
}
