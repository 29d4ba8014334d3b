// The formatter of drives, run with programs that only pretend: it formats the blank drive that was named, once, and refuses every
// other with a sentence.
import { appendFileSync, closeSync, mkdirSync, openSync, statSync, symlinkSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { hostTable } from '../../../host-tuning/host-table.ts';
import { drivesScript, readHostScripts } from '../../../host-tuning/scripts.ts';
import { FakeHost, type ScriptResult } from './fake-host.ts';
import { ONE_HOST, specOf } from './specs.ts';

const description = describeHost(specOf(ONE_HOST), 'a1');
const [d1, d2] = description.drives;
const SCRIPT = drivesScript(readHostScripts());

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
  host.write('/etc/ashlar/host.conf', hostTable(description));
});
afterEach(() => host.remove());

const run = (): ScriptResult => host.run(SCRIPT, [host.root]);
const device = (name: string) => host.path(`/dev/${name}`);
const say = (text: string) => `ashlar-drives: ${text}`;

function twoBlankDrives(): void {
  host.drive({ name: 'nvme0n1', serial: 'S-1' });
  host.drive({ name: 'nvme1n1', serial: 'S-2' });
}

function writeAt(name: string, position: number): void {
  const file = openSync(device(name), 'r+');
  writeSync(file, 'x', position);
  closeSync(file);
}

describe('blank drives', () => {
  it('are formatted once, each with its own UUID and label, and belong to the node from the first moment', () => {
    twoBlankDrives();
    expect(run()).toEqual({
      exitCode: 0,
      lines: [
        say(`d1: formatted ${device('nvme0n1')} (serial S-1)`),
        say(`d2: formatted ${device('nvme1n1')} (serial S-2)`),
      ],
      stderr: '',
    });
    expect(host.calls('mkfs.xfs').map((call) => call.replace(/-p \S+/, '-p FILE'))).toEqual([
      `-q -i size=512 -n ftype=1 -m uuid=${d1!.uuid} -L d1 -p FILE ${device('nvme0n1')}`,
      `-q -i size=512 -n ftype=1 -m uuid=${d2!.uuid} -L d2 -p FILE ${device('nvme1n1')}`,
    ]);
    // mkfs.xfs(8), prototype file: the root directory, its mode and owner, and its end.
    expect(host.stateOf('prototype')).toBe('-\n0 0\nd--750 10001 10001\n$\n');
    // Where they will be mounted are empty directories that nobody can write to, root neither.
    expect(host.calls('chattr')).toEqual([`+i ${host.path('/mnt/d1')}`, `+i ${host.path('/mnt/d2')}`]);
    expect(statSync(host.path('/mnt/d1')).mode & 0o777).toBe(0o555);

    // A second run touches nothing.
    expect(run()).toEqual({
      exitCode: 0,
      lines: [
        say(`d1: ${device('nvme0n1')} (serial S-1) is formatted already`),
        say(`d2: ${device('nvme1n1')} (serial S-2) is formatted already`),
      ],
      stderr: '',
    });
    expect(host.calls('mkfs.xfs')).toHaveLength(2);
    expect(host.calls('chattr')).toHaveLength(2);
  });

  it('are not looked at while they are mounted', () => {
    twoBlankDrives();
    host.mount('/dev/nvme0n1', '/mnt/d1');
    host.link(`/dev/disk/by-uuid/${d1!.uuid}`, '../../nvme0n1');
    expect(run().lines).toEqual([say(`d2: formatted ${device('nvme1n1')} (serial S-2)`)]);
  });

  it('take the place of a drive that was pulled out, and not of one that is still there', () => {
    twoBlankDrives();
    host.program('umount', `sed -i "\\| \${2#${host.root}} |d" '${host.path('/proc/self/mountinfo')}'`);
    host.mount('/dev/pulled', '/mnt/d1');
    host.drive({ name: 'nvme7n1', serial: 'old' });
    host.mount('/dev/nvme7n1', '/mnt/d2');
    expect(run()).toEqual({
      exitCode: 1,
      lines: [
        say(`d1: took away the mount of ${device('pulled')} at /mnt/d1, because that drive is gone`),
        say(`d1: formatted ${device('nvme0n1')} (serial S-1)`),
        say(
          `d2: ${device('nvme7n1')} is mounted at /mnt/d2, and the spec wants another file system there; umount it first`,
        ),
      ],
      stderr: '',
    });
    expect(host.calls('umount')).toEqual([`--lazy ${host.path('/mnt/d1')}`]);
    expect(host.calls('mkfs.xfs')).toHaveLength(1);
  });

  it('are found by world-wide name and by id, too', () => {
    const text = ONE_HOST.replace('{serial: S-1}', '{wwn: eui.0025}').replace('{serial: S-2}', '{id: nvme-ACME_S-2}');
    host.write('/etc/ashlar/host.conf', hostTable(describeHost(specOf(text), 'a1')));
    host.drive({ name: 'nvme0n1', serial: 'other', wwn: 'eui.0025' });
    host.drive({ name: 'nvme1n1', serial: 'S-2' });
    mkdirSync(host.path('/dev/disk/by-id'), { recursive: true });
    symlinkSync('../../nvme1n1', host.path('/dev/disk/by-id/nvme-ACME_S-2'));
    expect(run().lines).toEqual([
      say(`d1: formatted ${device('nvme0n1')} (wwn eui.0025)`),
      say(`d2: formatted ${device('nvme1n1')} (id nvme-ACME_S-2)`),
    ]);
  });
});

