// The metrics of a node: what is counted, what is asked for at a scrape, and that docs/operations/metrics.md lists all of them.
import { describe, expect, it } from 'vitest';
import { METRIC_TABLE } from '../../node/admin/metric-table.ts';
import { createMetrics, type Metrics, type MetricsSnapshot } from '../../node/admin/metrics.ts';

const SNAPSHOT: MetricsSnapshot = {
  ready: true,
  epoch: 7,
  peers: [
    { name: 'b1', reachable: true, queuedBytes: 4096 },
    { name: 'c1', reachable: false, queuedBytes: 0 },
  ],
  drives: [
    {
      slot: 'a1/d1',
      usable: true,
      up: true,
      totalBytes: 1000,
      freeBytes: 400,
      shardCount: 5,
      shardBytes: 600,
      driveSyncs: 8,
      logSyncs: 9,
    },
    {
      slot: 'a1/d2',
      usable: false,
      up: false,
      totalBytes: 0,
      freeBytes: 0,
      shardCount: 0,
      shardBytes: 0,
      driveSyncs: 0,
      logSyncs: 0,
    },
  ],
  scrub: [{ slot: 'a1/d1', readBytes: 5_000, errorsFound: 4, errorsRepaired: 3, lastPassEndedMs: 1_500_000 }],
  healing: { pending: 3, comparedSinceMapChange: false, registersHealed: 11, shardsHealed: 12 },
  erasure: { encodedBytes: 100, rebuiltStripes: 2, rebuiltBytes: 50 },
  buffers: [
    { purpose: 'write', usedBytes: 1, totalBytes: 64 },
    { purpose: 'read', usedBytes: 2, totalBytes: 48 },
  ],
};

const create = (snapshot: () => MetricsSnapshot | null = () => SNAPSHOT) =>
  createMetrics({ node: 'a1', zone: 'a', snapshot: async () => snapshot() });

/** The samples of our own metrics, histograms left out. */
async function samples(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => line.startsWith('ashlar_') && !line.startsWith('ashlar_s3_request_duration'));
}

describe('a scrape', () => {
  it('shows what the node is', async () => {
    expect(await samples(create())).toEqual([
      'ashlar_node_info{node="a1",zone="a"} 1',
      'ashlar_node_ready 1',
      'ashlar_map_epoch 7',
      'ashlar_peer_reachable{peer="b1"} 1',
      'ashlar_peer_reachable{peer="c1"} 0',
      'ashlar_peer_queued_bytes{peer="b1"} 4096',
      'ashlar_peer_queued_bytes{peer="c1"} 0',
      'ashlar_drive_usable{drive="a1/d1"} 1',
      'ashlar_drive_usable{drive="a1/d2"} 0',
      'ashlar_drive_up{drive="a1/d1"} 1',
      'ashlar_drive_up{drive="a1/d2"} 0',
      'ashlar_drive_size_bytes{drive="a1/d1"} 1000',
      'ashlar_drive_size_bytes{drive="a1/d2"} 0',
      'ashlar_drive_free_bytes{drive="a1/d1"} 400',
      'ashlar_drive_free_bytes{drive="a1/d2"} 0',
      'ashlar_drive_shards{drive="a1/d1"} 5',
      'ashlar_drive_shards{drive="a1/d2"} 0',
      'ashlar_drive_shard_bytes{drive="a1/d1"} 600',
      'ashlar_drive_shard_bytes{drive="a1/d2"} 0',
      'ashlar_drive_syncs_total{drive="a1/d1",device="drive"} 8',
      'ashlar_drive_syncs_total{drive="a1/d1",device="log"} 9',
      'ashlar_drive_syncs_total{drive="a1/d2",device="drive"} 0',
      'ashlar_drive_syncs_total{drive="a1/d2",device="log"} 0',
      'ashlar_heal_pending 3',
      'ashlar_heal_compared 0',
      'ashlar_healed_registers_total 11',
      'ashlar_healed_shards_total 12',
      'ashlar_scrub_read_bytes_total{drive="a1/d1"} 5000',
      'ashlar_scrub_errors_total{drive="a1/d1"} 4',
      'ashlar_scrub_repaired_total{drive="a1/d1"} 3',
      'ashlar_scrub_unrepaired{drive="a1/d1"} 1',
      'ashlar_scrub_last_pass_timestamp_seconds{drive="a1/d1"} 1500',
      'ashlar_erasure_encoded_bytes_total 100',
      'ashlar_erasure_degraded_stripes_total 2',
      'ashlar_erasure_rebuilt_bytes_total 50',
      'ashlar_buffer_used_bytes{purpose="write"} 1',
      'ashlar_buffer_used_bytes{purpose="read"} 2',
      'ashlar_buffer_limit_bytes{purpose="write"} 64',
      'ashlar_buffer_limit_bytes{purpose="read"} 48',
    ]);
  });

  it('shows the same again when nothing has changed, and not what is gone', async () => {
    let snapshot: MetricsSnapshot = SNAPSHOT;
    const metrics = create(() => snapshot);
    const first = await samples(metrics);
    expect(await samples(metrics)).toEqual(first);
    snapshot = { ...SNAPSHOT, peers: [], drives: [], scrub: [] };
    expect((await samples(metrics)).filter((line) => /peer|drive/.test(line))).toEqual([]);
  });

  it('says that the node is not ready before it has joined', async () => {
    const found = await samples(create(() => null));
    expect(found).toContain('ashlar_node_ready 0');
    expect(found.filter((line) => line.includes('drive'))).toEqual([]);
  });

  it('brings the metrics of the process and of its event loop', async () => {
    const text = await create().text();
    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']) {
      expect(text).toMatch(new RegExp(`^${name} [0-9.e-]+$`, 'm'));
    }
  });
});

