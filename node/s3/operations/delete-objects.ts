// POST /bucket?delete. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
import type { ObjectStore } from '../../cluster/object-store.ts';
import { NO_CONDITIONS, requiredTags } from '../conditions.ts';
import { S3Error } from '../errors.ts';
import { checkKey } from '../names.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { toS3Error } from '../store-errors.ts';
import { requireOnlyVersion } from '../version-id.ts';
import { element, group, optional, xmlDocument } from '../xml.ts';
import { childText, expectElement, malformed, type XmlElement } from '../xml-reader.ts';

const KEYS_MAX = 1000;
/** A thousand keys of 1,024 bytes, each byte perhaps written as a reference. */
const XML_BYTES_MAX = 8 * 1024 * 1024;
/** Enough to hide the cluster's latency, few enough to leave room for other requests. */
const IN_FLIGHT_MAX = 32;

export const deleteObjects: Operation = {
  name: 'DeleteObjects',
  method: 'POST',
  scope: 'bucket',
  queries: ['delete'],
  note: 'Up to 1,000 keys; needs Content-MD5 or a checksum. Errors are per key; ETag of an entry is its If-Match.',
  async handle(request, { store }) {
    if (!request.hasBodyDigest) {
      throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
    }
    const wanted = parseDelete(await request.readXml(XML_BYTES_MAX));
    await store.headBucket(request.bucket);
    const outcomes = await deleteAll(store, request.bucket, wanted.entries);
    const results = outcomes.map(({ entry, error }) =>
      error !== null ? errorXml(entry, error) : wanted.quiet ? '' : deletedXml(entry),
    );
    return xmlReply(xmlDocument('DeleteResult', results.join('')));
  },
};

interface Entry {
  readonly key: string;
  readonly versionId: string | null;
  readonly etag: string | null;
  /** A condition that S3 has for directory buckets only. */
  readonly foreignCondition: boolean;
}

interface Outcome {
  readonly entry: Entry;
  readonly error: S3Error | null;
}

function parseDelete(root: XmlElement): { quiet: boolean; entries: Entry[] } {
  expectElement(root, 'Delete', ['Object', 'Quiet']);
  const entries = root.children.filter(({ name }) => name === 'Object').map(parseEntry);
  if (entries.length === 0) throw malformed('<Delete> has no <Object>');
  if (entries.length > KEYS_MAX)
    throw malformed(`<Delete> has ${entries.length} <Object>, at most ${KEYS_MAX} are allowed`);
  const quiet = childText(root, 'Quiet')?.trim().toLowerCase() ?? 'false';
  if (quiet !== 'true' && quiet !== 'false') throw malformed('<Quiet> is neither true nor false');
  return { quiet: quiet === 'true', entries };
}

function parseEntry(element: XmlElement): Entry {
  expectElement(element, 'Object', ['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size']);
  const key = childText(element, 'Key');
  if (key === null || key === '') throw malformed('an <Object> has no <Key>');
  const foreignCondition = childText(element, 'LastModifiedTime') !== null || childText(element, 'Size') !== null;
  return { key, versionId: childText(element, 'VersionId'), etag: childText(element, 'ETag'), foreignCondition };
}

/** In the order of the entries. Never rejects: what fails for one key is that key's outcome. */
async function deleteAll(store: ObjectStore, bucket: string, entries: readonly Entry[]): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(entries.length);
  let next = 0;
  const worker = async () => {
    while (next < entries.length) {
      const index = next++;
      outcomes[index] = await deleteOne(store, bucket, entries[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT_MAX, entries.length) }, worker));
  return outcomes;
}

async function deleteOne(store: ObjectStore, bucket: string, entry: Entry): Promise<Outcome> {
  try {
    checkKey(entry.key);
    if (entry.versionId !== null) requireOnlyVersion(new Map([['versionId', entry.versionId]]));
    if (entry.foreignCondition) {
      throw new S3Error('NotImplemented', 'LastModifiedTime and Size are conditions for directory buckets only.');
    }
    const conditions = entry.etag === null ? NO_CONDITIONS : { ifMatch: requiredTags(entry.etag), ifNoneMatch: [] };
    await store.deleteObject(bucket, entry.key, conditions);
    return { entry, error: null };
  } catch (error) {
    return { entry, error: toS3Error(error) };
  }
}

function deletedXml(entry: Entry): string {
  return group('Deleted', element('Key', entry.key) + optional('VersionId', entry.versionId));
}

function errorXml(entry: Entry, error: S3Error): string {
  return group(
    'Error',
    element('Key', entry.key) +
      optional('VersionId', entry.versionId) +
      element('Code', error.code) +
      element('Message', error.message),
  );
}
