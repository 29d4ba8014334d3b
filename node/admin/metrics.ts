// The node's metrics in Prometheus' text format. One registry for each node, never the global one, so that several nodes fit
// into a process. What happens (requests) is counted when it happens; what is (drives, peers) is asked for at every scrape.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Observation } from '../s3/front.ts';
import { METRIC_TABLE, type MetricName } from './metric-table.ts';
import type { ScrubReport } from './status.ts';

/** What the node is at the moment of a scrape. Counts are since the start of the process. */
export interface MetricsSnapshot {
  readonly ready: boolean;
  readonly epoch: number;
  readonly peers: readonly { readonly name: string; readonly reachable: boolean; readonly queuedBytes: number }[];
  /** Of this node. */
  readonly drives: readonly {
    readonly slot: string;
    readonly usable: boolean;
    readonly up: boolean;
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly shardCount: number;
    readonly shardBytes: number;
    readonly driveSyncs: number;
    readonly logSyncs: number;
  }[];
  readonly healing: {
    readonly pending: number;
    readonly comparedSinceMapChange: boolean;
    readonly registersHealed: number;
    readonly shardsHealed: number;
  };
  readonly scrub: readonly Pick<
    ScrubReport,
    'slot' | 'readBytes' | 'errorsFound' | 'errorsRepaired' | 'lastPassEndedMs'
  >[];
  readonly erasure: { readonly encodedBytes: number; readonly rebuiltStripes: number; readonly rebuiltBytes: number };
  readonly buffers: readonly {
    readonly purpose: 'write' | 'read';
    readonly usedBytes: number;
    readonly totalBytes: number;
  }[];
}

export interface MetricsOptions {
  readonly node: string;
  readonly zone: string;
  /** null as long as the node has not joined its cluster. */
  readonly snapshot: () => Promise<MetricsSnapshot | null>;
}

export interface Metrics {
  readonly contentType: string;
  /** One scrape. */
  text(): Promise<string>;
  /** One S3 request that has been answered. */
  observe(observation: Observation): void;
}

/** From a small object out of memory to a large one over a slow line. */
const DURATION_BUCKETS_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

export function createMetrics({ node, zone, snapshot }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = new MetricSet(registry);
  metrics.gauge('ashlar_node_info').set({ node, zone }, 1);
  const requests = metrics.counter('ashlar_s3_requests_total');
  const durations = metrics.histogram('ashlar_s3_request_duration_seconds', DURATION_BUCKETS_SECONDS);
  const received = metrics.counter('ashlar_s3_received_bytes_total');
  const sent = metrics.counter('ashlar_s3_sent_bytes_total');
  const show = prepareSnapshot(metrics);
  metrics.requireAll();
  return {
    contentType: registry.contentType,
    async text() {
      const current = await snapshot();
      if (current !== null) show(current);
      return registry.metrics();
    },
    observe({ operation, status, bytesIn, bytesOut, durationMs }) {
      requests.inc({ operation, status: String(status) });
      durations.observe({ operation }, durationMs / 1000);
      if (bytesIn > 0) received.inc({ operation }, bytesIn);
      if (bytesOut > 0) sent.inc({ operation }, bytesOut);
    },
  };
}

function prepareSnapshot(metrics: MetricSet): (snapshot: MetricsSnapshot) => void {
  const ready = metrics.gauge('ashlar_node_ready');
  const epoch = metrics.gauge('ashlar_map_epoch');
  const showPeers = preparePeers(metrics);
  const showDrives = prepareDrives(metrics);
  const showHealing = prepareHealing(metrics);
  const showScrub = prepareScrub(metrics);
  const showErasure = prepareErasure(metrics);
  const showBuffers = prepareBuffers(metrics);
  return (snapshot) => {
    ready.set(Number(snapshot.ready));
    epoch.set(snapshot.epoch);
    showPeers(snapshot.peers);
    showDrives(snapshot.drives);
    showHealing(snapshot.healing);
    showScrub(snapshot.scrub);
    showErasure(snapshot.erasure);
    showBuffers(snapshot.buffers);
  };
}

function preparePeers(metrics: MetricSet) {
  const reachable = metrics.gauge('ashlar_peer_reachable');
  const queued = metrics.gauge('ashlar_peer_queued_bytes');
  return (peers: MetricsSnapshot['peers']) => {
    // Peers and drives come and go: what is no longer there must not stay in the text.
    for (const gauge of [reachable, queued]) gauge.reset();
    for (const peer of peers) {
      reachable.set({ peer: peer.name }, Number(peer.reachable));
      queued.set({ peer: peer.name }, peer.queuedBytes);
    }
  };
}

