// A Debian host under QEMU that boots from what `ashlar host-config` renders: LACP with a real partner, NVMe drives formatted and
// mounted, the doctor green; the storage node on it; and each failure made real, and named by the doctor.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expectGreen, untilFound } from '../host/findings.ts';
import { type GuestImage, prepareGuestImage } from '../host/guest-image.ts';
import { MOUNT_POINTS, SERIALS, seedPackages } from '../host/rack-spec.ts';
import { StorageHost } from '../host/storage-host.ts';
import { makeProgramDisk, runClient, startStorageNode, untilReady } from '../host/storage-node.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';

/** What a green doctor must have seen to be right, among some hundred things. */
const LOOKED = [
  ...['bond0 options', 'bond0 partner', 'bond0 ports', 'bond0 aggregators'],
  ...['bond0 member port0 LACP actor', 'bond0 member port0 LACP partner', 'bond0 member port1 LACP partner'],
  ...['network storage MTU', 'MTU to b1', 'time', 'start of docker.service'],
  ...Object.values(MOUNT_POINTS).flatMap((path) => [`mount ${path}`, `xfs-max-retries of ${path}`]),
  ...['vm.swappiness', 'vm.min_free_kbytes', 'net.core.netdev_budget_usecs', 'nic-irqs of port0'],
];
/** Inline, of some stripes, and of many. */
const SIZES_BYTES = [500, 300_000, 1_500_000];

export const host: Suite = {
  name: 'host',
  summary:
    'a host boots under QEMU from what is rendered for it, serves S3 through its bond, and the doctor names what is broken',
  packages: [
    { name: 'qemu-system-x86', program: 'qemu-system-x86_64' },
    { name: 'qemu-utils', program: 'qemu-img' },
    { name: 'mmdebstrap', program: 'mmdebstrap' },
    { name: 'fdisk', program: 'sfdisk' },
    { name: 'e2fsprogs', program: 'mke2fs' },
    { name: 'openssh-client', program: 'ssh' },
  ],
  obstacle: async () => {
    if (process.arch !== 'x64') return 'the guest is emulated on x86-64 only';
    return process.getuid?.() === 0 ? null : 'only root can lay out the disk of the guest';
  },
  prepare: async () => {
    await prepareGuestImage(seedPackages());
  },
  async run(context) {
    const image = await prepareGuestImage(seedPackages());
    const machine = await StorageHost.make(`${context.directory}/rack`);
    const programs = machine.path('programs.img');
    await makeProgramDisk(programs, machine.path('programs'));
    await machine.makeSystemDisk(image);
    try {
      await new Story(context, machine, image, [programs]).tell();
    } finally {
      await machine.end();
    }
  },
};

class Story {
  readonly #context: SuiteContext;
  readonly #host: StorageHost;
  readonly #image: GuestImage;
  readonly #programs: readonly string[];

  constructor(context: SuiteContext, machine: StorageHost, image: GuestImage, programs: readonly string[]) {
    this.#context = context;
    this.#host = machine;
    this.#image = image;
    this.#programs = programs;
  }

