// With `wal:` on another device the drive's own device sees no sync per write: counted on real node processes by strace, by the
// directory that each sync was for, and held against what the nodes say of themselves in their metrics.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalCluster } from '../local-cluster.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { S3Connection } from '../traffic/s3-connection.ts';

const PORT = 19_480;
const SPEC = `name: wal
erasure: 2+1
nodes:
  a1: {zone: a, drives: [/d1, /d2], wal: /wal}
  b1: {zone: b, drives: [/d1, /d2], wal: /wal}
  c1: {zone: c, drives: [/d1, /d2], wal: /wal}
`;
/** A checkpoint and its transactions are syncs on the drive, too: a few for a run, whatever the number of writes. */
const DRIVE_SYNCS_MAX_PER_WRITE = 0.2;
const TIMEOUT_MS = 20_000;

export const logDevice: Suite = {
  name: 'log-device',
  summary: 'a drive whose log lies elsewhere sees no sync per write, counted by strace on real nodes',
  packages: [{ name: 'strace', program: 'strace' }],
  run: async (context) => {
    const cluster = await LocalCluster.up(join(context.directory, 'up'), PORT, SPEC);
    try {
      await countSyncs(cluster, context);
    } finally {
      await cluster.down();
    }
  },
};

async function countSyncs(cluster: LocalCluster, { ci, directory, say }: SuiteContext): Promise<void> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION } = cluster.env;
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID!, secretAccessKey: AWS_SECRET_ACCESS_KEY! };
  const s3 = new S3Connection(cluster.endpoint, credentials, AWS_REGION ?? 'us-east-1', TIMEOUT_MS);
  await s3.call({ method: 'PUT', path: '/bucket' });
  const pids = (await cluster.status()).nodes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  const report = join(directory, 'syncs.txt');
  const syncs = 'trace=fsync,fdatasync,sync_file_range,syncfs,msync';
  const strace = spawn('strace', [
    '-f',
    '-y',
    '-qq',
    '-e',
    syncs,
    '-o',
    report,
    ...pids.flatMap((pid) => ['-p', `${pid}`]),
  ]);
  const writes = ci ? 300 : 3_000;
  try {
    await untilTraced(pids);
    for (let i = 0; i < writes; i++) {
      const { status } = await s3.call({ method: 'PUT', path: `/bucket/${i}`, body: Buffer.alloc(4_096, i) });
      if (status !== 200) throw new Error(`PUT ${i} was answered with ${status}`);
    }
  } finally {
    strace.kill('SIGINT');
    await once(strace, 'exit');
  }
  const lines = (await readFile(report, 'utf8')).split('\n').filter((line) => !line.includes('resumed>'));
  const onLogs = lines.filter((line) => line.includes(`<${cluster.directory}/wal/`)).length;
  const onDrives = lines.filter((line) => line.includes(`<${cluster.directory}/data/`)).length;
  say(`${writes} writes of 4 KiB, one after the other: ${onLogs} syncs on log devices, ${onDrives} on drives`);
  // Every write is acknowledged by two replicas at least, each of which had synced its log.
  if (onLogs < 2 * writes) throw new Error(`${onLogs} syncs of logs cannot make ${writes} writes durable twice`);
  if (onDrives > writes * DRIVE_SYNCS_MAX_PER_WRITE)
    throw new Error(`${onDrives} syncs on drives: some come with each write`);
}

/** strace has its hands on all of them. */
async function untilTraced(pids: readonly number[]): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')));
    if (states.every((state) => !/^TracerPid:\t0$/m.test(state))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('strace did not attach to the nodes');
}
