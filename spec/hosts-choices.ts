// The words of the "hosts" part of a spec: systems, profiles, and every setting of a host that may be overridden, with the values
// that it takes. Why each has the value that it has is in host-tuning/settings-table.ts, which is keyed by these names.

export const HOST_SYSTEMS = ['debian-12', 'debian-13', 'ubuntu-22.04', 'ubuntu-24.04', 'rocky-9', 'rhel-9'] as const;
export type HostSystem = (typeof HOST_SYSTEMS)[number];

/** Who turns the description of the network into configuration: cloud-init itself, or files in the host's own format. */
export const NETWORK_RENDERERS = ['cloud-init', 'networkd', 'network-manager'] as const;
export type NetworkRenderer = (typeof NETWORK_RENDERERS)[number];

export const HOST_PROFILES = ['throughput', 'small-objects', 'balanced'] as const;
export type HostProfile = (typeof HOST_PROFILES)[number];

export const HOST_RUNTIMES = ['none', 'docker', 'kubernetes'] as const;
export type HostRuntime = (typeof HOST_RUNTIMES)[number];

/** What a setting may be: a whole number between two, one of some words, or three numbers as net.ipv4.tcp_rmem has. */
export type SettingShape =
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'triple' };

const number = (min: number, max: number): SettingShape => ({ kind: 'number', min, max });
const word = (...words: string[]): SettingShape => ({ kind: 'word', words });
const GIB = 2 ** 30;

export const HOST_SETTINGS = {
  'vm.swappiness': number(0, 200),
  'vm.vfs_cache_pressure': number(1, 1000),
  'vm.dirty_background_bytes': number(2 ** 20, 64 * GIB),
  'vm.dirty_bytes': number(2 ** 20, 256 * GIB),
  'vm.min_free_kbytes': number(1024, 16 * 2 ** 20),
  'vm.max_map_count': number(65_530, 2 ** 31 - 1),
  'vm.zone_reclaim_mode': number(0, 7),
  'vm.overcommit_memory': number(0, 2),
  'kernel.numa_balancing': number(0, 1),
  'kernel.panic': number(0, 3600),
  'kernel.panic_on_oops': number(0, 1),
  'net.core.rmem_max': number(212_992, GIB),
  'net.core.wmem_max': number(212_992, GIB),
  'net.ipv4.tcp_rmem': { kind: 'triple' },
  'net.ipv4.tcp_wmem': { kind: 'triple' },
  'net.core.somaxconn': number(128, 65_535),
  'net.core.netdev_max_backlog': number(1000, 1_000_000),
  'net.core.netdev_budget': number(64, 10_000),
  'net.core.netdev_budget_usecs': number(1000, 100_000),
  'net.ipv4.tcp_slow_start_after_idle': number(0, 1),
  'net.ipv4.tcp_mtu_probing': number(0, 2),
  'net.ipv4.ip_forward': number(0, 1),
  'net.bridge.bridge-nf-call-iptables': number(0, 1),
  'fs.inotify.max_user_instances': number(128, 1_000_000),
  'transparent-hugepages': word('always', 'madvise', 'never'),
  'cpu-governor': word('performance', 'schedutil', 'ondemand', 'powersave', 'conservative'),
  'io-scheduler': word('none', 'mq-deadline', 'kyber', 'bfq'),
  'read-ahead-kb': number(0, 65_536),
  'xfs-max-retries': number(-1, 1_000_000),
  'nic-rx-ring': number(64, 65_536),
  'nic-tx-ring': number(64, 65_536),
  'nic-queues': word('per-cpu'),
  'nic-irqs': word('spread'),
  'service.irqbalance': word('off'),
  'service.tuned': word('off'),
  'service.power-profiles-daemon': word('off'),
  'service.ondemand': word('off'),
  'limit-nofile': number(65_536, 1_073_741_816),
  'drives-required': word('log', 'all'),
} as const satisfies Readonly<Record<string, SettingShape>>;

export type HostSettingId = keyof typeof HOST_SETTINGS;
export const HOST_SETTING_IDS = Object.keys(HOST_SETTINGS) as HostSettingId[];

/** false leaves the setting alone. */
export type SettingValue = number | string | false;

/** Completes "… is not". */
export function shapeText(shape: SettingShape): string {
  switch (shape.kind) {
    case 'number':
      return `a whole number from ${shape.min} to ${shape.max}`;
    case 'word':
      return shape.words.join(', ').replace(/, ([^,]*)$/, ' or $1');
    case 'triple':
      return 'three numbers: least, default, most';
  }
}

export function fits(value: SettingValue, shape: SettingShape): boolean {
  if (value === false) return true;
  switch (shape.kind) {
    case 'number':
      return typeof value === 'number' && value >= shape.min && value <= shape.max;
    case 'word':
      return shape.words.includes(String(value));
    case 'triple': {
      const parts = String(value).split(' ').map(Number);
      return parts.length === 3 && parts.every((part, i) => Number.isInteger(part) && part >= (parts[i - 1] ?? 1));
    }
  }
}
