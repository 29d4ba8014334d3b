// What registers hold, as bytes: buckets, objects, uploads, parts and the cluster map. These are disk formats: a field is
// never removed or given another meaning under the same version. Golden bytes: test/golden/object-formats.test.ts.
import {
  bytes,
  choice,
  type Field,
  format,
  hex,
  list,
  optional,
  struct,
  text,
  textMap,
  u8,
  u16,
  u32,
  u53,
  type ValueOf,
} from './codec.ts';

const displacedShard = struct('displaced shard', {
  position: [u8, 'whose shard is not on the drive that the cluster map gives it'],
  handOffSlot: [optional(text), 'where it was written instead; none: nowhere, it must be rebuilt'],
});

/** An erasure-coded body: where it lies follows from its id and the cluster map, except for what is displaced. */
export const blobRef = struct('blob', {
  blobId: [hex(16), 'drawn afresh for every body; its hash gives the partition'],
  sizeBytes: [u53, 'of the body'],
  k: [u8, 'data shards'],
  m: [u8, 'parity shards'],
  blockBytes: [u32, 'block size in all stripes but the last, whose blocks may be smaller'],
  displaced: [list(displacedShard), 'known at commit or found since; healing empties it'],
});
export type BlobRef = ValueOf<typeof blobRef>;

const content = struct('content', {
  inline: [optional(bytes), 'the bytes themselves, when they are few'],
  blob: [optional(blobRef), 'else where they are; exactly one of the two is present'],
});
export type Content = ValueOf<typeof content>;

const checksumType = optional(choice(['COMPOSITE', 'FULL_OBJECT']));

export const storedPart = struct('stored part', {
  partNumber: [u16, '1 to 10,000'],
  sizeBytes: [u53, 'of the part'],
  etag: [text, 'without quotes'],
  checksums: [textMap, 'base64 by lower-case algorithm'],
  modifiedMs: [u53, 'wall clock of the node that took it, ms since 1970'],
  content: [content, 'the bytes'],
});
export type StoredPart = ValueOf<typeof storedPart>;

export const objectVersion = struct('object version', {
  versionId: [hex(16), 'drawn for every write; names this version towards the other commands'],
  modifiedMs: [u53, 'wall clock of the node that took it, ms since 1970'],
  sizeBytes: [u53, 'of the whole object'],
  etag: [text, 'without quotes'],
  checksums: [textMap, 'base64 by lower-case algorithm'],
  checksumType: [checksumType, 'as the client asked; none without checksums'],
  headers: [textMap, 'system headers by lower-case name'],
  user: [textMap, 'user metadata by lower-case name, without x-amz-meta-'],
  uploadId: [optional(hex(16)), 'of the multipart upload that made it'],
  content: [optional(content), 'of an object written by one PUT'],
  parts: [list(storedPart), 'of a multipart object, in order'],
});
export type ObjectVersion = ValueOf<typeof objectVersion>;

const keptPart = struct('kept part', {
  partNumber: [u16, 'of the part register'],
  blobId: [hex(16), 'now owned by the object: removing the part register must not delete it'],
});

const uploadEntry = struct('upload entry', {
  uploadId: [hex(16), 'of an upload to this key'],
  state: [choice(['open', 'completed', 'aborted']), 'only an open one can be completed, and only once'],
  startedMs: [u53, 'wall clock, ms since 1970'],
  kept: [list(keptPart), 'of a completed one: the blobs that moved into the object'],
});
export type UploadEntry = ValueOf<typeof uploadEntry>;

const condemned: Field<BlobRef[]> = [list(blobRef), 'no longer owned; their shards are still to be deleted'];
const banned: Field<string[]> = [list(hex(16)), 'blobs that no later command may make this register own'];

/** Key kind 'o'. Live while there is a version. */
export const objectRecord = format('object record', 1, {
  versions: [list(objectVersion), 'newest first; at most one until versioning exists'],
  uploads: [list(uploadEntry), 'uploads to this key that are open or not yet cleaned up'],
  condemned,
  banned,
});
export type ObjectRecord = ReturnType<typeof objectRecord.decode>;

/** Key kind 'p'. Live while there is a part. */
export const partRecord = format('part record', 1, {
  objectKey: [text, 'the key that the upload is for: its register decides on the fate of the parts'],
  part: [optional(storedPart), 'the newest upload of this part number; none once removed'],
  superseded: [list(blobRef), 'of earlier uploads of the number; a completion under way may have chosen one of them'],
  condemned,
  banned,
});
export type PartRecord = ReturnType<typeof partRecord.decode>;

/** Key kind 'u'. */
export const uploadRecord = format('upload record', 1, {
  startedMs: [u53, 'wall clock, ms since 1970'],
  headers: [textMap, 'for the object to come'],
  user: [textMap, 'for the object to come'],
  checksumAlgorithm: [optional(text), "that the parts' checksums must have"],
  checksumType: [checksumType, 'as the client asked'],
});
export type UploadRecord = ReturnType<typeof uploadRecord.decode>;

/** Key kind 'b'. */
export const bucketRecord = format('bucket record', 1, {
  name: [text, 'as in the key'],
  id: [hex(8), 'drawn at creation: a bucket made again never sees what the old one held'],
  createdMs: [u53, 'wall clock, ms since 1970'],
  deletion: [optional(hex(8)), 'names a deletion under way; a write to the bucket takes it back'],
});
export type BucketRecord = ReturnType<typeof bucketRecord.decode>;

/** Key kind 'c'. */
export const mapRecord = format('cluster map record', 1, {
  epoch: [u53, 'of this map; grows by one with every change'],
  map: [bytes, 'the map, in its own format'],
});
export type MapRecord = ReturnType<typeof mapRecord.decode>;

/** What a listing of objects needs. */
export const objectSummary = format('object summary', 1, {
  modifiedMs: [u53, 'of the current version'],
  sizeBytes: [u53, 'of the current version'],
  etag: [text, 'without quotes'],
  checksums: [textMap, 'base64 by lower-case algorithm'],
  checksumType: [checksumType, 'none without checksums'],
});

/** What a listing of parts needs. */
export const partSummary = format('part summary', 1, {
  sizeBytes: [u53, 'of the part'],
  etag: [text, 'without quotes'],
  checksums: [textMap, 'base64 by lower-case algorithm'],
  modifiedMs: [u53, 'wall clock, ms since 1970'],
});