function prepareDrives(metrics: MetricSet) {
  const usable = metrics.gauge('ashlar_drive_usable');
  const up = metrics.gauge('ashlar_drive_up');
  const size = metrics.gauge('ashlar_drive_size_bytes');
  const free = metrics.gauge('ashlar_drive_free_bytes');
  const shards = metrics.gauge('ashlar_drive_shards');
  const shardBytes = metrics.gauge('ashlar_drive_shard_bytes');
  const syncs = metrics.counter('ashlar_drive_syncs_total');
  return (drives: MetricsSnapshot['drives']) => {
    for (const metric of [usable, up, size, free, shards, shardBytes, syncs]) metric.reset();
    for (const drive of drives) {
      const labels = { drive: drive.slot };
      usable.set(labels, Number(drive.usable));
      up.set(labels, Number(drive.up));
      size.set(labels, drive.totalBytes);
      free.set(labels, drive.freeBytes);
      shards.set(labels, drive.shardCount);
      shardBytes.set(labels, drive.shardBytes);
      syncs.inc({ ...labels, device: 'drive' }, drive.driveSyncs);
      syncs.inc({ ...labels, device: 'log' }, drive.logSyncs);
    }
  };
}

function prepareHealing(metrics: MetricSet) {
  const pending = metrics.gauge('ashlar_heal_pending');
  const compared = metrics.gauge('ashlar_heal_compared');
  const registers = metrics.counter('ashlar_healed_registers_total');
  const shards = metrics.counter('ashlar_healed_shards_total');
  return (healing: MetricsSnapshot['healing']) => {
    pending.set(healing.pending);
    compared.set(Number(healing.comparedSinceMapChange));
    setCounter(registers, healing.registersHealed);
    setCounter(shards, healing.shardsHealed);
  };
}

function prepareScrub(metrics: MetricSet) {
  const read = metrics.counter('ashlar_scrub_read_bytes_total');
  const found = metrics.counter('ashlar_scrub_errors_total');
  const repaired = metrics.counter('ashlar_scrub_repaired_total');
  const unrepaired = metrics.gauge('ashlar_scrub_unrepaired');
  const lastPass = metrics.gauge('ashlar_scrub_last_pass_timestamp_seconds');
  return (scrub: MetricsSnapshot['scrub']) => {
    for (const metric of [read, found, repaired, unrepaired, lastPass]) metric.reset();
    for (const { slot, readBytes, errorsFound, errorsRepaired, lastPassEndedMs } of scrub) {
      const labels = { drive: slot };
      read.inc(labels, readBytes);
      found.inc(labels, errorsFound);
      repaired.inc(labels, errorsRepaired);
      unrepaired.set(labels, errorsFound - errorsRepaired);
      lastPass.set(labels, (lastPassEndedMs ?? 0) / 1000);
    }
  };
}

function prepareErasure(metrics: MetricSet) {
  const encoded = metrics.counter('ashlar_erasure_encoded_bytes_total');
  const stripes = metrics.counter('ashlar_erasure_degraded_stripes_total');
  const rebuilt = metrics.counter('ashlar_erasure_rebuilt_bytes_total');
  return (erasure: MetricsSnapshot['erasure']) => {
    setCounter(encoded, erasure.encodedBytes);
    setCounter(stripes, erasure.rebuiltStripes);
    setCounter(rebuilt, erasure.rebuiltBytes);
  };
}

function prepareBuffers(metrics: MetricSet) {
  const used = metrics.gauge('ashlar_buffer_used_bytes');
  const limit = metrics.gauge('ashlar_buffer_limit_bytes');
  return (buffers: MetricsSnapshot['buffers']) => {
    for (const { purpose, usedBytes, totalBytes } of buffers) {
      used.set({ purpose }, usedBytes);
      limit.set({ purpose }, totalBytes);
    }
  };
}

/** For what is counted elsewhere: prom-client's counters can only be increased, or begun anew. */
function setCounter(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}

/** Makes each metric of the table, once, as the table says. */
class MetricSet {
  readonly #registry: Registry;
  readonly #left = new Set(Object.keys(METRIC_TABLE));

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  counter(name: MetricName): Counter {
    return new Counter(this.#row(name, 'counter'));
  }

  gauge(name: MetricName): Gauge {
    return new Gauge(this.#row(name, 'gauge'));
  }

  histogram(name: MetricName, buckets: number[]): Histogram {
    return new Histogram({ ...this.#row(name, 'histogram'), buckets });
  }

  /** A metric in the table that nothing fills would be documented and never seen. */
  requireAll(): void {
    if (this.#left.size > 0) throw new Error(`nothing fills ${[...this.#left].join(', ')}`);
  }

  #row(name: MetricName, kind: 'counter' | 'gauge' | 'histogram') {
    const row = METRIC_TABLE[name];
    if (row.kind !== kind) throw new Error(`${name} is a ${row.kind}, not a ${kind}`);
    this.#left.delete(name);
    return { name, help: row.help, labelNames: [...row.labels], registers: [this.#registry] };
  }
}
