// Every metric of our own in one table: its kind, its labels and what an operator reads about it. metrics.ts fills them;
// docs/operations/metrics.md is made from them. Names follow Prometheus: base units, _total for what only grows.

export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

export const METRIC_TABLE = {
  ashlar_node_info: {
    kind: 'gauge',
    labels: ['node', 'zone'],
    help: 'Always 1. Says which node this is and in which zone.',
  },
  ashlar_node_ready: {
    kind: 'gauge',
    labels: [],
    help: '1 when the node serves clients: it has caught up once since it was started.',
  },
  ashlar_s3_requests_total: {
    kind: 'counter',
    labels: ['operation', 'status'],
    help: 'S3 requests that were answered, by operation and HTTP status; 499 means that the client hung up first.',
  },
  ashlar_s3_request_duration_seconds: {
    kind: 'histogram',
    labels: ['operation'],
    help: 'Time from the first byte of a request to the last of its answer, bodies included.',
  },
  ashlar_s3_received_bytes_total: {
    kind: 'counter',
    labels: ['operation'],
    help: 'Bytes of request bodies as they came over the wire.',
  },
  ashlar_s3_sent_bytes_total: {
    kind: 'counter',
    labels: ['operation'],
    help: 'Bytes of answer bodies.',
  },
  ashlar_map_epoch: {
    kind: 'gauge',
    labels: [],
    help: 'Epoch of the newest cluster map that this node knows. Nodes that differ for long do not hear each other.',
  },
  ashlar_peer_reachable: {
    kind: 'gauge',
    labels: ['peer'],
    help: '1 when the other node answers this one. 0 is what this node sees; others may see it differently.',
  },
  ashlar_peer_queued_bytes: {
    kind: 'gauge',
    labels: ['peer'],
    help: 'Bytes that wait to be sent to the other node. At 64 MiB its connections are dropped.',
  },
  ashlar_drive_usable: {
    kind: 'gauge',
    labels: ['drive'],
    help: '1 when the drive of this node can be used; 0 when it is missing, foreign, blank or failing. The status says which.',
  },
  ashlar_drive_up: {
    kind: 'gauge',
    labels: ['drive'],
    help: '1 when the cluster has agreed that the drive of this node is up; at 0 writes leave it out.',
  },
  ashlar_drive_size_bytes: { kind: 'gauge', labels: ['drive'], help: 'Size of the file system of the drive.' },
  ashlar_drive_free_bytes: { kind: 'gauge', labels: ['drive'], help: 'Free space on the file system of the drive.' },
  ashlar_drive_shards: { kind: 'gauge', labels: ['drive'], help: 'Shards of erasure-coded objects on the drive.' },
  ashlar_drive_shard_bytes: { kind: 'gauge', labels: ['drive'], help: 'Bytes of these shards.' },
  ashlar_drive_syncs_total: {
    kind: 'counter',
    labels: ['drive', 'device'],
    help: 'Times that data was forced onto the disk (fdatasync), on the drive itself and on its log device.',
  },
  ashlar_heal_pending: {
    kind: 'gauge',
    labels: [],
    help: 'Registers and shards known to be missing or stale somewhere and not mended yet, as far as this node knows.',
  },
  ashlar_heal_compared: {
    kind: 'gauge',
    labels: [],
    help: '1 when this node has compared its part with the others since the cluster map changed last; before that more may be missing than ashlar_heal_pending says.',
  },
  ashlar_healed_registers_total: {
    kind: 'counter',
    labels: [],
    help: 'Registers (buckets, objects, uploads) that were brought up to date.',
  },
  ashlar_healed_shards_total: {
    kind: 'counter',
    labels: [],
    help: 'Shards that were rebuilt and written where they belong.',
  },
  ashlar_scrub_read_bytes_total: {
    kind: 'counter',
    labels: ['drive'],
    help: 'Bytes that the scrubber has read and verified on the drive.',
  },
  ashlar_scrub_errors_total: {
    kind: 'counter',
    labels: ['drive'],
    help: 'Shards and records that the scrubber could not read: damaged, or missing although the index names them.',
  },
  ashlar_scrub_repaired_total: {
    kind: 'counter',
    labels: ['drive'],
    help: 'Of these, those that were read again later and were fine, or are no longer needed.',
  },
  ashlar_scrub_unrepaired: {
    kind: 'gauge',
    labels: ['drive'],
    help: 'Of these, those that are not repaired yet. Above 0 for long: the status says which, and the drive should be replaced.',
  },
  ashlar_scrub_last_pass_timestamp_seconds: {
    kind: 'gauge',
    labels: ['drive'],
    help: 'When the last pass over the whole drive ended, in seconds since 1970; 0 when there was none yet.',
  },
  ashlar_erasure_encoded_bytes_total: {
    kind: 'counter',
    labels: [],
    help: 'Bytes of data for which parity was computed.',
  },
  ashlar_erasure_degraded_stripes_total: {
    kind: 'counter',
    labels: [],
    help: 'Stripes of which a block had to be computed from the others, because it was missing, damaged or late; for readers and for healing.',
  },
  ashlar_erasure_rebuilt_bytes_total: { kind: 'counter', labels: [], help: 'Bytes of blocks that were so computed.' },
  ashlar_buffer_used_bytes: {
    kind: 'gauge',
    labels: ['purpose'],
    help: 'Memory held by bodies on their way through this node (write, read).',
  },
  ashlar_buffer_limit_bytes: {
    kind: 'gauge',
    labels: ['purpose'],
    help: 'The most that they may hold. Requests wait at the limit, and then get 503 SlowDown.',
  },
} as const satisfies Record<`ashlar_${string}`, MetricRow>;

export type MetricName = keyof typeof METRIC_TABLE;
