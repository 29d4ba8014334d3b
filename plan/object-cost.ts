// What an object of a given size takes up on all drives together. A model of the formats that the node writes, close enough
// to plan capacity by: what is left out (file names, index pages, space that a compaction is yet to free) is a few percent.
import { BLOCK_MAX_BYTES, DISK_PAGE_BYTES, INLINE_MAX_BYTES, SMALL_SHARD_MAX_BYTES } from '../node/core/limits.ts';
import type { RegisterQuorums } from '../node/core/quorum.ts';
import { shardBytes } from '../node/core/stripes.ts';

export interface StoredObject {
  readonly storedBytes: number;
  readonly copies: number | null;
}

/** A register's record besides an inline body: key, versions, metadata, tags and checksums of an ordinary object. */
const RECORD_BYTES = 600;
/** What a drive keeps with a shard: its name, who owns it, checksums. */
const SHARD_FRAME_BYTES = 256;

/** Engine ashlar: inline in every register replica, or k+m shards and a record in every replica. */
export function partitionObject(
  objectBytes: number,
  scheme: { readonly k: number; readonly m: number },
  quorums: RegisterQuorums,
): StoredObject {
  const { replicas } = quorums;
  if (objectBytes <= INLINE_MAX_BYTES) {
    return { storedBytes: replicas * (objectBytes + RECORD_BYTES), copies: replicas };
  }
  const shard = SHARD_FRAME_BYTES + shardBytes({ ...scheme, sizeBytes: objectBytes, blockBytes: BLOCK_MAX_BYTES });
  // Small shards lie one after the other in segments; a file starts with a page for its header and ends with a whole page.
  const onDisk = shard <= SMALL_SHARD_MAX_BYTES ? shard : wholePages(DISK_PAGE_BYTES + shard);
  return { storedBytes: (scheme.k + scheme.m) * onDisk + replicas * RECORD_BYTES, copies: null };
}

/** Engines rustfs and minio: a metadata file on every drive of the set, small objects inside it. */
export function setObject(objectBytes: number, setSize: number, parity: number): StoredObject {
  const shard = Math.ceil(objectBytes / (setSize - parity));
  const perDrive =
    shard <= SET_INLINE_MAX_BYTES ? wholePages(shard + RECORD_BYTES) : wholePages(shard) + wholePages(RECORD_BYTES);
  return { storedBytes: setSize * perDrive, copies: null };
}

/** Shards up to this size lie in the metadata file (their inline block, by default). */
const SET_INLINE_MAX_BYTES = 128 * 2 ** 10;

function wholePages(bytes: number): number {
  return Math.ceil(bytes / DISK_PAGE_BYTES) * DISK_PAGE_BYTES;
}
