// Every setting of kernel and system that makes a storage host: by profile, with its reason and its source. docs/host-tuning.md is
// generated from this table, the host's files and the doctor are rendered from it; there is no other list.
import type { HostSettingId } from '../spec/hosts-choices.ts';
import type { MemoryShare, SettingRow, Value } from './setting.ts';

const MINIO = 'MinIO, tuned profile (minio/minio docs/tuning)';
const RUSTFS = 'RustFS, installation checklist';
const VM_DOC = 'kernel, admin-guide/sysctl/vm';
const NET_DOC = 'kernel, admin-guide/sysctl/net and networking/ip-sysctl';
const ESNET = 'ESnet, fasterdata.es.net host tuning';
const MIB = 2 ** 20;
const GIB = 2 ** 30;

const all = (value: Value) => ({ throughput: value, 'small-objects': value, balanced: value });
const profiles = (throughput: Value, smallObjects: Value, balanced: Value) => ({
  throughput,
  'small-objects': smallObjects,
  balanced,
});
const memory = (perMille: number, min: number, max: number, unitBytes: 1 | 1024 = 1): MemoryShare => ({
  perMille,
  min,
  max,
  unitBytes,
});

export const SETTINGS_TABLE: Readonly<Record<HostSettingId, SettingRow>> = {
  'vm.swappiness': {
    kind: 'sysctl',
    values: all(1),
    reason:
      'A storage node that is swapped out answers late, and late is worse than a smaller page cache. Not 0: then the kernel kills processes before it swaps at all.',
    source: `${VM_DOC}; MinIO, kernel-tuning script; ${MINIO} says 0`,
  },
  'vm.vfs_cache_pressure': {
    kind: 'sysctl',
    values: profiles(50, 50, 100),
    reason:
      'Names and inodes of shard files are small, and finding them again costs a read of the drive: keep them longer.',
    source: MINIO,
  },
  'vm.dirty_background_bytes': {
    kind: 'sysctl',
    values: profiles(memory(10, 16 * MIB, GIB), memory(5, 16 * MIB, 256 * MIB), memory(10, 16 * MIB, 512 * MIB)),
    reason:
      'Writing back begins early and in small portions. A share of memory by ratio would be tens of gigabytes on a large host, and one sync would wait for all of it.',
    source: `${VM_DOC}; ${MINIO} says dirty_background_ratio 3`,
  },
  'vm.dirty_bytes': {
    kind: 'sysctl',
    values: profiles(memory(40, 64 * MIB, 4 * GIB), memory(20, 64 * MIB, GIB), memory(40, 64 * MIB, 2 * GIB)),
    reason: 'Above this, writers wait: the most that one sync of the log may have to wait behind.',
    source: `${VM_DOC}; ${MINIO} says dirty_ratio 10`,
  },
  'vm.min_free_kbytes': {
    kind: 'sysctl',
    values: all(memory(5, 16 * 1024, 1024 * 1024, 1024)),
    reason:
      'Large frames are taken from free pages in interrupts, which cannot wait for memory; without a reserve they are dropped.',
    source: `${VM_DOC}; MinIO, kernel-tuning script says 1000000`,
  },
  'vm.max_map_count': {
    kind: 'sysctl',
    values: all(524_288),
    reason: 'Engines that map many files run into the default of 65530; it costs nothing until it is used.',
    source: MINIO,
  },
  'vm.zone_reclaim_mode': {
    kind: 'sysctl',
    values: all(0),
    reason: 'The page cache may lie on the other processor; throwing it away to stay local costs reads of the drive.',
    source: VM_DOC,
  },
  'vm.overcommit_memory': {
    kind: 'sysctl',
    values: all(1),
    runtimes: ['kubernetes'],
    reason: 'The kubelet refuses to start, or changes it itself, where it protects the defaults of the kernel.',
    source: 'Kubernetes, kubelet --protect-kernel-defaults',
  },
  'kernel.numa_balancing': {
    kind: 'sysctl',
    values: all(0),
    reason:
      'The kernel unmaps pages to see who uses them; threads that copy between cards and page cache then stop at faults again and again.',
    source: 'Weka, prerequisites; MinIO says 1',
  },
  'kernel.panic': {
    kind: 'sysctl',
    values: all(10),
    runtimes: ['kubernetes'],
    reason: 'A host that has crashed comes back by itself; kubelet expects this value.',
    source: 'Kubernetes, kubelet --protect-kernel-defaults',
  },
  'kernel.panic_on_oops': {
    kind: 'sysctl',
    values: all(1),
    runtimes: ['kubernetes'],
    reason: 'A kernel that lost a thread may hold locks for ever: the cluster bears a restart better.',
    source: 'Kubernetes, kubelet --protect-kernel-defaults',
  },
  'net.core.rmem_max': {
    kind: 'sysctl',
    values: all(memory(1, 4 * MIB, 64 * MIB)),
    reason: 'The most that one connection may have on its way to us: 100 Gbit/s times 5 ms are 64 MiB.',
    source: `${MINIO}; ${ESNET}; scaled to memory`,
  },
  'net.core.wmem_max': {
    kind: 'sysctl',
    values: all(memory(1, 4 * MIB, 64 * MIB)),
    reason: 'The same, on its way from us.',
    source: `${MINIO}; ${ESNET}; scaled to memory`,
  },
  'net.ipv4.tcp_rmem': {
    kind: 'sysctl',
    values: profiles(
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 1048576' },
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 131072' },
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 131072' },
    ),
    reason:
      'Where the window of a connection begins and how far it may grow. Only for throughput it begins with 1 MiB: many clients with small objects would hold that much each.',
    source: `${MINIO} (4096 1 MiB 64 MiB); ${NET_DOC}`,
  },
  'net.ipv4.tcp_wmem': {
    kind: 'sysctl',
    values: profiles(
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 1048576' },
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 65536' },
      { ...memory(1, 4 * MIB, 64 * MIB), before: '4096 65536' },
    ),
    reason: 'The same for what we send.',
    source: `${MINIO} (4096 1 MiB 64 MiB); ${NET_DOC}`,
  },
  'net.core.somaxconn': {
    kind: 'sysctl',
    values: all(65_535),
    reason: 'After a node returns, all clients connect at once; a full queue turns that into retries seconds later.',
    source: MINIO,
  },
  'net.core.netdev_max_backlog': {
    kind: 'sysctl',
    values: profiles(32_768, 16_384, 8192),
    reason:
      'Packets that wait between a card and a processor. Not 250000: of 9000 bytes each, they would be two gigabytes and old before they are read.',
    source: `${MINIO} says 250000`,
  },
  'net.core.netdev_budget': {
    kind: 'sysctl',
    values: profiles(600, 600, 300),
    reason:
      'Packets that one round of receiving takes, so that fast links are not left and taken up again all the time.',
    source: MINIO,
  },
  'net.core.netdev_budget_usecs': {
    kind: 'sysctl',
    values: profiles(8000, 8000, false),
    reason:
      'The time of such a round; with less the larger budget above would never be reached. It is the least that a kernel of 250 Hz takes: two of its ticks.',
    source: `${NET_DOC}; kernel 6.1 of Debian 12, tried`,
  },
  'net.ipv4.tcp_slow_start_after_idle': {
    kind: 'sysctl',
    values: all(0),
    reason: 'Nodes keep their connections; after each pause they would begin with ten packets again.',
    source: RUSTFS,
  },
  'net.ipv4.tcp_mtu_probing': {
    kind: 'sysctl',
    values: all(1),
    reason:
      'Where some router on the way to a client drops large packets and says nothing, the connection goes on with smaller ones.',
    source: `${ESNET}; ${NET_DOC}`,
  },
  'net.ipv4.ip_forward': {
    kind: 'sysctl',
    values: all(1),
    runtimes: ['docker', 'kubernetes'],
    reason: 'Containers reach other hosts through this one.',
    source: 'Docker and Kubernetes, prerequisites',
  },
  'net.bridge.bridge-nf-call-iptables': {
    kind: 'sysctl',
    values: all(1),
    runtimes: ['docker', 'kubernetes'],
    reason: 'Rules for services hold for packets between containers of one host, too.',
    source: 'Kubernetes, container runtime prerequisites',
  },
  'fs.inotify.max_user_instances': {
    kind: 'sysctl',
    values: all(8192),
    runtimes: ['docker', 'kubernetes'],
    reason:
      'Containers share the limit of their user; with the default of 128 the logs of the next one cannot be followed.',
    source: 'Kubernetes, known issues of kind and k3s',
  },
  'transparent-hugepages': {
    kind: 'hugepages',
    values: all('madvise'),
    reason: 'Programs that ask for large pages get them; for all others, putting them together stalls at bad times.',
    source: `${MINIO}; kernel, admin-guide/mm/transhuge`,
  },
  'cpu-governor': {
    kind: 'governor',
    values: profiles('performance', 'performance', false),
    reason:
      'Between two packets a processor must not fall asleep. Balanced leaves it to the system, which saves power.',
    source: `${MINIO}; ESnet, 100G tuning`,
  },
  'io-scheduler': {
    kind: 'queue',
    values: all('none'),
    reason: 'NVMe drives order requests better than the kernel can, and have a queue for each processor.',
    source: 'kernel, block/switching-sched; Red Hat, monitoring and managing storage',
  },
  'read-ahead-kb': {
    kind: 'queue',
    values: profiles(1024, 64, 256),
    reason:
      'Shards of large objects are read from one end to the other; small objects are not, and what was read ahead is waste.',
    source: 'kernel, ABI/stable/sysfs-block; the values are estimates, not measured',
  },
  'xfs-max-retries': {
    kind: 'xfs',
    values: all(0),
    reason:
      'By default XFS retries failed metadata writes for ever and the drive hangs; a drive that fails at once is healed from the others.',
    source: 'MinIO, hardware checklist; kernel, admin-guide/xfs (error handling)',
  },
  'nic-rx-ring': {
    kind: 'ring',
    values: profiles(4096, 2048, 1024),
    reason:
      'Room for packets while a processor is busy. As much as the card can, and on hosts of little memory less or nothing: a slot of a ring holds a large frame.',
    source: 'Red Hat, network performance tuning guide',
  },
  'nic-tx-ring': {
    kind: 'ring',
    values: profiles(4096, 2048, 1024),
    reason: 'The same for what is sent.',
    source: 'Red Hat, network performance tuning guide',
  },
  'nic-queues': {
    kind: 'queues',
    values: profiles('per-cpu', 'per-cpu', false),
    reason: 'One queue for each processor, as far as the card has them, or all packets are received by few.',
    source: 'kernel, networking/scaling (RSS)',
  },
  'nic-irqs': {
    kind: 'irqs',
    values: profiles('spread', 'spread', false),
    reason:
      'Each queue of a card on a processor of its own, near the card. NVMe needs nothing: the kernel spreads its queues and lets nobody move them.',
    source: 'kernel, core-api/irq/irq-affinity; ESnet, 100G tuning',
  },
  'service.irqbalance': {
    kind: 'service',
    values: profiles('off', 'off', false),
    reason: 'It would move the interrupts that were spread.',
    source: 'Chelsio, T5 manual; follows from nic-irqs',
  },
  'service.tuned': {
    kind: 'service',
    values: all('off'),
    reason: 'It writes a profile of its own over these settings, at its start and whenever it is asked.',
    source: 'Red Hat, TuneD documentation',
  },
  'service.power-profiles-daemon': {
    kind: 'service',
    values: profiles('off', 'off', false),
    reason: 'It changes the governor.',
    source: 'freedesktop.org, power-profiles-daemon',
  },
  'service.ondemand': {
    kind: 'service',
    values: profiles('off', 'off', false),
    reason: 'Older Ubuntu sets the governor with it a minute after the start.',
    source: 'Ubuntu, ondemand.service',
  },
  'limit-nofile': {
    kind: 'limit',
    values: all(1_048_576),
    runtimes: ['docker', 'kubernetes'],
    reason: 'Every connection and every open shard is a file. Of Swarm services only the engine can say it.',
    source: RUSTFS,
  },
  'drives-required': {
    kind: 'units',
    values: all('log'),
    reason:
      "What the engine's start waits for and depends on. Without the drive of the log a node can do nothing; with one data drive dead it serves with the others.",
    source: 'this project, docs/host-tuning.md',
  },
};