  async tell(): Promise<void> {
    const { ci } = this.#context;
    await this.#step('first boot, from the rendered seed', () => this.#boot());
    await this.#green('after the first boot');
    await this.#step('no LACP partner: named', () => this.#noPartner());
    if (ci) return;
    await this.#step('MTU wrong on one member: named', () => this.#wrongMtu());
    await this.#step('the storage node serves S3 through the bond', () => this.#serve());
    await this.#step('one link down: traffic goes on, named', () => this.#oneLinkDown());
    await this.#step('rebooted', () => this.#host.reboot());
    await this.#green('after a reboot');
    await this.#step('every object read, through the bond', () => this.#readAll(['first', 'second']));
    await this.#step('log missing, a drive with data, two drives swapped: named, nothing written', () =>
      this.#foreign(),
    );
    await this.#step('one drive missing: named, and the others serve', () => this.#driveMissing());
  }

  /** Says how long it took. */
  async #step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await work();
    this.#context.say(`${what}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    return result;
  }

  #boot(drives = this.#host.drives()): Promise<void> {
    return this.#host.boot(this.#image, drives, this.#programs);
  }

  async #green(when: string): Promise<void> {
    const count = await this.#step(`the doctor is green ${when}`, () => expectGreen(this.#host, LOOKED));
    this.#context.say(`  ${count} things as wanted`);
  }

  /** The switch's end is no bond any more: both links have light, and nobody answers. */
  async #noPartner(): Promise<void> {
    await this.#host.ssh('sudo ip -n rack link set bond1 down');
    await untilFound(this.#host, {
      'bond0 partner': 'nobody answers LACP, though the link is up',
      'bond0 ports': '1',
      'bond0 aggregators': '2',
      ...Object.fromEntries(
        ['port0', 'port1'].flatMap((port) =>
          ['actor', 'partner'].map((side) => [`bond0 member ${port} LACP ${side}`, /^(?!63$)\d+$/]),
        ),
      ),
      'peer b1': 'it does not answer',
    });
    await this.#host.ssh('sudo ip -n rack link set bond1 up');
    await untilFound(this.#host, {});
  }

  async #wrongMtu(): Promise<void> {
    await this.#host.ssh('sudo ip link set port1 mtu 1500');
    await untilFound(this.#host, { 'nic port1 MTU': '1500' });
    await this.#host.ssh('sudo ip link set port1 mtu 9000');
    // As a switch does whose own MTU was forgotten: it drops large frames, and says nothing.
    const rule = 'INPUT -m length --length 1501:65535 -j DROP';
    await this.#host.ssh(`sudo ip netns exec rack iptables -A ${rule}`);
    await untilFound(this.#host, { 'MTU to b1': 'a packet of 9000 bytes is lost, a small one is not' });
    await this.#host.ssh(`sudo ip netns exec rack iptables -D ${rule}`);
  }

  async #serve(): Promise<void> {
    await startStorageNode(this.#host);
    await untilReady(this.#host);
    await runClient(this.#host, { work: 'write', batch: 'first', sizesBytes: SIZES_BYTES });
    await this.#readAll(['first']);
  }

  async #readAll(batches: readonly string[]): Promise<void> {
    await untilReady(this.#host);
    for (const batch of batches) await runClient(this.#host, { work: 'read', batch, sizesBytes: SIZES_BYTES });
  }

  async #oneLinkDown(): Promise<void> {
    const writing = runClient(this.#host, { work: 'write', batch: 'second', sizesBytes: SIZES_BYTES });
    await delay(1000);
    await this.#host.machine.setLink('port0', false);
    await writing;
    await this.#readAll(['second']);
    await untilFound(this.#host, {
      'bond0 ports': '1',
      'bond0 member port0 link': 'down, full duplex',
      'bond0 member port0 LACP actor': /^(?!63$)\d+$/,
      'bond0 member port0 LACP partner': /^(?!63$)\d+$/,
    });
    await this.#host.machine.setLink('port0', true);
    await untilFound(this.#host, {});
  }

  /** Where a drive is missing nothing may be written, and what holds data is not formatted. */
  async #foreign(): Promise<void> {
    const machine = this.#host;
    await machine.powerOff();
    const foreign = machine.path('foreign.raw');
    writeFileSync(foreign, '');
    truncateSync(foreign, 4 * 2 ** 30);
    await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'letters', '-d', machine.path('hosts'), foreign]);
    const before = await digestOf(foreign);
    await this.#boot([
      { serial: SERIALS.d1, image: machine.imageOf('d3') },
      { serial: SERIALS.d2, image: foreign },
      { serial: SERIALS.d3, image: machine.imageOf('d1') },
    ]);
    const swapped = /drives are swapped/;
    await untilFound(machine, {
      'drive wal': 'no such drive',
      [`mount ${MOUNT_POINTS.wal}`]: 'nothing is mounted',
      [`mount ${MOUNT_POINTS.d1}`]: swapped,
      [`mount ${MOUNT_POINTS.d2}`]: 'nothing is mounted',
      [`mount ${MOUNT_POINTS.d3}`]: swapped,
      'docker.service': 'inactive',
    });
    const log = await machine.ssh('sudo journalctl --boot --unit ashlar-drives.service');
    assert.match(log, /d2: \S+ \(serial \S+\) is left as it is: blkid finds something on it: .*LABEL=letters/);
    await this.#expectBare('wal');
    await this.#expectBare('d2');
    await machine.powerOff();
    assert.equal(await digestOf(foreign), before, 'the drive with data is not as it was');
  }

  async #driveMissing(): Promise<void> {
    const machine = this.#host;
    await this.#boot(machine.drives().filter(({ serial }) => serial !== SERIALS.d2));
    await untilFound(machine, {
      'drive d2': 'no such drive',
      [`mount ${MOUNT_POINTS.d2}`]: 'nothing is mounted',
    });
    await this.#readAll(['first', 'second']);
    await this.#expectBare('d2');
  }

  async #expectBare(drive: keyof typeof MOUNT_POINTS): Promise<void> {
    const path = MOUNT_POINTS[drive];
    assert.equal(await this.#host.ssh(`sudo ls -A ${path}`), '', `${path} is written to`);
    const written = await this.#host.try(`sudo touch ${path}/file`);
    assert.match(written.stderr, /Operation not permitted/);
  }
}

function digestOf(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(file)
      .on('data', (piece) => hash.update(piece))
      .on('error', reject)
      .on('end', () => resolve(hash.digest('hex')));
  });
}
