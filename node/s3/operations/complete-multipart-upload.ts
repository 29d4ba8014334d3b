// POST /bucket/key?uploadId=ID. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
import {
  type BodyDigest,
  type CompletedPart,
  type ObjectInfo,
  type ObjectStore,
  type PartInfo,
  StoreError,
  type UploadInfo,
} from '../../cluster/object-store.ts';
import { HeaderList } from '../auth/request.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../body/checksums.ts';
import { combineChecksums, multipartEtag } from '../body/multipart-digest.ts';
import { CHECKSUM_ELEMENTS, checksumElements, parseChecksums } from '../checksum-elements.ts';
import { parseTags, writeConditions } from '../conditions.ts';
import { S3Error } from '../errors.ts';
import { algorithmOf, OBJECT_BYTES_MAX, PART_BYTES_MIN, uploadIdOf } from '../multipart.ts';
import { PART_NUMBER_MAX, parsePartNumber } from '../names.ts';
import { type Operation, xmlReply } from '../operation.ts';
import type { S3Request } from '../request.ts';
import { element, optional, xmlDocument } from '../xml.ts';
import { childText, expectElement, malformed, type XmlElement } from '../xml-reader.ts';

/** 10,000 parts with a SHA-256 each, generously indented. */
const XML_BYTES_MAX = 8 * 1024 * 1024;

export const completeMultipartUpload: Operation = {
  name: 'CompleteMultipartUpload',
  method: 'POST',
  scope: 'object',
  queries: ['uploadId'],
  note:
    'If-None-Match: *, If-Match, x-amz-mp-object-size and the object’s checksum are checked. Asking again after success ' +
    'succeeds as long as the object is still the one that was made.',
  async handle(request, { store }) {
    const uploadId = uploadIdOf(request);
    const conditions = writeConditions(request.headers);
    const parts = parseParts(await request.readXml(XML_BYTES_MAX, withoutObjectChecksum(request.headers)));
    const { bucket, key } = request;
    const info = await store
      .completeUpload(
        bucket,
        key,
        uploadId,
        parts,
        PART_BYTES_MIN,
        (chosen, upload) => seal(request, parts, chosen, upload),
        conditions,
      )
      .catch((error: unknown) => alreadyCompleted(store, request, parts, error));
    return xmlReply(
      xmlDocument(
        'CompleteMultipartUploadResult',
        element('Location', `${request.origin}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`) +
          element('Bucket', bucket) +
          element('Key', key) +
          element('ETag', `"${info.etag}"`) +
          checksumElements(info.checksums) +
          optional('ChecksumType', info.checksumType),
      ),
    );
  },
};

/** The checksum headers of this request are about the object; of the XML in its body they say nothing. */
function withoutObjectChecksum(headers: HeaderList): HeaderList {
  const kept: string[] = [];
  for (const name of headers.names()) {
    if (name.startsWith('x-amz-checksum-') || name === 'x-amz-sdk-checksum-algorithm') continue;
    for (const value of headers.all(name)) kept.push(name, value);
  }
  return new HeaderList(kept);
}

function parseParts(root: XmlElement): CompletedPart[] {
  expectElement(root, 'CompleteMultipartUpload', ['Part']);
  const parts = root.children.map(parsePart);
  if (parts.length === 0) throw malformed('<CompleteMultipartUpload> has no <Part>');
  if (parts.length > PART_NUMBER_MAX)
    throw malformed(`there are ${parts.length} parts, at most ${PART_NUMBER_MAX} are allowed`);
  for (let i = 1; i < parts.length; i++) {
    if (parts[i]!.partNumber <= parts[i - 1]!.partNumber) throw new S3Error('InvalidPartOrder');
  }
  return parts;
}

function parsePart(part: XmlElement): CompletedPart {
  expectElement(part, 'Part', ['PartNumber', 'ETag', ...CHECKSUM_ELEMENTS]);
  const partNumber = childText(part, 'PartNumber');
  const etag = childText(part, 'ETag');
  if (partNumber === null || etag === null) throw malformed('a <Part> needs <PartNumber> and <ETag>');
  return {
    partNumber: parsePartNumber(partNumber.trim()),
    etag: parseTags(etag)[0] ?? '',
    checksums: parseChecksums(part),
  };
}

