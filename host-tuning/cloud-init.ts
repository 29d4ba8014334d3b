// What cloud-init reads at the first boot: user-data and meta-data. The work is done by our own files and scripts; cloud-init writes
// them, installs packages, makes users, and starts them. Its own disk_setup and fs_setup are not used: they were seen to format
// drives that hold data.
import { stringify } from 'yaml';
import type { HostRuntime, HostSystem } from '../spec/hosts.ts';
import type { HostDescription } from './describe-host.ts';
import type { HostFile } from './host-file.ts';
import { START_SCRIPT } from './host-files.ts';

/** What the scripts and the doctor call. chattr is in e2fsprogs, whatever the file system of the root is. */
const PACKAGES = ['chrony', 'e2fsprogs', 'ethtool', 'fio', 'iperf3', 'nvme-cli', 'smartmontools', 'xfsprogs'];
const PING_PACKAGE = { debian: 'iputils-ping', 'red-hat': 'iputils' } as const;
/** By family of the distribution; the engine of Kubernetes comes with the way in which Kubernetes is installed. */
const ENGINE_PACKAGES: Readonly<Record<'debian' | 'red-hat', Readonly<Record<HostRuntime, readonly string[]>>>> = {
  debian: { none: [], docker: ['docker.io'], kubernetes: [] },
  // Docker's own repository is needed there, and whoever has it says which one.
  'red-hat': { none: [], docker: [], kubernetes: [] },
};

export function userData(description: HostDescription, files: readonly HostFile[]): string {
  const { host, cluster } = description;
  const isNative = host.networkRenderer !== 'cloud-init';
  const family = familyOf(host.system);
  const config = {
    hostname: host.name,
    preserve_hostname: false,
    ssh_pwauth: false,
    ...(host.users.length === 0 ? {} : { users: host.users.map(user) }),
    package_update: true,
    packages: [...PACKAGES, PING_PACKAGE[family], ...ENGINE_PACKAGES[family][host.runtime]],
    ntp: {
      enabled: true,
      ntp_client: 'chrony',
      ...(host.timeServers.length === 0 ? {} : { servers: host.timeServers }),
    },
    write_files: files.map(({ path, mode, text }) => ({ path, permissions: mode, owner: 'root:root', content: text })),
    runcmd: [['/bin/sh', START_SCRIPT]],
    // Cards get their names, and bonds their options, from udev and the network service at a boot.
    ...(isNative
      ? { power_state: { mode: 'reboot', message: 'The network is configured; once more.', timeout: 60 } }
      : {}),
  };
  return `#cloud-config\n# Host ${host.name} of cluster ${cluster}, from its spec by "ashlar host-config".\n${yamlText(config)}`;
}

/** The id stays: with another one cloud-init would begin anew, and draw new host keys. */
export function metaData({ cluster, host }: HostDescription): string {
  return yamlText({ 'instance-id': `ashlar-${cluster}-${host.name}`, 'local-hostname': host.name });
}

/** cloud-init reads YAML 1.1, to which a MAC address of digits alone is a number to the base of 60. */
export function yamlText(value: unknown): string {
  return stringify(value, { compat: 'yaml-1.1', lineWidth: 0 });
}

function user({ name, keys, sudo }: HostDescription['host']['users'][number]): Record<string, unknown> {
  return {
    name,
    shell: '/bin/bash',
    lock_passwd: true,
    ...(sudo ? { sudo: 'ALL=(ALL) NOPASSWD:ALL' } : {}),
    ...(keys.length === 0 ? {} : { ssh_authorized_keys: keys }),
  };
}

function familyOf(system: HostSystem): 'debian' | 'red-hat' {
  return system.startsWith('rocky') || system.startsWith('rhel') ? 'red-hat' : 'debian';
}
