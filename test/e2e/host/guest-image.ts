// The disk of a guest that boots as a storage host does: Debian with cloud-init, and every package that the rendered seed asks for,
// because there is no mirror in the guest. Built once into a cache outside the repository, by what goes into it.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../programs.ts';

export interface GuestImage {
  readonly kernel: string;
  /** A raw disk whose partition "root" is the system; never written to. */
  readonly disk: string;
}

const SUITE = 'bookworm';
const SYSTEM_PACKAGES = [
  ...['linux-image-cloud-amd64', 'systemd-sysv', 'systemd-resolved', 'udev', 'dbus', 'kmod', 'procps', 'sudo'],
  ...['cloud-init', 'netplan.io', 'python3-jsonschema', 'openssh-server', 'iproute2', 'iptables'],
  // For Node, which the storage node runs on.
  ...['libatomic1', 'libstdc++6'],
];
const NEEDLESS = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];
/** Of the guest, from guest/ beside this file. */
const FILES = {
  'rack.sh': '/usr/local/sbin/rack',
  'rack.service': '/etc/systemd/system/rack.service',
  'rack-chrony.conf': '/etc/rack-chrony.conf',
  'cloud.cfg': '/etc/cloud/cloud.cfg.d/99-rack.cfg',
  fstab: '/etc/fstab',
} as const;
/** They need a network or a mirror, or do nothing for a guest that lives for minutes. */
const MASKED_UNITS = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'fstrim.timer', 'e2scrub_all.timer'],
  ...['e2scrub_reap.service', 'cloud-init-hotplugd.socket', 'smartmontools.service', 'getty@tty1.service'],
  ...['nvmf-autoconnect.service', 'systemd-binfmt.service', 'proc-sys-fs-binfmt_misc.automount'],
];
const DISK_BYTES = 4 * 2 ** 30;
const PARTITION_OFFSET_BYTES = 2 ** 20;
/** Counted up when the steps below change. */
const STEPS_VERSION = 1;

let preparing: Promise<GuestImage> | null = null;

/** Once for all who ask. packages: what the seed of the guest installs. */
export function prepareGuestImage(packages: readonly string[]): Promise<GuestImage> {
  preparing ??= findOrBuild(packages);
  return preparing;
}

async function findOrBuild(packages: readonly string[]): Promise<GuestImage> {
  const texts = await Promise.all(Object.keys(FILES).map((name) => readFile(source(name), 'utf8')));
  const recipe = [STEPS_VERSION, SUITE, SYSTEM_PACKAGES, packages, NEEDLESS, FILES, MASKED_UNITS, DISK_BYTES, texts];
  const key = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16);
  const directory = join(homedir(), '.cache', 'ashlar', 'guests', key);
  if (!existsSync(directory)) {
    const unfinished = `${directory}.${process.pid}`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    try {
      await build(unfinished, packages);
      await rename(unfinished, directory);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  }
  return { kernel: join(directory, 'vmlinuz'), disk: join(directory, 'disk.raw') };
}

async function build(directory: string, packages: readonly string[]): Promise<void> {
  const root = join(directory, 'root');
  await run('nice', [
    'mmdebstrap',
    ...['--quiet', '--variant=minbase', '--format=directory'],
    `--include=${[...SYSTEM_PACKAGES, ...packages].join(',')}`,
    ...NEEDLESS.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    SUITE,
    root,
  ]);
  for (const [name, path] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(source(name), join(root, path));
  }
  await chmod(join(root, FILES['rack.sh']), 0o755);
  for (const list of ['etc/apt/sources.list', 'etc/hostname', 'etc/machine-id']) await writeFile(join(root, list), '');
  // The host's keys are cloud-init's to make.
  await run('sh', ['-c', `rm -f '${root}'/etc/ssh/ssh_host_* '${root}'/etc/apt/sources.list.d/*`]);
  await run('systemctl', [`--root=${root}`, '--quiet', 'mask', ...MASKED_UNITS]);
  await run('systemctl', [
    `--root=${root}`,
    '--quiet',
    'enable',
    'rack.service',
    'systemd-networkd',
    'systemd-resolved',
  ]);
  await run('sh', ['-c', `cp '${root}'/boot/vmlinuz-* '${join(directory, 'vmlinuz')}'`]);
  await makeDisk(root, join(directory, 'disk.raw'));
  await rm(root, { recursive: true });
}

async function makeDisk(root: string, disk: string): Promise<void> {
  await writeFile(disk, '');
  await truncate(disk, DISK_BYTES);
  await run('sh', ['-c', `echo 'start=1MiB, name=root' | sfdisk --quiet --label gpt '${disk}'`]);
  const sizeKb = (DISK_BYTES - 2 * PARTITION_OFFSET_BYTES) / 1024;
  const options = `offset=${PARTITION_OFFSET_BYTES},lazy_itable_init=1,root_owner=0:0`;
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', root, '-E', options, disk, `${sizeKb}k`]);
}

function source(name: string): string {
  return new URL(`guest/${name}`, import.meta.url).pathname;
}
