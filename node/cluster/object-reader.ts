// The bytes of one version of an object, whole or a range, across its parts. Each version's blobs have ids of their own, so bytes
// of two versions cannot mix: when a version is overwritten while it is read, the read goes on or fails.

import type { RegisterKey } from '../core/keys.ts';
import { currentVersion, readObject, versionBlobs } from '../core/object-record.ts';
import { stripeBlockBytes } from '../core/stripes.ts';
import { FormatError } from '../format/codec.ts';
import type { BlobRef, Content, ObjectVersion } from '../format/object-formats.ts';
import { readBlob } from './blob-reader.ts';
import { BlobLostError, BlobSource } from './blob-source.ts';
import { StripeWindow } from './byte-budget.ts';
import { type ByteRange, StoreError } from './object-store.ts';
import { readRegister, type StoreContext } from './store-context.ts';

/** A run of bytes within one content. */
interface ContentSlice {
  readonly content: Content;
  /** Inclusive. */
  readonly first: number;
  readonly last: number;
}

/** Throws StoreError: 'SlowDown' before the first byte; 'DataLost', 'Unavailable' when the rest cannot be had. */
export async function* readVersion(
  context: StoreContext,
  key: RegisterKey,
  version: ObjectVersion,
  range: ByteRange | null,
): AsyncGenerator<Uint8Array> {
  const slices = sliceContents(version, range);
  const blobs = slices.flatMap(({ content }) => (content.blob === null ? [] : [content.blob]));
  const releases = blobs.map(({ blobId }) => context.healing.hold(blobId));
  let window: StripeWindow | null = null;
  try {
    if (blobs.length > 0) window = await openWindow(context, blobs);
    for (const { content, first, last } of slices) {
      if (content.blob === null) {
        if (content.inline === null) throw new FormatError('a record has neither bytes nor a blob');
        yield content.inline.subarray(first, last + 1);
        continue;
      }
      const { blobId } = content.blob;
      const source = new BlobSource(context, content.blob, (damage) => context.healing.damaged(key, blobId, damage));
      yield* readBlob(source, first, last, window!);
    }
  } catch (error) {
    throw error instanceof BlobLostError ? await explainLoss(context, key, version, error) : error;
  } finally {
    window?.close();
    for (const release of releases) release();
  }
}

function sliceContents(version: ObjectVersion, range: ByteRange | null): ContentSlice[] {
  const { first, last } = range ?? { first: 0, last: version.sizeBytes - 1 };
  const contents =
    version.content === null
      ? version.parts.map(({ content, sizeBytes }) => ({ content, sizeBytes }))
      : [{ content: version.content, sizeBytes: version.sizeBytes }];
  const slices: ContentSlice[] = [];
  let start = 0;
  for (const { content, sizeBytes } of contents) {
    const from = Math.max(0, first - start);
    const to = Math.min(sizeBytes - 1, last - start);
    if (from <= to) slices.push({ content, first: from, last: to });
    start += sizeBytes;
  }
  return slices;
}

function openWindow({ readBudget, limits }: StoreContext, blobs: readonly BlobRef[]): Promise<StripeWindow> {
  const stripeBytes = Math.max(...blobs.map((blob) => blob.k * stripeBlockBytes(blob, 0)));
  return StripeWindow.open(readBudget, stripeBytes, limits.windowStripes, limits.budgetWaitMs);
}

/** Lost data is something else than drives that do not answer, and than data that was deleted under the reader. */
async function explainLoss(
  context: StoreContext,
  key: RegisterKey,
  version: ObjectVersion,
  cause: BlobLostError,
): Promise<StoreError> {
  const now = currentVersion(readObject(await readRegister(context, key)));
  const isOwned = versionBlobs(now).some(({ blobId }) => versionBlobs(version).some((blob) => blob.blobId === blobId));
  if (isOwned) return new StoreError(cause.isForGood ? 'DataLost' : 'Unavailable', cause.message, { cause });
  return new StoreError('Unavailable', 'the object was overwritten or deleted while it was read', { cause });
}
