// The settings of a host: which it gets, what they are on a host of so much memory, and that the boot-time script puts them in force.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeHost, type HostDescription } from '../../../host-tuning/describe-host.ts';
import { hostFiles, networkFiles } from '../../../host-tuning/host-files.ts';
import { hostTable } from '../../../host-tuning/host-table.ts';
import { renderHost } from '../../../host-tuning/render-host.ts';
import { readHostScripts, tuneScript } from '../../../host-tuning/scripts.ts';
import { isMemoryShare } from '../../../host-tuning/setting.ts';
import { SETTINGS_TABLE } from '../../../host-tuning/settings-table.ts';
import { MOUNT_OPTIONS, mountUnit } from '../../../host-tuning/units.ts';
import { fits, HOST_PROFILES, HOST_SETTING_IDS, HOST_SETTINGS } from '../../../spec/hosts-choices.ts';
import { FakeHost } from './fake-host.ts';
import { ONE_HOST, specOf } from './specs.ts';

const scripts = readHostScripts();

function described(settings: string): HostDescription {
  return describeHost(specOf(ONE_HOST.replace('class: one', `class: one\n      ${settings}`)), 'a1');
}

const valuesOf = ({ settings }: HostDescription) => new Map(settings.map(({ id, value }) => [id, value]));

describe('the table of settings', () => {
  it('gives values that the spec would accept, with a reason that is a sentence and a source', () => {
    for (const id of HOST_SETTING_IDS) {
      const { values, reason, source } = SETTINGS_TABLE[id];
      expect(reason, id).toMatch(/^[A-Z].*\.$/);
      expect(source, id).not.toBe('');
      for (const profile of HOST_PROFILES) {
        const value = values[profile];
        if (!isMemoryShare(value)) expect(fits(value, HOST_SETTINGS[id]), `${id} ${profile}`).toBe(true);
        else expect(value.min, id).toBeLessThan(value.max);
      }
    }
  });
});

it('a round of receiving gets no less than two ticks of a kernel of 250 Hz, which refuses less', () => {
  for (const value of Object.values(SETTINGS_TABLE['net.core.netdev_budget_usecs'].values))
    expect(value === false || Number(value) >= 2 * (1_000_000 / 250)).toBe(true);
});

describe('a host gets', () => {
  it('the values of its profile', () => {
    expect(valuesOf(described('profile: throughput')).get('read-ahead-kb')).toBe(1024);
    expect(valuesOf(described('profile: small-objects')).get('read-ahead-kb')).toBe(64);
    expect(valuesOf(described('profile: balanced')).has('cpu-governor')).toBe(false);
  });

  it('what its spec says instead, with the spec as the source, and nothing where it says false', () => {
    const description = described('settings: {vm.swappiness: 10, transparent-hugepages: false}');
    expect(description.settings.find(({ id }) => id === 'vm.swappiness')).toMatchObject({
      value: 10,
      source: 'the spec',
    });
    expect(valuesOf(description).has('transparent-hugepages')).toBe(false);
  });

  it('what its runtime needs, and not what another one needs', () => {
    expect(valuesOf(described('runtime: none')).has('net.ipv4.ip_forward')).toBe(false);
    expect(valuesOf(described('runtime: docker')).get('net.ipv4.ip_forward')).toBe(1);
    expect(valuesOf(described('runtime: docker')).has('vm.overcommit_memory')).toBe(false);
    expect(valuesOf(described('runtime: kubernetes')).get('vm.overcommit_memory')).toBe(1);
  });

  it('the limit of open files, in the defaults of the engine', () => {
    const files = hostFiles(described('runtime: docker\n      settings: {limit-nofile: 2000000}'), scripts);
    const daemon = files.find(({ path }) => path === '/etc/docker/daemon.json');
    expect(JSON.parse(daemon!.text)).toEqual({
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 2_000_000, Hard: 2_000_000 } },
    });
    expect(hostFiles(described('runtime: none'), scripts).some(({ path }) => path.includes('docker'))).toBe(false);
  });
});

