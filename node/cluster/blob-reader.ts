// The bytes of a blob, or of a range of it, in order and verified, a few stripes ahead of who consumes them.
import { type StripeSlice, sliceRange } from '../core/stripes.ts';
import type { BlobSource } from './blob-source.ts';
import type { StripeWindow } from './byte-budget.ts';
import type { StripeBlocks } from './stripe-fetch.ts';

interface Ahead {
  readonly slice: StripeSlice;
  readonly blocks: Promise<StripeBlocks>;
}

/**
 * Bytes first … last (inclusive). Every stripe in memory has a place in the window. Throws BlobLostError. Ending the iteration
 * early stops what is under way.
 */
export async function* readBlob(
  source: BlobSource,
  first: number,
  last: number,
  window: StripeWindow,
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  const slices = sliceRange(source.blob, first, last);
  const ahead: Ahead[] = [];
  let upcoming = slices.next();
  const start = (slice: StripeSlice) => {
    const positions = slice.slices.map(({ position }) => position);
    const blocks = source.fetch(slice.stripe, positions, abort.signal);
    // Whoever ends the iteration early does not come for it any more.
    blocks.catch(() => {});
    ahead.push({ slice, blocks });
    upcoming = slices.next();
  };
  try {
    for (;;) {
      if (ahead.length === 0) {
        if (upcoming.done) return;
        await window.enter();
        start(upcoming.value);
      }
      while (!upcoming.done && window.tryEnter()) start(upcoming.value);
      const { slice, blocks } = ahead[0]!;
      const found = await blocks;
      for (const { position, from, to } of slice.slices) yield found.get(position)!.subarray(from, to);
      ahead.shift();
      window.leave();
    }
  } finally {
    abort.abort(new Error('the reader has ended'));
    for (const _ of ahead) window.leave();
  }
}
