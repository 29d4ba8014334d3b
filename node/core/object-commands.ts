// Commands to an object's register: putting and deleting versions under conditions, and the uploads to the key. The register
// is where an upload is completed or aborted, once: so the fate of its parts has a single truth.
import type { Command, CommandValue, Outcome } from '../format/object-command-formats.ts';
import type { ObjectRecord, ObjectVersion } from '../format/object-formats.ts';
import { clearCondemned, condemn, mendContent } from './blob-ownership.ts';
import { keep, type RegisterDecision, write, wrongKind } from './decision.ts';
import { blobIds, currentVersion, objectBlobs, versionBlobs, writeObject } from './object-record.ts';

/** With so many blobs waiting for deletion a key takes no further version before some of them are gone. */
export const CONDEMNED_MAX = 4096;
/** Uploads to one key that are open or being cleaned up. */
export const UPLOADS_PER_KEY_MAX = 1000;

export function decideObject(record: ObjectRecord, command: Command): RegisterDecision {
  const refuse = (outcome: Outcome) => keep(outcome, record.condemned.length);
  const become = (next: ObjectRecord) => write(writeObject(next), next.condemned.length);
  switch (command.name) {
    case 'putObject':
      return putObject(record, command.value);
    case 'deleteObject': {
      const version = currentVersion(record);
      const { onlyVersion } = command.value;
      if (onlyVersion !== null && version?.versionId !== onlyVersion) return refuse('absent');
      const failed = failedCondition(version, command.value);
      if (failed !== null) return refuse(failed);
      if (version === null) return refuse('ok');
      return become({ ...record, versions: [], condemned: [...record.condemned, ...versionBlobs(version)] });
    }
    case 'openUpload': {
      const { uploadId, startedMs } = command.value;
      if (record.uploads.some((entry) => entry.uploadId === uploadId)) return refuse('ok');
      if (record.uploads.length >= UPLOADS_PER_KEY_MAX) return refuse('full');
      return become({ ...record, uploads: [...record.uploads, { uploadId, startedMs, state: 'open', kept: [] }] });
    }
    case 'abortUpload': {
      const entry = record.uploads.find(({ uploadId }) => uploadId === command.value.uploadId);
      if (entry === undefined) return refuse('absent');
      if (entry.state === 'completed') return refuse('completed');
      if (entry.state === 'aborted') return refuse('ok');
      const uploads = record.uploads.map((other) =>
        other === entry ? { ...entry, state: 'aborted' as const } : other,
      );
      return become({ ...record, uploads });
    }
    case 'finishUpload': {
      const isFinished = ({ uploadId, state }: (typeof record.uploads)[number]) =>
        uploadId === command.value.uploadId && state !== 'open';
      if (!record.uploads.some(isFinished)) return refuse('ok');
      return become({ ...record, uploads: record.uploads.filter((entry) => !isFinished(entry)) });
    }
    case 'condemn':
      return condemn(record, blobIds(objectBlobs(record)), command.value.blob, writeObject);
    case 'clearCondemned':
      return clearCondemned(record, command.value.blobIds, writeObject);
    case 'clearDisplaced': {
      const { blobId } = command.value;
      if (!blobIds(objectBlobs(record)).has(blobId)) return refuse('absent');
      return become({ ...record, versions: record.versions.map((version) => mendVersion(version, command.value)) });
    }
    default:
      throw wrongKind(command, 'an object');
  }
}

function putObject(record: ObjectRecord, { version, ...conditions }: CommandValue<'putObject'>): RegisterDecision {
  const refuse = (outcome: Outcome) => keep(outcome, record.condemned.length);
  const before = currentVersion(record);
  const blobs = versionBlobs(version);
  let { uploads } = record;
  if (version.uploadId !== null) {
    const entry = uploads.find(({ uploadId }) => uploadId === version.uploadId);
    if (entry?.state === 'completed') return refuse('completed');
    if (entry?.state !== 'open') return refuse('not-open');
    const kept = version.parts.flatMap(({ partNumber, content }) =>
      content.blob === null ? [] : [{ partNumber, blobId: content.blob.blobId }],
    );
    uploads = uploads.map((other) => (other === entry ? { ...entry, state: 'completed', kept } : other));
  }
  const failed = failedCondition(before, conditions);
  if (failed !== null) return refuse(failed);
  const forbidden = new Set([...record.banned, ...blobIds(record.condemned)]);
  if (blobs.some(({ blobId }) => forbidden.has(blobId))) return refuse('condemned');
  if (record.condemned.length >= CONDEMNED_MAX) return refuse('full');
  const owned = blobIds(blobs);
  const dropped = versionBlobs(before).filter(({ blobId }) => !owned.has(blobId));
  const condemned = [...record.condemned, ...dropped];
  return write(writeObject({ ...record, versions: [version], uploads, condemned }), condemned.length);
}

/**
 * S3's rules: a failed condition is 412, but If-Match on a key without an object is 404.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
 */
function failedCondition(
  current: ObjectVersion | null,
  { ifMatch, ifNoneMatch }: { readonly ifMatch: readonly string[]; readonly ifNoneMatch: readonly string[] },
): Outcome | null {
  const matches = (tags: readonly string[]) =>
    current !== null && tags.some((tag) => tag === '*' || tag === current.etag);
  if (ifMatch.length > 0 && current === null) return 'absent';
  if (ifMatch.length > 0 && !matches(ifMatch)) return 'precondition-failed';
  if (ifNoneMatch.length > 0 && matches(ifNoneMatch)) return 'precondition-failed';
  return null;
}

const mendVersion = (version: ObjectVersion, mended: CommandValue<'clearDisplaced'>): ObjectVersion => ({
  ...version,
  content: version.content === null ? null : mendContent(version.content, mended),
  parts: version.parts.map((part) => ({ ...part, content: mendContent(part.content, mended) })),
});
