// The object layer's times and sizes in one place. Tests override single values; the node runs on these.

export interface StoreLimits {
  /** A drive that has not taken a shard or a block by then is passed over in favour of a hand-off drive. */
  readonly slowDriveMs: number;
  /** A commit syncs the whole shard, which may take longer than taking a block. */
  readonly commitTimeoutMs: number;
  /** How long a write waits for drives to answer again, or for the map to call them down, before it gives up. */
  readonly placementDeadlineMs: number;
  /** Drives that failed are asked again after this, while nothing else can take the shard. */
  readonly placementRetryMs: number;
  /** A block that has not come by then is doubled by others from which it can be rebuilt. */
  readonly hedgeMs: number;
  readonly readTimeoutMs: number;
  /** Stripes of one body that may be in memory at once. */
  readonly windowStripes: number;
  /** Buffers of all bodies that are being written, parity included, and of all that are being read. */
  readonly writeBudgetBytes: number;
  readonly readBudgetBytes: number;
  /** How long a request waits for its first buffers before it is told to slow down. */
  readonly budgetWaitMs: number;
  /** How long the node goes by what it knows of a bucket before it looks again. */
  readonly bucketCacheMs: number;
  /**
   * A register with condemned blobs is looked at after this, and their shards are deleted after as much again: reads that began
   * before the blob was condemned have that long to end, wherever they run.
   */
  readonly condemnedDelayMs: number;
  /** The same where so many wait that they would pile up. */
  readonly condemnedHurriedMs: number;
  readonly condemnedHurriedCount: number;
  /** An upload that nobody sees in the listings (its creation was cut short) is given up after this. */
  readonly hiddenUploadMs: number;
  /** Registers that are being mended at once, and the bytes that rebuilding may read and write. */
  readonly healConcurrency: number;
  readonly healBytesPerSecond: number;
  /** A displaced shard is looked after when its drive has had this long to recover. */
  readonly displacedDelayMs: number;
  /** What could not be mended is tried again after this, then after twice as long each time up to the maximum. */
  readonly healRetryMs: number;
  readonly healRetryMaxMs: number;
  /** Everything is compared again after this, and the drives are searched for shards that belong elsewhere. */
  readonly compareIntervalMs: number;
  readonly strayIntervalMs: number;
  /** The drives are searched for shards that nothing owns; what is found is looked at again after the grace. */
  readonly orphanIntervalMs: number;
  readonly orphanGraceMs: number;
  /** What the scrubber may read of each drive. A drive with 4 TB of data takes three days at 16 MiB/s. */
  readonly scrubBytesPerSecond: number;
  /** From the end of one pass over a drive to the start of the next. */
  readonly scrubIntervalMs: number;
  /** What the scrubber found is looked at again after this, to see whether it has been mended. */
  readonly scrubRecheckMs: number;
  /** Deleted registers are forgotten after this and the grace: changes that began before have ended by then. */
  readonly tombstoneIntervalMs: number;
  /** All registers are walked for those whose deletion nobody remembers, because the node that decided it was restarted. */
  readonly tombstoneWalkMs: number;
  readonly tombstoneGraceMs: number;
}

export const STORE_LIMITS: StoreLimits = {
  slowDriveMs: 2_000,
  commitTimeoutMs: 10_000,
  placementDeadlineMs: 30_000,
  placementRetryMs: 500,
  hedgeMs: 300,
  readTimeoutMs: 5_000,
  windowStripes: 3,
  writeBudgetBytes: 32 * 1024 * 1024,
  readBudgetBytes: 24 * 1024 * 1024,
  budgetWaitMs: 10_000,
  bucketCacheMs: 2_000,
  condemnedDelayMs: 15_000,
  condemnedHurriedMs: 500,
  condemnedHurriedCount: 100,
  hiddenUploadMs: 24 * 3_600_000,
  healConcurrency: 2,
  healBytesPerSecond: 64 * 1024 * 1024,
  displacedDelayMs: 3_000,
  healRetryMs: 5_000,
  healRetryMaxMs: 300_000,
  compareIntervalMs: 6 * 3_600_000,
  strayIntervalMs: 600_000,
  orphanIntervalMs: 3_600_000,
  orphanGraceMs: 300_000,
  scrubBytesPerSecond: 16 * 1024 * 1024,
  scrubIntervalMs: 7 * 24 * 3_600_000,
  scrubRecheckMs: 2_000,
  tombstoneIntervalMs: 600_000,
  tombstoneWalkMs: 6 * 3_600_000,
  tombstoneGraceMs: 90_000,
};
