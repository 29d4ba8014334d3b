// The records in registers as values: reading them from a register's state, which blobs they own, and what a listing needs of
// them. A register that has nothing left to remember has an empty payload, so that the register layer may forget it.
import {
  type BlobRef,
  bucketRecord,
  type Content,
  type ObjectRecord,
  type ObjectVersion,
  objectRecord,
  objectSummary,
  type PartRecord,
  partRecord,
  partSummary,
} from '../format/object-formats.ts';
import { KIND, type RegisterKey } from './keys.ts';

/** As RegisterState of the register layer: what the records are read from. */
export interface StoredState {
  readonly payload: Uint8Array | null;
  readonly live: boolean;
}

export const EMPTY_OBJECT: ObjectRecord = { versions: [], uploads: [], condemned: [], banned: [] };

/** Throws FormatError. */
export function readObject({ payload }: Pick<StoredState, 'payload'>): ObjectRecord {
  return payload === null || payload.length === 0 ? EMPTY_OBJECT : objectRecord.decode(payload);
}

/** null: never written, or nothing left of it. Throws FormatError. */
export function readPart({ payload }: Pick<StoredState, 'payload'>): PartRecord | null {
  return payload === null || payload.length === 0 ? null : partRecord.decode(payload);
}

export function readBucket({ payload, live }: StoredState): ReturnType<typeof bucketRecord.decode> | null {
  return payload === null || !live ? null : bucketRecord.decode(payload);
}

/** What a write leaves in the register: its payload and whether it shows in listings. */
export interface Written {
  readonly payload: Uint8Array;
  readonly live: boolean;
}

const NOTHING = new Uint8Array();

export function writeObject(record: ObjectRecord): Written {
  const { versions, uploads, condemned, banned } = record;
  const isEmpty = versions.length + uploads.length + condemned.length + banned.length === 0;
  return { payload: isEmpty ? NOTHING : objectRecord.encode(record), live: versions.length > 0 };
}

export function writePart(record: PartRecord): Written {
  const { part, superseded, condemned, banned } = record;
  const isEmpty = part === null && superseded.length + condemned.length + banned.length === 0;
  return { payload: isEmpty ? NOTHING : partRecord.encode(record), live: part !== null };
}

export const currentVersion = (record: ObjectRecord): ObjectVersion | null => record.versions[0] ?? null;

const blobsOf = (content: Content | null): BlobRef[] => (content?.blob == null ? [] : [content.blob]);

export function versionBlobs(version: ObjectVersion | null): BlobRef[] {
  if (version === null) return [];
  return [...blobsOf(version.content), ...version.parts.flatMap((part) => blobsOf(part.content))];
}

/** Blobs whose shards must exist. */
export const objectBlobs = (record: ObjectRecord): BlobRef[] => record.versions.flatMap(versionBlobs);

/** Blobs whose shards must exist: superseded ones too, because a completion may have chosen one. */
export function partBlobs({ part, superseded }: PartRecord): BlobRef[] {
  return [...(part === null ? [] : blobsOf(part.content)), ...superseded];
}

/** The ids of one record's blobs, for look-ups. */
export const blobIds = (blobs: readonly BlobRef[]): Set<string> => new Set(blobs.map(({ blobId }) => blobId));

/** As Summarize of the register layer: what a listing needs of a live register. */
export function summarize(key: RegisterKey, payload: Uint8Array): Uint8Array {
  switch (key[0]) {
    case KIND.object: {
      const version = currentVersion(objectRecord.decode(payload));
      return version === null ? NOTHING : objectSummary.encode(version);
    }
    case KIND.part: {
      const { part } = partRecord.decode(payload);
      return part === null ? NOTHING : partSummary.encode(part);
    }
    default:
      return payload;
  }
}
