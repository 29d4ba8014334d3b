// The units of systemd that make drives ready in the right order: look at the drives and format blank ones, mount them, put the
// settings in force, and only then let the container engine (or another service that asks for ashlar-drives.target) start.
import type { DescribedDrive, HostDescription } from './describe-host.ts';
import { settingOf } from './describe-host.ts';
import { type HostFile, iniText, type Section } from './host-file.ts';

const UNITS = '/etc/systemd/system';
const HEADER = 'From the spec of the cluster, by "ashlar host-config".';
export const SCRIPTS = '/usr/local/lib/ashlar';

/**
 * nofail: not a part of local-fs.target, so a dead drive does not stop the boot. noatime: reading must not write. Nothing on a drive
 * of the store is a device or a program. logbsize: the journal is written in larger pieces, which many small files need.
 */
export const MOUNT_OPTIONS = 'nofail,noatime,nodev,nosuid,noexec,logbsize=256k';
/** Drives of a large host take minutes to be found; 30 s were too short on a slow one, and nothing was mounted. */
const DEVICE_TIMEOUT = '180s';

/** What runs the containers of the storage node. */
export const ENGINE_UNITS = {
  none: [],
  docker: ['docker.service'],
  kubernetes: ['containerd.service', 'kubelet.service'],
};

export function unitFiles(description: HostDescription): HostFile[] {
  const { drives, host } = description;
  const mounts = drives.map(({ mountPoint }) => mountUnit(mountPoint));
  return [
    unit('ashlar-drives.service', [
      [
        'Unit',
        [
          ['Description', 'Format blank drives of the storage node, and guard their mount points'],
          ['After', 'systemd-udevd.service local-fs-pre.target'],
          ['Before', mounts.join(' ')],
        ],
      ],
      [
        'Service',
        [
          ['Type', 'oneshot'],
          ['RemainAfterExit', 'yes'],
          ['ExecStart', `/bin/sh ${SCRIPTS}/drives.sh`],
        ],
      ],
      ['Install', [['WantedBy', 'multi-user.target']]],
    ]),
    ...drives.flatMap((drive) => mountFiles(drive)),
    unit('ashlar-drives.target', [
      [
        'Unit',
        [
          ['Description', 'Drives of the storage node'],
          ['Wants', mounts.join(' ')],
          ['After', ['ashlar-drives.service', ...mounts].join(' ')],
        ],
      ],
      ['Install', [['WantedBy', 'multi-user.target']]],
    ]),
    unit('ashlar-tune.service', [
      [
        'Unit',
        [
          ['Description', 'Settings of a storage host that hold until the next boot'],
          ['After', 'ashlar-drives.target network-online.target systemd-sysctl.service'],
          ['Wants', 'network-online.target'],
        ],
      ],
      [
        'Service',
        [
          ['Type', 'oneshot'],
          ['RemainAfterExit', 'yes'],
          ['ExecStart', `/bin/sh ${SCRIPTS}/tune.sh`],
        ],
      ],
      ['Install', [['WantedBy', 'multi-user.target']]],
    ]),
    ...ENGINE_UNITS[host.runtime].map((engine) => engineDropIn(description, engine)),
  ];
}

/** Units that are started and enabled, in this order. */
export function unitNames({ drives }: HostDescription): string[] {
  return [
    'ashlar-drives.service',
    ...drives.map(({ mountPoint }) => mountUnit(mountPoint)),
    'ashlar-drives.target',
    'ashlar-tune.service',
  ];
}

/** "/mnt/d1" → "mnt-d1.mount", as systemd-escape --path does. */
export function mountUnit(path: string): string {
  return `${escapePath(path)}.mount`;
}

function escapePath(path: string): string {
  return path
    .slice(1)
    .replace(/[^A-Za-z0-9:_./]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`)
    .replace(/^\./, '\\x2e')
    .replaceAll('/', '-');
}

function mountFiles({ name, role, uuid, mountPoint }: DescribedDrive): HostFile[] {
  const device = `/dev/disk/by-uuid/${uuid}`;
  return [
    unit(mountUnit(mountPoint), [
      [
        'Unit',
        [
          ['Description', role === 'wal' ? 'Log of the storage node' : `Drive ${name} of the storage node`],
          // Wants: the drives that are well are mounted although another one was refused.
          ['Wants', 'ashlar-drives.service'],
          ['After', 'ashlar-drives.service'],
        ],
      ],
      [
        'Mount',
        [
          ['What', device],
          ['Where', mountPoint],
          ['Type', 'xfs'],
          ['Options', MOUNT_OPTIONS],
        ],
      ],
      ['Install', [['WantedBy', 'ashlar-drives.target']]],
    ]),
    {
      path: `${UNITS}/${escapePath(device)}.device.d/ashlar.conf`,
      mode: '0644',
      text: iniText(HEADER, [['Unit', [['JobRunningTimeoutSec', DEVICE_TIMEOUT]]]]),
    },
  ];
}

function engineDropIn(description: HostDescription, engine: string): HostFile {
  const needsAll = settingOf(description, 'drives-required')?.value === 'all';
  const required = description.drives.filter(({ role }) => needsAll || role === 'wal');
  const limit = settingOf(description, 'limit-nofile');
  return {
    path: `${UNITS}/${engine}.d/ashlar.conf`,
    mode: '0644',
    text: iniText(HEADER, [
      [
        'Unit',
        [
          ['Wants', 'ashlar-drives.target'],
          ['After', 'ashlar-drives.target'],
          ['RequiresMountsFor', required.length === 0 ? null : required.map(({ mountPoint }) => mountPoint).join(' ')],
        ],
      ],
      [
        'Service',
        [
          ['LimitNOFILE', limit === undefined ? null : String(limit.value)],
          ['TasksMax', 'infinity'],
        ],
      ],
    ]),
  };
}

function unit(name: string, sections: readonly Section[]): HostFile {
  return { path: `${UNITS}/${name}`, mode: '0644', text: iniText(HEADER, sections) };
}
