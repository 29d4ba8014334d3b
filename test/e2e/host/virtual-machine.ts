// One guest under QEMU, emulated in software: two processors, NVMe drives by serial, two links to a switch in the same guest (two more
// cards, connected with them by hubs), and a card for ssh. Ends with whoever started it.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestImage } from './guest-image.ts';
import { Monitor } from './monitor.ts';

export interface GuestDrive {
  readonly serial: string;
  /** A raw image. */
  readonly image: string;
}

export interface MachineProps {
  readonly image: GuestImage;
  /** Its system disk: a qcow2 over that of the image. */
  readonly systemDisk: string;
  /** Images that it only reads: the seed, programs. */
  readonly readOnly: readonly string[];
  readonly drives: readonly GuestDrive[];
  /** Empty; for its monitor and its console. */
  readonly directory: string;
}

/** By the names in QEMU: the host's two links, the switch's ends of them, and that of the management network. */
export const MACS = {
  port0: '52:54:00:00:01:10',
  port1: '52:54:00:00:01:11',
  switch0: '52:54:00:00:02:10',
  switch1: '52:54:00:00:02:11',
  mgmt0: '52:54:00:00:03:10',
} as const;
export type Link = 'port0' | 'port1' | 'switch0' | 'switch1';

const HUB: Readonly<Record<Link, number>> = { port0: 1, switch0: 1, port1: 2, switch1: 2 };
const PROGRAM = 'qemu-system-x86_64';
const KERNEL_LINE = 'root=PARTLABEL=root rw console=ttyS0 mitigations=off apparmor=0';
const MEMORY_MIB = 2048;
const MONITOR_TIMEOUT_MS = 20_000;

export class VirtualMachine {
  readonly #process: ChildProcess;
  readonly #monitor: Monitor;
  /** On 127.0.0.1, of the guest's ssh. */
  readonly sshPort: number;
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<void>;

  private constructor(child: ChildProcess, ended: Promise<void>, monitor: Monitor, sshPort: number) {
    this.#process = child;
    this.ended = ended;
    this.#monitor = monitor;
    this.sshPort = sshPort;
  }

  /** Rejects with what QEMU said when it does not start. */
  static async start(props: MachineProps): Promise<VirtualMachine> {
    const socket = join(props.directory, `monitor-${process.pid}-${startCount++}`);
    // Whatever ends this process ends the guest, too.
    const dying = ['--pdeathsig', 'KILL', PROGRAM];
    const child = spawn('setpriv', [...dying, ...qemuArguments(props), '-qmp', `unix:${socket},server=on,wait=off`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const console = createWriteStream(join(props.directory, 'console.log'), { flags: 'a' });
    child.stdout!.pipe(console);
    let said = '';
    child.stderr!.on('data', (data) => {
      said += String(data);
    });
    let isEnded = false;
    const ended = new Promise<void>((resolve) => {
      const end = () => {
        isEnded = true;
        resolve();
      };
      child.once('close', end).once('error', end);
    });
    const endMs = performance.now() + MONITOR_TIMEOUT_MS;
    while (!existsSync(socket)) {
      if (isEnded || performance.now() > endMs) throw new Error(`QEMU does not start: ${said}`);
      await delay(50);
    }
    const monitor = await Monitor.open(socket);
    const forwards = String(await monitor.ask('human-monitor-command', { 'command-line': 'info usernet' }));
    const port = /TCP\[HOST_FORWARD\]\s+\S+\s+127\.0\.0\.1\s+(\d+)/.exec(forwards)?.[1];
    if (port === undefined) throw new Error(`QEMU forwards no port to the guest: ${forwards}`);
    return new VirtualMachine(child, ended, monitor, Number(port));
  }

  /** As pulling its cable, or putting it back. */
  async setLink(link: Link, isUp: boolean): Promise<void> {
    await this.#monitor.ask('set_link', { name: link, up: isUp });
  }

  /** At once, as by the plug. */
  async end(): Promise<void> {
    this.#monitor.close();
    this.#process.kill('SIGKILL');
    await this.ended;
  }
}

let startCount = 0;

function qemuArguments(props: MachineProps): string[] {
  const links = (Object.keys(HUB) as Link[]).flatMap((name) => [
    ...['-netdev', `hubport,id=${name},hubid=${HUB[name]}`],
    // LACP never forms over cards that do not say their speed and duplex.
    ...['-device', `virtio-net-pci,netdev=${name},mac=${MACS[name]},speed=25000,duplex=full,${RINGS},romfile=`],
  ]);
  return [
    ...['-machine', 'q35,accel=tcg', '-cpu', 'Nehalem', '-smp', '2', '-m', String(MEMORY_MIB)],
    ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-rtc', 'base=utc'],
    ...['-kernel', props.image.kernel, '-append', KERNEL_LINE],
    ...nvme('system', props.systemDisk, 'qcow2', 'system'),
    ...props.readOnly.flatMap((file, at) => [
      ...['-drive', `if=none,id=file${at},format=raw,readonly=on,file=${file}`],
      ...['-device', `virtio-blk-pci,drive=file${at}`],
    ]),
    ...props.drives.flatMap(({ serial, image }, at) => nvme(`drive${at}`, image, 'raw', serial)),
    ...links,
    // The guest reaches nothing of this machine, and nothing outside.
    ...['-netdev', 'user,id=mgmt0,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22'],
    ...['-device', `virtio-net-pci,netdev=mgmt0,mac=${MACS.mgmt0},romfile=`],
    ...['-device', 'virtio-rng-pci'],
  ];
}

const RINGS = 'rx_queue_size=1024,tx_queue_size=256';

function nvme(id: string, file: string, format: string, serial: string): string[] {
  // What was acknowledged is in the page cache of this machine, which does not lose power: enough here, and much faster.
  const drive = `if=none,id=${id},format=${format},file=${file},cache=unsafe,discard=unmap`;
  return ['-drive', drive, '-device', `nvme,drive=${id},serial=${serial}`];
}
