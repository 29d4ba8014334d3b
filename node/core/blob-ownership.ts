// What object and part registers have in common: they own blobs, condemn those that they no longer own, and forget them once
// their shards are deleted.
import type { CommandValue } from '../format/object-command-formats.ts';
import type { BlobRef, Content } from '../format/object-formats.ts';
import { keep, type RegisterDecision, write } from './decision.ts';
import { blobIds, type Written } from './object-record.ts';

/** The blob is never to be owned here: a command that would make it so, however late it comes, is refused from now on. */
export function condemn<R extends { condemned: BlobRef[]; banned: string[] }>(
  record: R,
  owned: ReadonlySet<string>,
  blob: BlobRef,
  toWritten: (record: R) => Written,
): RegisterDecision {
  if (owned.has(blob.blobId)) return keep('owned', record.condemned.length);
  if (blobIds(record.condemned).has(blob.blobId)) return keep('ok', record.condemned.length);
  const condemned = [...record.condemned, blob];
  const banned = [...new Set([...record.banned, blob.blobId])];
  return write(toWritten({ ...record, condemned, banned }), condemned.length);
}

export function clearCondemned<R extends { condemned: BlobRef[] }>(
  record: R,
  cleared: readonly string[],
  toWritten: (record: R) => Written,
): RegisterDecision {
  const gone = new Set(cleared);
  const condemned = record.condemned.filter(({ blobId }) => !gone.has(blobId));
  if (condemned.length === record.condemned.length) return keep('ok', condemned.length);
  return write(toWritten({ ...record, condemned }), condemned.length);
}

type Mended = CommandValue<'clearDisplaced'>;

export const mendBlob = (blob: BlobRef, { blobId, positions }: Mended): BlobRef =>
  blob.blobId !== blobId
    ? blob
    : { ...blob, displaced: blob.displaced.filter(({ position }) => !positions.includes(position)) };

export const mendContent = (content: Content, mended: Mended): Content =>
  content.blob === null ? content : { ...content, blob: mendBlob(content.blob, mended) };
