// The source of CopyObject and UploadPartCopy: which object, on which conditions, and its bytes as a body to be stored. Bytes
// stream from store to store; nothing is held.
import type { Body, ByteRange, ObjectInfo, ReadObject } from '../cluster/object-store.ts';
import { decode } from './address.ts';
import { HeaderList } from './auth/request.ts';
import { openBody } from './body/body.ts';
import type { ChecksumAlgorithm } from './body/checksums.ts';
import { judgeRead, readConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { checkBucketName, checkKey } from './names.ts';
import type { S3Context } from './operation.ts';
import { rangeSizeBytes } from './range.ts';
import type { S3Request } from './request.ts';
import { requireOnlyVersion } from './version-id.ts';

/** S3's limit for one copy. */
export const COPY_BYTES_MAX = 5 * 1024 ** 3;

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
}

/** x-amz-copy-source: "bucket/key" or "/bucket/key", percent-encoded, perhaps with "?versionId=null". Throws S3Error. */
export function parseCopySource(header: string): CopySource {
  const mark = header.lastIndexOf('?versionId=');
  if (mark >= 0) requireOnlyVersion(new Map([['versionId', decode(header.slice(mark + '?versionId='.length))]]));
  const path = decode(mark < 0 ? header : header.slice(0, mark));
  const start = path.startsWith('/') ? 1 : 0;
  const slash = path.indexOf('/', start);
  if (slash < 0 || slash === path.length - 1) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey', {
      ArgumentName: 'x-amz-copy-source',
      ArgumentValue: header,
    });
  }
  const source = { bucket: path.slice(start, slash), key: path.slice(slash + 1) };
  checkBucketName(source.bucket);
  checkKey(source.key);
  return source;
}

/** The object that the request names as its source, if it meets the conditions. Throws S3Error and StoreError. */
export async function openCopySource(request: S3Request, source: CopySource, context: S3Context): Promise<ReadObject> {
  const object = await context.store.getObject(source.bucket, source.key);
  const verdict = judgeRead(readConditions(request.headers, 'x-amz-copy-source-'), object.info);
  if (verdict.kind !== 'proceed') {
    const condition = verdict.kind === 'failed' ? verdict.condition : 'If-None-Match or If-Modified-Since';
    throw new S3Error('PreconditionFailed', undefined, { Condition: `x-amz-copy-source-${condition}` });
  }
  return object;
}

/**
 * The bytes as a body. Its tag and checksum are computed while they pass, except where they are known already: what is read
 * from the store is verified there.
 */
export function copyBody(source: ReadObject, range: ByteRange | null, algorithm: ChecksumAlgorithm | null): Body {
  const sizeBytes = range === null ? source.info.sizeBytes : rangeSizeBytes(range);
  if (sizeBytes > COPY_BYTES_MAX) {
    throw new S3Error(
      'InvalidRequest',
      `The specified copy source is larger than the maximum allowable size for a copy source: ${COPY_BYTES_MAX}`,
    );
  }
  if (range === null && isKnown(source.info, algorithm)) {
    const { etag, checksums } = source.info;
    return { stream: source.read(null), sizeBytes, seal: () => ({ etag, checksums }) };
  }
  const headers = new HeaderList(['content-length', String(sizeBytes)]);
  return openBody(source.read(range), headers, { kind: 'unsigned' }, { computeChecksum: algorithm });
}

/** Whether the source's own tag and checksums are those of its bytes, and the wanted checksum is among them. */
function isKnown(info: ObjectInfo, algorithm: ChecksumAlgorithm | null): boolean {
  if (info.etag.includes('-') || info.checksumType === 'COMPOSITE') return false;
  return algorithm === null || Object.hasOwn(info.checksums, algorithm);
}
