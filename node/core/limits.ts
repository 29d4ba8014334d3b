// Sizes that the node and the plan must agree on, in one place.

/** Objects up to this size travel inside their register; larger ones are erasure-coded blobs. */
export const INLINE_MAX_BYTES = 8192;

/** A stripe is k blocks of at most this size, and m parity blocks of the same. */
export const BLOCK_MAX_BYTES = 262_144;

/** Shards up to this size are records in the drive's log and segments; longer ones have a file of their own. */
export const SMALL_SHARD_MAX_BYTES = 65_536;

/** What file systems allot space by. */
export const DISK_PAGE_BYTES = 4096;
