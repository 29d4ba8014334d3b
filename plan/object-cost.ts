// What an object of a given size takes up on all drives together. A model of the formats that the node writes, close enough
// to plan capacity by: what is left out (file names, free space in index pages) is below a few percent.
import { BLOCK_MAX_BYTES, DISK_PAGE_BYTES, INLINE_MAX_BYTES, SMALL_SHARD_MAX_BYTES } from '../node/core/limits.ts';
import type { RegisterQuorums } from '../node/core/quorum.ts';
import { shardBytes } from '../node/core/stripes.ts';

export interface StoredObject {
  readonly storedBytes: number;
  readonly copies: number | null;
}

/** A register's record besides an inline body: key, versions, metadata, tags and checksums of an ordinary object. */
const RECORD_BYTES = 600;
/** What a drive keeps with a shard in its index: name, attributes, checksums. */
const SHARD_FRAME_BYTES = 256;
/** A shard's file starts with a page for its header. */
const SHARD_HEADER_BYTES = DISK_PAGE_BYTES;

/** Engine ashlar: inline in every register replica, or k+m shards and a record in every replica. */
export function partitionObject(
  objectBytes: number,
  scheme: { k: number; m: number },
  quorums: RegisterQuorums,
): StoredObject {
  if (objectBytes <= INLINE_MAX_BYTES) {
    return { storedBytes: quorums.replicas * wholePages(objectBytes + RECORD_BYTES), copies: quorums.replicas };
  }
  const data = shardBytes({ ...scheme, sizeBytes: objectBytes, blockBytes: BLOCK_MAX_BYTES });
  const frame = data <= SMALL_SHARD_MAX_BYTES ? SHARD_FRAME_BYTES : SHARD_HEADER_BYTES + SHARD_FRAME_BYTES;
  const shards = (scheme.k + scheme.m) * wholePages(data + frame);
  return { storedBytes: shards + quorums.replicas * RECORD_BYTES, copies: null };
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
