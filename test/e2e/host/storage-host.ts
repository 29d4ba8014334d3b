// The host of the suite as whoever runs a rack has it: a directory with the spec, the seed rendered by the command line, drives, and
// ssh. What the host is asked goes over ssh, by the programs that a user would use.
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DoctorCheck } from '../../../host-tuning/doctor-call.ts';
import { type ProgramResult, run } from '../programs.ts';
import type { GuestImage } from './guest-image.ts';
import { type DriveName, HOST, rackSpec, SERIALS, USER } from './rack-spec.ts';
import { type GuestDrive, VirtualMachine } from './virtual-machine.ts';

const COMMAND_LINE = new URL('../../../cli/main.ts', import.meta.url).pathname;
/** Sparse; above what the formatter takes for a drive. */
const DRIVE_BYTES = 4 * 2 ** 30;
const BOOT_TIMEOUT_MS = 900_000;
const OFF_TIMEOUT_MS = 120_000;
const POLL_MS = 1000;

export class StorageHost {
  readonly #directory: string;
  #machine: VirtualMachine | null = null;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** With blank drives and the rendered seed; not booted yet. directory: empty. */
  static async make(directory: string): Promise<StorageHost> {
    mkdirSync(directory, { recursive: true });
    const host = new StorageHost(directory);
    const key = host.path('key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'e2e', '-f', key]);
    writeFileSync(host.path('cluster.yaml'), rackSpec(readFileSync(`${key}.pub`, 'utf8').trim()));
    await host.ashlar(['host-config', HOST, '--out', 'hosts', '--seed', 'iso']);
    for (const name of Object.keys(SERIALS) as DriveName[]) {
      writeFileSync(host.imageOf(name), '');
      truncateSync(host.imageOf(name), DRIVE_BYTES);
    }
    return host;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  imageOf(drive: DriveName): string {
    return this.path(`${drive}.raw`);
  }

  drives(): GuestDrive[] {
    return (Object.keys(SERIALS) as DriveName[]).map((name) => ({ serial: SERIALS[name], image: this.imageOf(name) }));
  }

  get machine(): VirtualMachine {
    if (this.#machine === null) throw new Error('the host is off');
    return this.#machine;
  }

  async makeSystemDisk({ disk }: GuestImage): Promise<void> {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', disk, '-F', 'raw', this.path('system.qcow2')]);
  }

  /** Powers it on and waits until it has booted to the end, whatever came of it. */
  async boot(image: GuestImage, drives: readonly GuestDrive[], programs: readonly string[]): Promise<void> {
    this.#machine = await VirtualMachine.start({
      image,
      systemDisk: this.path('system.qcow2'),
      readOnly: [this.path(`hosts/${HOST}/seed.iso`), ...programs],
      drives,
      directory: this.#directory,
    });
    const config = [
      'Host *',
      ...['HostName 127.0.0.1', `Port ${this.#machine.sshPort}`, `IdentityFile ${this.path('key')}`],
      ...['IdentitiesOnly yes', 'StrictHostKeyChecking no', 'UserKnownHostsFile /dev/null', 'LogLevel ERROR'],
      ...['BatchMode yes', 'ConnectTimeout 60', 'ServerAliveInterval 30'],
    ];
    writeFileSync(this.path('ssh-config'), `${config.join('\n')}\n`);
    await this.untilBooted();
  }

  /** Of the boot that goes on now: until all jobs of systemd are done. */
  async untilBooted(isAnother: (bootId: string) => boolean = () => true): Promise<void> {
    const endMs = performance.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      const found = await this.try('cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait');
      const [bootId = '', state] = found.stdout.trim().split('\n');
      if ((state === 'running' || state === 'degraded') && isAnother(bootId)) return;
      if (performance.now() > endMs)
        throw new Error(`not booted after ${BOOT_TIMEOUT_MS / 1000} s: ${found.stderr}; see console.log`);
      await delay(POLL_MS);
    }
  }

  async reboot(): Promise<void> {
    const before = (await this.ssh('cat /proc/sys/kernel/random/boot_id')).trim();
    await this.try('sudo systemctl reboot');
    await this.untilBooted((bootId) => bootId !== before);
  }

  /** In good order, and QEMU ends. */
  async powerOff(): Promise<void> {
    const { machine } = this;
    await this.try('sudo systemctl poweroff');
    const inTime = await Promise.race([machine.ended.then(() => true), delay(OFF_TIMEOUT_MS, false, { ref: false })]);
    if (!inTime) throw new Error(`not off after ${OFF_TIMEOUT_MS / 1000} s`);
    this.#machine = null;
  }

  async end(): Promise<void> {
    await this.#machine?.end();
    this.#machine = null;
  }

  /** What the command printed. Rejects when it fails. */
  async ssh(command: string): Promise<string> {
    return (await run('ssh', this.#sshArguments(command))).stdout;
  }

  try(command: string): Promise<ProgramResult> {
    return run('ssh', this.#sshArguments(command), { mustSucceed: false });
  }

  /** `ashlar doctor a1`, over ssh. */
  async doctor(): Promise<readonly DoctorCheck[]> {
    const ssh = `ssh -F ${this.path('ssh-config')}`;
    const { stdout } = await this.ashlar(['doctor', HOST, '--ssh', ssh, '--json'], false);
    const { hosts } = JSON.parse(stdout) as { hosts: readonly { checks?: readonly DoctorCheck[]; error?: string }[] };
    const { checks, error } = hosts[0]!;
    if (checks === undefined) throw new Error(`the doctor did not come through: ${error}`);
    return checks;
  }

  ashlar(args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
    return run(process.execPath, [COMMAND_LINE, ...args], { cwd: this.#directory, mustSucceed });
  }

  #sshArguments(command: string): string[] {
    return ['-F', this.path('ssh-config'), `${USER}@${HOST}`, command];
  }
}
