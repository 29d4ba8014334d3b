// Where vendors contradict each other, or where we contradict them, and what was chosen. Part of docs/host-tuning.md.
import type { Conflict } from './setting.ts';

export const CONFLICTS: readonly Conflict[] = [
  {
    about: 'swappiness',
    said: 'MinIO 0 in its tuned profile and 1 in its kernel-tuning script; kernel documentation: 0 means no swapping before free memory is at its mark',
    chosen: '1',
    why: 'Both avoid swap; with 0 a peak ends in the out-of-memory killer instead of a few pages in swap.',
  },
  {
    about: 'NUMA balancing',
    said: 'MinIO numa_balancing 1; Weka off',
    chosen: '0',
    why: 'The work is copying between cards and page cache, which have their place; moving pages around only adds faults.',
  },
  {
    about: 'dirty pages',
    said: 'MinIO ratios 3 and 10 (of 512 GiB that is 15 and 51 GiB)',
    chosen: 'bytes, scaled and capped',
    why: 'The store syncs for every acknowledgement; what counts is how much can stand before a sync, not a share of memory.',
  },
  {
    about: 'min_free_kbytes',
    said: 'MinIO 1000000 on every host',
    chosen: '0.5 % of memory, 16 MiB to 1 GiB',
    why: 'A guest with 1 GiB would have nothing left.',
  },
  {
    about: 'netdev_max_backlog',
    said: 'MinIO and makers of cards 250000; the default of Linux 1000',
    chosen: '8192 to 32768 by profile',
    why: 'Large frames times 250000 are two gigabytes of late packets. Drops are visible and retried, a backlog is neither.',
  },
  {
    about: 'buffers of sockets',
    said: 'MinIO 64 MiB at most and 1 MiB to begin with, everywhere',
    chosen: '0.1 % of memory up to 64 MiB; 1 MiB to begin with only for throughput',
    why: 'A guest with 1 GiB must live with a hundred connections.',
  },
  {
    about: 'mounting by',
    said: 'MinIO LABEL; RustFS UUID',
    chosen: 'UUID, computed from cluster, node, drive and serial; the label is for people',
    why: 'Labels repeat on every host: a drive from another one would be mounted. This UUID is on no other drive, and the one that was replaced cannot come back.',
  },
  {
    about: 'nofail',
    said: 'MinIO without: a missing drive stops the boot; most others with it',
    chosen: 'the boot goes on, the mount point is immutable',
    why: 'A host in emergency mode takes its good drives with it. What nofail makes dangerous is writing into the empty directory, and that is impossible here.',
  },
  {
    about: 'what the service requires',
    said: 'all mounts (RequiresMountsFor), usual advice; MinIO and RustFS nothing',
    chosen: 'RequiresMountsFor the log; the data drives are waited for (drives-required: all to require them)',
    why: 'The node refuses a drive that is not there by itself and serves with the others; it cannot serve without its log.',
  },
  {
    about: 'RAID and LVM',
    said: 'controllers come with RAID on; MinIO, RustFS: none',
    chosen: 'none',
    why: 'Erasure coding does it over hosts; below it, RAID hides which drive is bad and doubles the writes.',
  },
  {
    about: 'XFS inode size',
    said: 'RustFS 512; it is the default of xfsprogs, too',
    chosen: '512, said explicitly',
    why: 'Nothing of the store is kept in attributes; larger inodes would be read for nothing.',
  },
  {
    about: 'LACP rate',
    said: 'the default of Linux slow; Talos fast',
    chosen: 'fast',
    why: 'A switch that stopped forwarding and still has light is noticed after 3 s instead of 90 s.',
  },
];