/** Runs inside the store, when the parts are known and nothing is visible yet. Throws S3Error. */
function seal(
  request: S3Request,
  wanted: readonly CompletedPart[],
  chosen: readonly PartInfo[],
  upload: UploadInfo,
): BodyDigest {
  const sizeBytes = chosen.reduce((sum, part) => sum + part.sizeBytes, 0);
  checkSize(request, sizeBytes);
  const etag = multipartEtag(chosen.map((part) => part.etag));
  const algorithm = algorithmOf(upload);
  checkChecksumHeaders(request, algorithm, upload);
  if (algorithm === null || upload.checksumType === null) return { etag, checksums: {} };
  if (upload.checksumType === 'COMPOSITE') requirePartChecksums(wanted, algorithm);
  const parts = chosen.map((part) => ({ sizeBytes: part.sizeBytes, checksum: part.checksums[algorithm]! }));
  const checksum = combineChecksums(parts, upload.checksumType, algorithm);
  checkObjectChecksum(request, algorithm, checksum);
  return { etag, checksums: { [algorithm]: checksum } };
}

function checkSize(request: S3Request, sizeBytes: number): void {
  if (sizeBytes > OBJECT_BYTES_MAX) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(sizeBytes),
      MaxSizeAllowed: String(OBJECT_BYTES_MAX),
    });
  }
  const said = request.headers.get('x-amz-mp-object-size');
  if (said === null || said === String(sizeBytes)) return;
  throw new S3Error(
    'InvalidRequest',
    `The provided 'x-amz-mp-object-size' header value ${said} does not match what was computed: ${sizeBytes}`,
  );
}

function checkChecksumHeaders(request: S3Request, algorithm: ChecksumAlgorithm | null, upload: UploadInfo): void {
  const type = request.headers.get('x-amz-checksum-type');
  if (type !== null && type !== upload.checksumType) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using the ${upload.checksumType ?? 'no'} checksum type; the complete request must use the same.`,
    );
  }
  for (const name of request.headers.names()) {
    if (!CHECKSUM_HEADERS.has(name) || name === `x-amz-checksum-${algorithm}`) continue;
    throw new S3Error('InvalidRequest', `The upload was not created with the checksum algorithm of ${name}.`);
  }
}

const CHECKSUM_HEADERS: ReadonlySet<string> = new Set(
  CHECKSUM_ALGORITHMS.map((algorithm) => `x-amz-checksum-${algorithm}`),
);

function requirePartChecksums(wanted: readonly CompletedPart[], algorithm: ChecksumAlgorithm): void {
  const without = wanted.find((part) => part.checksums[algorithm] === undefined);
  if (without === undefined) return;
  throw new S3Error(
    'InvalidRequest',
    `The upload was created using a ${algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${without.partNumber} in the request.`,
  );
}

/** A composite may be written with its "-N" or without. */
function checkObjectChecksum(request: S3Request, algorithm: ChecksumAlgorithm, computed: string): void {
  const said = request.headers.get(`x-amz-checksum-${algorithm}`)?.trim();
  if (said === undefined || said === computed || said === computed.replace(/-[0-9]+$/, '')) return;
  throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`);
}

/**
 * A client that did not hear the answer asks again, and the upload is gone. When the object is the one that these parts
 * make, the answer is the same as the first time; otherwise the error stands.
 */
async function alreadyCompleted(
  store: ObjectStore,
  { bucket, key }: S3Request,
  parts: readonly CompletedPart[],
  error: unknown,
): Promise<ObjectInfo> {
  if (!(error instanceof StoreError) || error.code !== 'NoSuchUpload') throw error;
  const tags = parts.map((part) => part.etag);
  const object = tags.every((tag) => /^[0-9a-f]{32}$/.test(tag)) ? await existing(store, bucket, key) : null;
  if (object === null || object.etag !== multipartEtag(tags)) throw error;
  return object;
}

async function existing(store: ObjectStore, bucket: string, key: string): Promise<ObjectInfo | null> {
  try {
    return (await store.getObject(bucket, key)).info;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchKey') return null;
    throw error;
  }
}