describe('units', () => {
  it('are named as systemd-escape names them', () => {
    expect(mountUnit('/mnt/d1')).toBe('mnt-d1.mount');
    expect(mountUnit('/mnt/nvme/wal-1')).toBe('mnt-nvme-wal\\x2d1.mount');
    expect(mountUnit('/.hidden/d1')).toBe('\\x2ehidden-d1.mount');
  });

  it('mount with nofail, because the formatter runs after local-fs.target, and systemd would break the circle by not running it', () => {
    expect(MOUNT_OPTIONS.split(',')).toContain('nofail');
  });

  it('make the engine require the drive of the log, or all drives when the spec says so', () => {
    const archive = readFileSync('examples/bare-metal.yaml', 'utf8');
    const required = (text: string) => {
      const files = hostFiles(describeHost(specOf(text), 'a1'), scripts);
      const dropIn = files.find(({ path }) => path.endsWith('docker.service.d/ashlar.conf'))!;
      return /^RequiresMountsFor=(.*)$/m.exec(dropIn.text)?.[1];
    };
    expect(required(archive)).toBe('/mnt/nvme/wal');
    expect(
      required(archive.replace('profile: throughput', 'profile: throughput\n      settings: {drives-required: all}')),
    ).toBe('/mnt/d1 /mnt/d2 /mnt/d3 /mnt/d4 /mnt/nvme/wal');
  });
});

describe('on the host', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = new FakeHost();
  });
  afterEach(() => host.remove());

  it.each([
    // of 768 MiB, 16 GiB and 512 GiB
    [768 * 1024, '4096 131072 4194304', 65_536, 67_108_864, undefined],
    [16 * 2 ** 20, '4096 131072 17179648', 83_886, 171_798_528, 1024],
    [512 * 2 ** 20, '4096 131072 67108864', 1_048_576, 536_870_912, 1024],
  ])('shares of %d KiB of memory are computed', (kilobytes, buffers, reserve, background, ring) => {
    host.memory(kilobytes);
    const text = [
      scripts.libDrives,
      scripts.libSettings,
      'root=$1',
      'value_of "4096 131072 ram 1 4194304 67108864 1"',
      'value_of "ram 5 65536 1048576 1024"',
      'value_of "ram 10 67108864 536870912 1"',
      'value_of 17',
      'ring_wanted 1024 8192',
    ].join('\n');
    expect(host.run(text, [host.root]).lines).toEqual(
      [buffers, reserve, background, 17, ring].filter((value) => value !== undefined).map(String),
    );
  });

  it('the boot-time script puts them in force, and a second run writes nothing', () => {
    prepare(host);
    const script = tuneScript(scripts);
    expect(host.run(script, [host.root])).toEqual({ exitCode: 0, lines: [], stderr: '' });
    expect(host.read('/sys/kernel/mm/transparent_hugepage/enabled')).toBe('madvise\n');
    expect(host.read('/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor')).toBe('performance\n');
    expect(host.read('/sys/block/nvme0n1/queue/scheduler')).toBe('none\n');
    expect(host.read('/sys/block/nvme0n1/queue/read_ahead_kb')).toBe('1024\n');
    expect(host.read('/sys/fs/xfs/nvme0n1/error/metadata/EIO/max_retries')).toBe('0\n');
    expect([5, 6, 7].map((irq) => host.read(`/proc/irq/${irq}/smp_affinity_list`).trim())).toEqual(['2', '3', '2']);
    expect(host.read('/run/sysctl.d/91-ashlar.conf')).toContain('\nnet.core.rmem_max = 17179648\n');
    expect(host.calls('sysctl')).toEqual([
      `-q -e -p ${host.path('/etc/sysctl.d/90-ashlar.conf')} ${host.path('/run/sysctl.d/91-ashlar.conf')}`,
    ]);
    // The card has 2048 slots at most, and as many queues as there are processors.
    const changes = ['-G port0 rx 2048', '-G port0 tx 2048', '-L port0 combined 4'];
    expect(host.calls('ethtool').filter((call) => /^-[GL]/.test(call))).toEqual(changes);
    // tuned is there, the others are not.
    expect(host.calls('systemctl').filter((call) => call.startsWith('mask'))).toEqual([
      'mask --quiet --now tuned.service',
    ]);

    host.program('ethtool', ethtool(2048, 4));
    host.run(script, [host.root]);
    expect(host.calls('ethtool').filter((call) => /^-[GL]/.test(call))).toEqual(changes);
  });

  it('huge pages are settled before the sysctls, because the kernel raises vm.min_free_kbytes for them', () => {
    prepare(host);
    host.program('sysctl', `cp '${host.path('/sys/kernel/mm/transparent_hugepage/enabled')}' "$state/pages-by-then"`);
    host.run(tuneScript(scripts), [host.root]);
    expect(host.stateOf('pages-by-then')).toBe('madvise\n');
  });

  function prepare(fake: FakeHost): void {
    const description = described('profile: throughput');
    fake.write('/etc/ashlar/host.conf', hostTable(description));
    fake.drive({ name: 'nvme0n1', serial: 'S-1' });
    fake.write('/proc/self/mountinfo', `40 21 259:0 / /mnt/d1 rw,noatime - xfs ${fake.path('/dev/nvme0n1')} rw\n`);
    fake.write('/sys/kernel/mm/transparent_hugepage/enabled', '[always] madvise never\n');
    for (const cpu of [0, 1, 2, 3])
      fake.write(`/sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_governor`, 'powersave\n');
    fake.write('/sys/block/nvme0n1/queue/scheduler', '[mq-deadline] none\n');
    fake.write('/sys/block/nvme0n1/queue/read_ahead_kb', '128\n');
    fake.write('/sys/fs/xfs/nvme0n1/error/metadata/EIO/max_retries', '-1\n');
    fake.write('/sys/class/net/port0/device/local_cpulist', '2-3\n');
    for (const irq of [5, 6, 7]) {
      fake.write(`/sys/class/net/port0/device/msi_irqs/${irq}`, 'msix\n');
      fake.write(`/proc/irq/${irq}/smp_affinity_list`, '0-3\n');
    }
    fake.program('ethtool', ethtool(256, 1));
    fake.program('sysctl', 'exit 0');
    fake.program('systemctl', 'if [ "$1" = cat ] && [ "$2" != tuned.service ]; then exit 1; fi');
  }
});

