// Sizes that the node and the plan must agree on, in one place, with the relations between them asserted by a test.

/** Objects up to this size travel inside their register; larger ones are erasure-coded blobs. */
export const INLINE_MAX_BYTES = 8192;

/** A stripe is k blocks of at most this size, and m parity blocks of the same. */
export const BLOCK_MAX_BYTES = 262_144;