describe('a drive is left as it is', () => {
  // All drives of one host at once, each in another state, and at last a blank one.
  const states: readonly (readonly [what: string, prepare: (name: string, serial: string) => void, reason: string])[] =
    [
      [
        'when it is a part of a drive',
        (name, serial) => host.drive({ name, serial, type: 'part' }),
        'it is no whole drive',
      ],
      [
        'when it cannot be written',
        (name, serial) => host.drive({ name, serial, readOnly: true }),
        'it cannot be written',
      ],
      [
        'when it has partitions',
        (name, serial) => host.drive({ name, serial, children: [`${name}p1`] }),
        'it has partitions, or something lies on it (lsblk DEVICE)',
      ],
      [
        'when something holds it',
        (name, serial) => {
          host.drive({ name, serial });
          host.write(`/sys/class/block/${name}/holders/md0`, '');
        },
        'md0 uses it',
      ],
      [
        'when it is swap',
        (name, serial) => {
          host.drive({ name, serial });
          appendFileSync(host.path('/proc/swaps'), `${device(name)} partition 1 0 -2\n`);
        },
        'it is in use, as swap or mounted somewhere',
      ],
      [
        'when it is mounted elsewhere',
        (name, serial) => {
          host.drive({ name, serial });
          appendFileSync(host.path('/proc/self/mountinfo'), `40 21 259:0 / /srv rw - ext4 ${device(name)} rw\n`);
        },
        'it is in use, as swap or mounted somewhere',
      ],
      [
        'when it holds a file system',
        (name, serial) => {
          host.drive({ name, serial });
          host.state(`blkid-${name}`, 'UUID=1-2-3\nTYPE=ext4\n');
        },
        'blkid finds something on it: UUID=1-2-3 TYPE=ext4',
      ],
      [
        'when it holds the file system of another node, or of the drive that was there before',
        (name, serial) => {
          host.drive({ name, serial });
          host.state(`blkid-${name}`, 'UUID=11111111-2222-3333-4444-555555555555\nTYPE=xfs\n');
        },
        'blkid finds something on it: UUID=11111111-2222-3333-4444-555555555555 TYPE=xfs',
      ],
      [
        'when blkid finds several things and will not say which',
        (name, serial) => {
          host.drive({ name, serial });
          host.state(`blkid-code-${name}`, '8\n');
        },
        'blkid finds something on it: it said nothing and ended with 8',
      ],
      [
        'when wipefs finds what blkid does not',
        (name, serial) => {
          host.drive({ name, serial });
          host.state(`wipefs-${name}`, 'OFFSET TYPE\n0x1 zfs_member');
        },
        'wipefs finds something on it: OFFSET TYPE 0x1 zfs_member',
      ],
      [
        'when it begins with data that nothing knows',
        (name, serial) => {
          host.drive({ name, serial });
          writeAt(name, 700_000);
        },
        'there is data on it at MiB 0; if it may go: blkdiscard DEVICE',
      ],
      [
        'when it ends with data that nothing knows',
        (name, serial) => {
          host.drive({ name, serial });
          writeAt(name, 2 * 2 ** 30 - 1);
        },
        'there is data on it at MiB 2047; if it may go: blkdiscard DEVICE',
      ],
      [
        'when it is no drive by its size',
        (name, serial) => {
          host.drive({ name, serial });
          host.state(`size-${name}`, '1048576\n');
        },
        'it has 1048576 bytes, which is less than any drive has',
      ],
    ];

  it('in every state but blank, each with its reason, and the blank one beside them is formatted', () => {
    const count = states.length + 3;
    const serials = Array.from({ length: count }, (_, index) => `d${index + 1}: {serial: S-${index + 1}}`);
    const text = ONE_HOST.replace('address: 10.0.0.11, drives: 2', `address: 10.0.0.11, drives: ${count}`);
    const spec = specOf(text.replace(/drives: \{d1: .*\}\n/, `drives: {${serials.join(', ')}}\n`));
    host.write('/etc/ashlar/host.conf', hostTable(describeHost(spec, 'a1')));
    for (const [index, [, prepare]] of states.entries()) prepare(`nvme${index}n1`, `S-${index + 1}`);
    const [missing, twice, blank] = [count - 2, count - 1, count];
    for (const name of ['nvme90n1', 'nvme91n1']) host.drive({ name, serial: `S-${twice}` });
    host.drive({ name: 'nvme92n1', serial: `S-${blank}` });

    const { exitCode, lines } = run();
    expect(lines).toEqual([
      ...states.map(([, , reason], index) => {
        const path = device(`nvme${index}n1`);
        return say(
          `d${index + 1}: ${path} (serial S-${index + 1}) is left as it is: ${reason.replace('DEVICE', path)}`,
        );
      }),
      say(
        `d${missing}: there is no drive with serial S-${missing}; is it plugged in, and does the spec name the right one?`,
      ),
      say(`d${twice}: several drives have serial S-${twice}: ${device('nvme90n1')} ${device('nvme91n1')}`),
      say(`d${blank}: formatted ${device('nvme92n1')} (serial S-${blank})`),
    ]);
    expect(exitCode).toBe(1);
    expect(host.calls('mkfs.xfs').map((call) => call.split(' ').at(-1))).toEqual([device('nvme92n1')]);
  });
});

it('says what it could not do: format, make immutable, or keep from being hidden', () => {
  twoBlankDrives();
  host.state('mkfs-fails', '');
  host.state('chattr-fails', '');
  host.write('/mnt/d2/lost', 'x');
  expect(run()).toMatchObject({
    exitCode: 1,
    lines: [
      say('d1: /mnt/d1 cannot be made immutable, so writes could end on the disk of the system'),
      say(`d1: mkfs.xfs failed on ${device('nvme0n1')} (serial S-1)`),
      say('d2: there are files in /mnt/d2 beneath the mount point; move them away, or they will be hidden'),
      say('d2: /mnt/d2 cannot be made immutable, so writes could end on the disk of the system'),
      say(`d2: mkfs.xfs failed on ${device('nvme1n1')} (serial S-2)`),
    ],
  });
});

it('never forces anything', () => {
  expect(SCRIPT).not.toMatch(
    /mkfs\S* (.* )?-f\b|wipefs (-a|--all|-f)|dd .*of=\/dev\/(?!null)|^\s*(blkdiscard|sgdisk|parted)/m,
  );
});