/** Answers as ethtool does, of a card with 2048 slots and 8 queues. */
function ethtool(slots: number, queues: number): string {
  const ring = `Ring parameters for port0:\nPre-set maximums:\nRX:\t\t2048\nRX Mini:\tn/a\nTX:\t\t2048\nCurrent hardware settings:\nRX:\t\t${slots}\nRX Mini:\tn/a\nTX:\t\t${slots}\n`;
  const channels = `Channel parameters for port0:\nPre-set maximums:\nRX:\t\tn/a\nCombined:\t8\nCurrent hardware settings:\nRX:\t\tn/a\nCombined:\t${queues}\n`;
  return `case $1 in -g) printf '%s' '${ring}' ;; -l) printf '%s' '${channels}' ;; esac`;
}

it('every file is in the user-data, and in the script for a running host, byte for byte', () => {
  const description = described('runtime: docker\n      networkRenderer: networkd');
  const files = [...networkFiles(description.host), ...hostFiles(description, scripts)];
  const rendered = renderHost(description, scripts);
  const { write_files } = parse(rendered.get('user-data')!) as {
    write_files: { path: string; content: string; permissions: string }[];
  };
  expect(write_files.map(({ path, content, permissions }) => ({ path, text: content, mode: permissions }))).toEqual(
    files,
  );
  const applied = [
    ...rendered.get('apply.sh')!.matchAll(/^put (\d+) '(.*)' <<'END_OF_FILE'\n([\s\S]*?\n)END_OF_FILE$/gm),
  ];
  const byPath = new Map(applied.map(([, mode, path, text]) => [path, { path, text, mode }]));
  expect(files.map(({ path }) => byPath.get(path))).toEqual(files);
  // What says that all was written comes last.
  expect(applied.at(-1)![2]).toBe('/etc/ashlar/host.conf');
});

it('no script has a comment but what shellcheck is told, and where the comments are', () => {
  const own = hostFiles(described('runtime: docker'), scripts).filter(({ path }) => /(drives|tune)\.sh$/.test(path));
  expect(own).toHaveLength(2);
  for (const { text } of own) {
    const comments = text.split('\n').filter((line) => /^\s*#/.test(line) && !line.includes('# shellcheck '));
    expect(comments).toEqual(['#!/bin/sh', expect.stringContaining('host-tuning/scripts')]);
  }
});

it('every script is one that sh can read', () => {
  const description = described('runtime: docker');
  const own = hostFiles(description, scripts).filter(({ path }) => path.startsWith('/usr/local'));
  const apply = { path: 'apply.sh', text: renderHost(description, scripts).get('apply.sh')! };
  for (const { path, text } of [...own, apply]) {
    expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' }), path).toMatchObject({ status: 0, stderr: '' });
  }
});