describe('requests', () => {
  it('are counted by operation and status, with their bytes and their times', async () => {
    const metrics = create(() => null);
    metrics.observe({ operation: 'PutObject', status: 200, bytesIn: 1000, bytesOut: 0, durationMs: 4 });
    metrics.observe({ operation: 'PutObject', status: 503, bytesIn: 10, bytesOut: 300, durationMs: 40_000 });
    const found = (await metrics.text()).split('\n').filter((line) => line.includes('PutObject'));
    expect(found).toEqual(
      expect.arrayContaining([
        'ashlar_s3_requests_total{operation="PutObject",status="200"} 1',
        'ashlar_s3_requests_total{operation="PutObject",status="503"} 1',
        'ashlar_s3_received_bytes_total{operation="PutObject"} 1010',
        'ashlar_s3_sent_bytes_total{operation="PutObject"} 300',
        'ashlar_s3_request_duration_seconds_bucket{le="0.002",operation="PutObject"} 0',
        'ashlar_s3_request_duration_seconds_bucket{le="0.005",operation="PutObject"} 1',
        'ashlar_s3_request_duration_seconds_bucket{le="120",operation="PutObject"} 2',
        'ashlar_s3_request_duration_seconds_sum{operation="PutObject"} 40.004',
      ]),
    );
  });

  it('of one node are not seen in the metrics of another', async () => {
    const [a, b] = [create(), create()];
    a!.observe({ operation: 'GetObject', status: 200, bytesIn: 0, bytesOut: 1, durationMs: 1 });
    expect(await b!.text()).not.toContain('GetObject');
  });
});

describe('docs/operations/metrics.md', () => {
  it('lists every metric as the table has it (vitest run -u writes it anew)', async () => {
    const rows = Object.entries(METRIC_TABLE).map(
      ([name, { kind, labels, help }]) => `| \`${name}\` | ${kind} | ${labels.join(', ')} | ${help} |`,
    );
    const text = `# Metrics

Every node serves its metrics in Prometheus' text format at \`/metrics\` and \`/_ashlar/metrics\`, without a token. They say what this node
does and sees; sums over the cluster are Prometheus' work.

| metric | kind | labels | what it says |
|---|---|---|---|
${rows.join('\n')}

Besides, under their customary names, the metrics that every Node.js process has: \`process_*\` (processor time, memory, open files) and
\`nodejs_*\` (event loop lag, garbage collection, heap). A \`nodejs_eventloop_lag_p99_seconds\` above some tenths of a second means that the node
has more to compute than one core can do.
`;
    await expect(text).toMatchFileSnapshot('../../docs/operations/metrics.md');
  });

  it('names base units, and says something about every metric', () => {
    for (const [name, { kind, help }] of Object.entries(METRIC_TABLE)) {
      expect(name).toMatch(/^ashlar_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), `${name} is a ${kind}`).toBe(kind === 'counter');
      expect(name).not.toMatch(/_(ms|kb|mb|milliseconds|percent)/);
      expect(help).toMatch(/^[A-Z0-9].{15,}\.$/);
    }
  });
});
